// SPDX-License-Identifier: Apache-2.0
// The part of TransactionSender that decides whether an endpoint is believed.
#include <algorithm>

#include <fmt/format.h>

#include "contracts/sender.hpp"
#include "core/base/decimal.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::contracts {
namespace {

/// The most that the transaction can take from the wallet, in rau.
U256 max_cost(const RawEthTx& attempt) {
    const auto signed_tx = decode_signed(attempt.raw);
    if (!signed_tx) return 0;
    const EthTx& tx = signed_tx->tx;
    return tx.value + U256(tx.gas_limit) * (tx.type == EthTxType::legacy ? tx.gas_price : tx.gas_fee_cap);
}

}  // namespace

Error balance_error(const Address& wallet, const U256& balance, const U256& needed) {
    const auto iotx = [](const U256& rau) { return rau_to_iotx(rau) + " IOTX"; };
    return {ErrorCode::failed_check, "the wallet's balance is too low", to_checksum_hex(wallet),
            fmt::format("it has {}, and value and gas take {}", iotx(balance), iotx(needed)),
            "send " + iotx(needed - balance) + " to it, then run this again"};
}

/// Called when the nonce is used and the endpoint in use shows no receipt. Asks every endpoint.
Result<std::optional<Receipt>> TransactionSender::look_everywhere(Wait& wait) {
    const auto unsure = [&wait](const std::string& why) {
        return fail(ErrorCode::unavailable, "the outcome of the transaction is unknown",
                    to_hex0x(wait.entry.attempts.back().hash.view()), why);
    };
    IOSWARM_TRY(auto seen, evidence_.look(wait.hashes));
    if (seen.receipt) return std::move(seen.receipt);
    IOSWARM_TRY(auto word, evidence_.nonce_used(wait.entry.nonce, wait.hashes));
    if (word.state == ChainEvidence::Nonce::found) return std::move(word.receipt);
    wait.more_to_read = seen.more || word.state == ChainEvidence::Nonce::reading;
    if (wait.more_to_read) return std::nullopt;
    if (word.state == ChainEvidence::Nonce::open) {
        wait.used_since.reset();
        return std::nullopt;
    }
    if (word.state == ChainEvidence::Nonce::unsure) return unsure(word.silent);
    if (!seen.complete) return unsure(seen.silent);
    if (word.height < wait.entry.from_block) {
        return unsure(fmt::format("an endpoint is at block {}, and it was signed at block {}", word.height,
                                  wait.entry.from_block));
    }
    if (!wait.used_since) wait.used_since = word.height;
    wait.is_lost = word.height >= *wait.used_since + settings_.blocks_until_lost;
    return std::nullopt;
}

/// Returns false if this endpoint reports a different result for the same transaction. An endpoint that does
/// not show it yet, or offers no receipts, does not contradict.
bool TransactionSender::agrees(ChainEndpoint& endpoint, const Receipt& receipt) {
    const auto is_other = [&receipt](const Receipt& one) {
        return one.transaction == receipt.transaction &&
               (one.status != receipt.status || one.block_hash != receipt.block_hash ||
                one.contract != receipt.contract);
    };
    const auto by_hash = endpoint.receipt(receipt.transaction);
    if (by_hash && *by_hash) return !is_other(**by_hash);
    const auto in_block = endpoint.block_receipts(receipt.block, 1);
    return !in_block || in_block->empty() || std::ranges::none_of(in_block->front(), is_other);
}

Result<bool> TransactionSender::is_final(const Receipt& receipt, std::uint64_t nonce) {
    // On this chain a block is final at once, provided the endpoint is honest. So every endpoint that answers
    // must know the block by this hash, count the nonce as used, and report the same result. Otherwise a single
    // endpoint that wrongly reports a failure could make the operator pay a second time.
    bool any = false;
    for (ChainEndpoint* one : endpoints_of_chain()) {
        const auto block = one->block(receipt.block);
        const auto confirmed = one->confirmed_nonce(key_.address());
        if (!block || !confirmed) continue;
        if (!*block || (*block)->hash != receipt.block_hash || confirmed->nonce <= nonce) return false;
        if (chain_.endpoint_count() > 1 && !agrees(*one, receipt)) {
            return fail(ErrorCode::unavailable, "the endpoints contradict each other",
                        to_hex0x(receipt.transaction.view()), one->name() + " reports another outcome",
                        "leave out the endpoint that is wrong");
        }
        any = true;
    }
    if (!any || receipt.succeeded() || chain_.endpoint_count() == 1) return any;
    // After a failure the operator sends again. So two endpoints must show it, or all of them.
    IOSWARM_TRY(const auto judged, evidence_.judge(receipt, nonce, 0, true));
    if (judged.finality == ChainEvidence::Finality::final) return true;
    return fail(ErrorCode::unavailable, "one endpoint alone says that the transaction failed",
                to_hex0x(receipt.transaction.view()), judged.why,
                "leave out the endpoint that does not show it");
}

/// The endpoints that answer for the right chain.
std::vector<ChainEndpoint*> TransactionSender::endpoints_of_chain() {
    std::vector<ChainEndpoint*> out;
    for (std::size_t i = 0; i < chain_.endpoint_count(); ++i) {
        ChainEndpoint& one = chain_.endpoint(i);
        const auto id = one.chain_id();
        if (id && *id == chain_.expected_chain_id()) out.push_back(&one);
    }
    return out;
}

/// True if an endpoint answers, and none knows a transaction with this nonce, mined or waiting.
bool TransactionSender::is_unused_everywhere(std::uint64_t nonce) {
    bool any = false;
    for (ChainEndpoint* one : endpoints_of_chain()) {
        const auto confirmed = one->confirmed_nonce(key_.address());
        const auto pool = one->pool_nonce(key_.address());
        if (!confirmed || !pool) continue;
        if (std::max(confirmed->nonce, *pool) > nonce) return false;
        any = true;
    }
    return any;
}

/// Decides whether a refusal fits what the endpoints say about the wallet. An endpoint may refuse a transaction
/// and pass it on all the same.
bool TransactionSender::is_believable(const SentEntry& entry, SendOutcome outcome) {
    if (!is_unused_everywhere(entry.nonce)) return false;
    if (outcome != SendOutcome::no_funds) return true;
    const U256 needed = max_cost(entry.attempts.back());
    return std::ranges::none_of(endpoints_of_chain(), [&](ChainEndpoint* one) {
        const auto balance = one->balance(key_.address());
        return balance && *balance >= needed;
    });
}

/// Explains a refusal to the operator.
Error TransactionSender::refusal_error(const SentEntry& entry, const SendResult& sent) {
    constexpr const char* kRefused = "the node refuses the transaction of wallet";
    const std::string wallet = to_checksum_hex(key_.address());
    switch (sent.outcome) {
        case SendOutcome::no_funds: {
            const U256 needed = max_cost(entry.attempts.back());
            const auto balance = chain_.balance(key_.address());
            if (balance && *balance < needed) return balance_error(key_.address(), *balance, needed);
            return {ErrorCode::failed_check, kRefused, wallet, sent.why,
                    balance ? fmt::format("it has {} IOTX, and value and gas take {} IOTX: use another --rpc",
                                          rau_to_iotx(*balance), rau_to_iotx(needed))
                            : "compare the wallet's balance with value and gas"};
        }
        case SendOutcome::wrong_chain:
            return {ErrorCode::config, kRefused, wallet, sent.why, "check --network, --rpc and --chain-id"};
        case SendOutcome::underpriced:
            return {ErrorCode::try_again, kRefused, wallet, sent.why,
                    "another transaction of this wallet may wait with the same nonce, or the price is too low"};
        case SendOutcome::nonce_too_high:
            return {ErrorCode::try_again, kRefused, wallet, sent.why,
                    "earlier transactions of this wallet are not mined yet"};
        default:
            return {ErrorCode::failed_check, kRefused, wallet, sent.why,
                    "nothing was sent; --dry-run shows what would be"};
    }
}

/// Whether a transaction that was given up is mined or may still be mined, apart from one whose nonce no
/// endpoint knows as used.
Result<bool> TransactionSender::may_be_mined(const SentEntry& given_up) {
    std::vector<Hash256> hashes;
    for (const RawEthTx& one : given_up.attempts)
        hashes.push_back(one.hash);
    const auto unsure = [&hashes](const std::string& why) {
        return fail(ErrorCode::unavailable,
                    "it is unknown whether an earlier transaction of this command was mined",
                    to_hex0x(hashes.back().view()), why,
                    "wait until the endpoint answers, or leave it out; nothing was sent");
    };
    evidence_.begin(given_up.from_block);
    for (;;) {
        IOSWARM_TRY(const auto seen, evidence_.look(hashes));
        if (seen.receipt) return true;
        IOSWARM_TRY(const auto word, evidence_.nonce_used(given_up.nonce, hashes));
        if (word.state == ChainEvidence::Nonce::found) return true;
        const bool is_refused = given_up.state == SentEntry::State::refused;
        if (word.state == ChainEvidence::Nonce::open)
            return !is_refused || !is_unused_everywhere(given_up.nonce);
        if (seen.more || word.state == ChainEvidence::Nonce::reading) continue;
        if (word.state == ChainEvidence::Nonce::unsure) return unsure(word.silent);
        if (!seen.complete) return unsure(seen.silent);
        // A replaced one was awaited for many blocks before it was given up. A refused one was not.
        return is_refused;
    }
}

Result<std::optional<SentEntry>> TransactionSender::find_given_up(std::string_view kind, std::string_view key,
                                                                  const U256& max_gas_price) {
    for (SentEntry& one : given_up_entries(journal_.entries(), kind, key)) {
        IOSWARM_TRY(const bool may_be, may_be_mined(one));
        if (!may_be) continue;
        if (!is_signed_by(one, chain_.expected_chain_id(), key_.address())) {
            return fail(ErrorCode::data_loss, "cannot use the journal of sent transactions", journal_.path(),
                        "a transaction that was given up was not signed by the wallet's key");
        }
        IOSWARM_DO(journal_.add(std::move(one)));
        IOSWARM_TRY(auto done, resume(max_gas_price));
        return std::optional<SentEntry>(std::move(done));
    }
    return std::nullopt;
}

}  // namespace ioswarm::contracts
