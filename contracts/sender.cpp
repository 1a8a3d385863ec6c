// SPDX-License-Identifier: Apache-2.0
#include "contracts/sender.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"

namespace ioswarm::contracts {
namespace {

constexpr const char* kCannotSend = "cannot send the transaction";
constexpr std::uint64_t kMaxNonceDistance = 10'000;
/// EIP-2681 limits nonces to 2^64 - 2. A thousandth of that is far more than any wallet ever sends.
constexpr std::uint64_t kHighestNonce = ~std::uint64_t{0} / 1000;
constexpr const char* kResumeHint =
    "run the same command again: it continues with this transaction and sends no other";

EthTx to_eth_tx(const TransactionOrder& order, std::uint64_t chain_id) {
    EthTx tx;
    tx.type = order.dynamic_fee ? EthTxType::dynamic_fee : EthTxType::legacy;
    tx.chain_id = chain_id;
    tx.nonce = order.nonce;
    if (order.dynamic_fee) {
        tx.gas_fee_cap = order.gas_price;
        tx.gas_tip_cap = std::min<U256>(order.gas_price, kMinGasPrice);
    } else {
        tx.gas_price = order.gas_price;
    }
    tx.gas_limit = order.gas_limit;
    tx.to = order.to;
    tx.value = order.value;
    tx.data = order.data;
    return tx;
}

const U256& price_in(const EthTx& tx) {
    return tx.type == EthTxType::legacy ? tx.gas_price : tx.gas_fee_cap;
}

}  // namespace

void WaitClock::sleep(std::chrono::milliseconds time, const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait_for(lock, stop, time, [] { return false; });
}

Result<U256> choose_gas_price(ChainClient& chain, const U256& cap) {
    IOSWARM_TRY(const auto suggested, chain.gas_price());
    IOSWARM_TRY(const auto tip, chain.tip());
    IOSWARM_TRY(const auto block, chain.block(tip));
    U256 price = std::max<U256>(suggested, kMinGasPrice);
    if (block) price = std::max(price, block->base_fee);
    if (price <= cap) return price;
    constexpr std::uint64_t kGweiInRau = 1'000'000'000;
    return fail(ErrorCode::resource_exhausted, "the gas price is too high", {},
                fmt::format("{} Gwei, and the limit is {} Gwei", to_decimal((price - 1) / kGweiInRau + 1),
                            to_decimal(cap / kGweiInRau)),
                cap < kMinGasPrice ? "the chain takes nothing below 1000 Gwei: raise --max-gas-price"
                                   : "wait, or raise --max-gas-price");
}

Result<std::uint64_t> choose_nonce(ChainClient& chain, const SentJournal* journal, const Address& wallet) {
    IOSWARM_TRY(const auto confirmed, chain.confirmed_nonce(wallet));
    IOSWARM_TRY(const auto pool, chain.pool_nonce(wallet));
    const std::uint64_t next = std::max(confirmed.nonce, pool);
    if (next > kHighestNonce || next - confirmed.nonce > kMaxNonceDistance) {
        return fail(ErrorCode::bad_data, kCannotSend, {},
                    fmt::format("the node says nonce {} confirmed and {} in its pool", confirmed.nonce, pool));
    }
    if (journal != nullptr && next < journal->next_nonce()) {
        return fail(ErrorCode::unavailable, kCannotSend, {},
                    fmt::format("the node is behind: it knows this wallet's nonce {}, and {} was mined already",
                                next, journal->next_nonce() - 1),
                    "wait until it has caught up, or use another --rpc");
    }
    return next;
}

TransactionSender::TransactionSender(ChainClient& chain, SentJournal& journal, PrivateKey key,
                                     SenderSettings settings, WaitClock& clock, std::stop_token stop)
    : chain_(chain),
      journal_(journal),
      key_(std::move(key)),
      settings_(settings),
      clock_(clock),
      stop_(std::move(stop)),
      evidence_(chain, key_.address()) {}

Result<SentEntry> TransactionSender::run(const TransactionOrder& order) {
    if (order.gas_limit > kBlockGasLimit) {
        return fail(ErrorCode::failed_check, kCannotSend, {},
                    fmt::format("{} gas is more than a block takes ({})", order.gas_limit, kBlockGasLimit));
    }
    IOSWARM_TRY(const auto found, find_given_up(order.kind, order.key, order.max_gas_price));
    if (found) return *found;
    for (const SentEntry& one : given_up_entries(journal_.entries(), order.kind, order.key)) {
        if (one.nonce <= order.nonce) continue;
        return fail(ErrorCode::unavailable, kCannotSend, to_hex0x(one.attempts.back().hash.view()),
                    fmt::format("it was given up with nonce {}, and it could follow a new one with nonce {}",
                                one.nonce, order.nonce),
                    "wait until the node knows the wallet's earlier transactions, or use another --rpc");
    }
    // Nothing is signed before the endpoint's chain id has been checked, immediately before.
    IOSWARM_DO(chain_.check_chain());
    IOSWARM_TRY(const auto tip, chain_.tip());
    SentEntry entry;
    entry.kind = order.kind;
    entry.key = order.key;
    entry.nonce = order.nonce;
    entry.from_block = tip;
    entry.attempts.push_back(sign_transaction(to_eth_tx(order, chain_.expected_chain_id()), key_));
    IOSWARM_DO(journal_.add(entry));
    Wait wait;
    wait.entry = *journal_.open_entry();
    wait.max_gas_price = order.max_gas_price;
    return wait_for(wait);
}

Result<SentEntry> TransactionSender::resume(const U256& max_gas_price) {
    const SentEntry* open = journal_.open_entry();
    if (open == nullptr)
        return fail(ErrorCode::internal, kCannotSend, {}, "the journal has no open transaction");
    IOSWARM_DO(chain_.check_chain());
    Wait wait;
    wait.entry = *open;
    wait.max_gas_price = max_gas_price;
    wait.maybe_kept = true;  // the earlier, interrupted run may have sent it
    return wait_for(wait);
}

Status TransactionSender::submit(Wait& wait) {
    const RawEthTx& newest = wait.entry.attempts.back();
    const SendResult sent = chain_.send(newest);
    wait.maybe_kept = wait.maybe_kept || sent.maybe_kept;
    wait.send_again = false;
    if (!wait.sent && notice_) notice_(newest.hash);
    wait.sent = true;
    if (const auto tip = chain_.tip()) wait.sent_at = *tip;
    switch (sent.outcome) {
        case SendOutcome::accepted:
        case SendOutcome::known:
        case SendOutcome::nonce_too_low:  // perhaps because of this very transaction; the receipts will tell
            wait.last_error = {};
            return {};
        case SendOutcome::pool_full:
        case SendOutcome::unknown:
            wait.send_again = true;
            wait.last_error = {ErrorCode::unavailable, kCannotSend, {}, sent.why, {}};
            return {};
        default:
            break;
    }
    return after_refusal(wait, sent);
}

Status TransactionSender::after_refusal(Wait& wait, const SendResult& sent) {
    // An endpoint may have kept it from an earlier attempt. Then it is awaited, and this refusal does not
    // matter.
    if (wait.maybe_kept) return {};
    if (evidence_.send_to_others(wait.entry.attempts.back())) {
        wait.maybe_kept = true;
        return {};
    }
    const Error error = refusal_error(wait.entry, sent);
    if (is_believable(wait.entry, sent.outcome)) {
        IOSWARM_DO(journal_.close(SentEntry::State::refused));
        return fail(error);
    }
    // What the endpoints say about the wallet does not fit the refusal, so it may be mined all the same.
    wait.send_again = true;
    wait.last_error = error;
    return {};
}

Result<std::optional<Receipt>> TransactionSender::look(Wait& wait) {
    constexpr std::uint64_t kFullPortion = 256;  // number of blocks that one call reads
    const std::uint64_t began = wait.scan_from;
    wait.more_to_read = false;
    auto found = chain_.find_receipt(wait.hashes, &wait.scan_from);
    if (!found || *found) return found;
    wait.more_to_read = wait.scan_from - began >= kFullPortion;
    IOSWARM_TRY(const auto confirmed, chain_.confirmed_nonce(key_.address()));
    wait.wallet_nonce = confirmed.nonce;
    if (confirmed.nonce > wait.entry.nonce) return look_everywhere(wait);
    wait.used_since.reset();
    return std::nullopt;
}

Status TransactionSender::raise_price(Wait& wait) {
    if (wait.wallet_nonce && *wait.wallet_nonce > wait.entry.nonce) return {};  // its nonce is used
    const auto tip = chain_.tip();
    if (!tip || *tip < wait.sent_at + settings_.blocks_until_bump) return {};
    wait.send_again = true;
    auto signed_tx = decode_signed(wait.entry.attempts.back().raw);
    const auto wanted = choose_gas_price(chain_, ~U256(0));
    if (!signed_tx || !wanted) return {};
    EthTx tx = std::move(signed_tx->tx);
    const U256 old = price_in(tx);
    if (*wanted <= old || old >= wait.max_gas_price) return {};
    const U256 raised = std::min(std::max(*wanted, bumped_price(old)), wait.max_gas_price);
    if (raised <= old) return {};
    (tx.type == EthTxType::legacy ? tx.gas_price : tx.gas_fee_cap) = raised;
    IOSWARM_DO(chain_.check_chain());
    const RawEthTx attempt = sign_transaction(tx, key_);
    IOSWARM_DO(journal_.add_attempt(attempt));
    wait.entry = *journal_.open_entry();
    wait.hashes.push_back(attempt.hash);
    if (notice_) notice_(attempt.hash);
    return {};
}

Result<SentEntry> TransactionSender::finish_replaced(const Wait& wait) {
    IOSWARM_DO(journal_.close(SentEntry::State::replaced));
    // An earlier attempt for the same payment may have taken the nonce, although an endpoint had refused it.
    IOSWARM_TRY(const auto found, find_given_up(wait.entry.kind, wait.entry.key, wait.max_gas_price));
    if (found) return *found;
    return fail(ErrorCode::aborted, "the transaction is lost", to_hex0x(wait.entry.attempts.back().hash.view()),
                fmt::format("another transaction of this wallet was mined with its nonce {}", wait.entry.nonce),
                "somebody else uses this key; nothing of this command was done");
}

Error TransactionSender::unconfirmed(const Wait& wait, bool stopped) const {
    std::string why = stopped ? "stopped while it waits to be mined" : "it is not mined yet";
    if (!stopped && wait.wallet_nonce && *wait.wallet_nonce < wait.entry.nonce) {
        why += fmt::format("; it has nonce {}, and the wallet's transaction with nonce {} comes first",
                           wait.entry.nonce, *wait.wallet_nonce);
    }
    if (!stopped && wait.used_since) {
        why = fmt::format(
            "no endpoint shows it, although its nonce {} is used; it counts as lost if this is "
            "still so at block {}",
            wait.entry.nonce, *wait.used_since + settings_.blocks_until_lost);
    }
    if (!stopped && !wait.last_error.what.empty()) why += "; last: " + wait.last_error.text();
    return {stopped ? ErrorCode::cancelled : ErrorCode::timed_out, "the transaction is not confirmed",
            to_hex0x(wait.entry.attempts.back().hash.view()), why, kResumeHint};
}

Result<SentEntry> TransactionSender::wait_for(Wait& wait) {
    for (const RawEthTx& one : wait.entry.attempts)
        wait.hashes.push_back(one.hash);
    wait.scan_from = wait.entry.from_block;
    evidence_.begin(wait.entry.from_block);
    const auto deadline = clock_.now() + settings_.timeout;
    for (;;) {
        if (wait.send_again) {
            IOSWARM_DO(submit(wait));
        }
        const auto found = look(wait);
        if (found && *found) {
            const auto sure = is_final(**found, wait.entry.nonce);
            if (sure && *sure) {
                const std::uint64_t id = wait.entry.id;
                IOSWARM_DO(journal_.close(**found));
                return journal_.entries().at(id - 1);
            }
            if (!sure) wait.last_error = sure.error();
            wait.scan_from = wait.entry.from_block;  // the transaction may reappear in another block
        } else if (!found) {
            if (found.error().code == ErrorCode::config) return fail(found.error());
            wait.last_error = found.error();
        } else if (wait.is_lost) {
            return finish_replaced(wait);
        }
        if (!settings_.wait && !wait.send_again) return wait.entry;
        if (!settings_.wait || stop_.stop_requested() || clock_.now() >= deadline) break;
        if (wait.more_to_read) continue;
        clock_.sleep(settings_.poll, stop_);
        IOSWARM_DO(raise_price(wait));
    }
    return fail(unconfirmed(wait, stop_.stop_requested()));
}

}  // namespace ioswarm::contracts
