// SPDX-License-Identifier: Apache-2.0
#include "core/evm/transaction.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "core/crypto/keccak.hpp"
#include "core/crypto/rlp.hpp"
#include "core/evm/precompiles.hpp"

namespace ioswarm::evm {
namespace {

constexpr std::uint64_t kBlobGas = 131'072;  // per blob, EIP-4844
/// EIP-7702: an authority that already exists gets half of the price of its authorization back.
constexpr std::uint64_t kKnownAuthorityRefund = 12'500;

const char* const kInsufficientFunds = "insufficient funds for gas * price + value";

std::size_t key_count(const Transaction& transaction) noexcept {
    std::size_t count = 0;
    for (const AccessListEntry& entry : transaction.access_list)
        count += entry.storage_keys.size();
    return count;
}

/// Half the order of secp256k1 (SEC 2, section 2.4.1). A signature with a higher s is refused (EIP-2).
constexpr Word kHalfOrder{0x7fffffffffffffff, 0xffffffffffffffff, 0x5d576e7357a4501d, 0xdfe92f46681b20a0};

/// The final price per unit of gas: the base fee plus as much of the tip as the cap allows.
Word effective_price(const Transaction& transaction, const BlockContext& block) {
    if (transaction.fee_cap < block.base_fee) return transaction.fee_cap;
    const Word room = transaction.fee_cap - block.base_fee;
    return block.base_fee + (transaction.tip_cap < room ? transaction.tip_cap : room);
}

Environment environment_of(const Transaction& transaction, const BlockContext& block, const Rules& rules) {
    Environment environment;
    environment.number = block.number;
    environment.timestamp = block.timestamp;
    environment.coinbase = block.coinbase;
    environment.base_fee = block.base_fee;
    if (rules.blob_base_fee) environment.blob_base_fee = block.blob_base_fee;
    environment.gas_limit = rules.block_gas_limit ? block.gas_limit : transaction.gas_limit;
    environment.chain_id = block.chain_id;
    environment.origin = transaction.from;
    environment.gas_price = transaction.fee_cap;
    environment.blob_hashes = transaction.blob_hashes;
    return environment;
}

}  // namespace

std::uint64_t intrinsic_gas(const Transaction& transaction, const Rules& rules) noexcept {
    const IntrinsicGas& price = rules.intrinsic;
    return price.base + price.data_byte * transaction.data.size() +
           price.listed_address * transaction.access_list.size() + price.listed_key * key_count(transaction) +
           price.authorization * transaction.authorizations.size();
}

std::uint64_t floor_gas(const Transaction& transaction, const Rules& rules) noexcept {
    return rules.floor.base + rules.floor.data_byte * transaction.data.size();
}

Hash256 authorization_hash(const SetCodeAuthorization& authorization) {
    Bytes items;
    rlp::append_uint(items, authorization.chain_id);
    rlp::append_bytes(items, authorization.address.view());
    rlp::append_uint(items, authorization.nonce);
    Bytes message{0x05};
    rlp::append_list(message, items);
    return keccak256(message);
}

std::optional<Address> authority_of(const SetCodeAuthorization& authorization) {
    const Word s = Word::from(authorization.s);
    if (authorization.y_parity > 1 || s > kHalfOrder) return std::nullopt;
    Signature signature;
    Word::from(authorization.r).store(signature.bytes.data());
    s.store(signature.bytes.data() + 32);
    signature.bytes[64] = authorization.y_parity;
    const auto key = recover(authorization_hash(authorization), signature);
    return key ? std::optional(address_of(*key)) : std::nullopt;
}

std::string Executor::why_refused(const Transaction& transaction, const BlockContext& block,
                                  const Rules& rules) {
    if (!rules.set_code && !transaction.authorizations.empty()) return "set-code transactions are not accepted";
    if (transaction.gas_limit > block.gas_limit) return "exceeds block gas limit";
    const bool overflows = transaction.fee_cap.bit_length() > 256 - 64;
    const Word balance = state_.account(transaction.from).balance;
    if (overflows || balance < transaction.fee_cap * Word(transaction.gas_limit)) return kInsufficientFunds;
    if (transaction.gas_limit < intrinsic_gas(transaction, rules)) return kInsufficientFunds;
    const std::uint64_t floor = floor_gas(transaction, rules);
    if (transaction.gas_limit < floor) {
        return fmt::format("have {}, want {}: insufficient gas for floor data gas cost", transaction.gas_limit,
                           floor);
    }
    return {};
}

void Executor::prewarm(const Transaction& transaction, const BlockContext& block, const Rules& rules) {
    state_.warm(transaction.from);
    if (transaction.to) state_.warm(*transaction.to);
    for (const Address& address : precompile_addresses(rules))
        state_.warm(address);
    for (const AccessListEntry& entry : transaction.access_list) {
        state_.warm(entry.address);
        for (const Hash256& key : entry.storage_keys)
            state_.warm(entry.address, Word::from(key));
    }
    state_.warm(block.coinbase);
}

/// Applies an authorization; skips it if it is not valid.
void Executor::apply(const SetCodeAuthorization& authorization, std::uint64_t chain_id) {
    if (authorization.chain_id != 0 && authorization.chain_id != chain_id) return;
    if (authorization.nonce == std::numeric_limits<std::uint64_t>::max()) return;
    const auto address = authority_of(authorization);
    if (!address) return;
    Account& authority = state_.account(*address);
    state_.warm(authority);
    state_.consult(authority);
    if (authority.has_code() && !authority.code->delegate()) return;
    if (authority.nonce != authorization.nonce) return;
    if (state_.exists(authority)) state_.add_refund(kKnownAuthorityRefund);
    state_.set_nonce(authority, authorization.nonce + 1);
    const bool clears = authorization.address.is_zero();
    state_.set_code(authority,
                    std::make_shared<const Code>(clears ? Bytes{} : delegation_to(authorization.address)));
    if (!clears) state_.consult(state_.account(authorization.address));
}

void Executor::take_fees(const Transaction& transaction, const BlockContext& block, std::uint64_t used) {
    Account& sender = state_.account(transaction.from);
    const Word blob_fee = block.blob_base_fee * Word(kBlobGas * transaction.blob_hashes.size());
    state_.subtract_balance(sender, effective_price(transaction, block) * Word(used) + blob_fee);
}

/// Applies refund, floor and fees. Returns the gas that the receipt shows.
std::uint64_t Executor::settle(const Transaction& transaction, const BlockContext& block, const Rules& rules,
                               std::uint64_t gas_left) {
    std::uint64_t used = transaction.gas_limit - gas_left;
    if (rules.refund_quotient != 0) used -= std::min(used / rules.refund_quotient, state_.refund());
    used = std::max(used, floor_gas(transaction, rules));
    if (rules.fees) {
        state_.add_balance(state_.account(transaction.from), transaction.fee_cap * Word(transaction.gas_limit));
        take_fees(transaction, block, used);
    }
    return used;
}

void Executor::report_state(Outcome& outcome) const {
    outcome.missing = state_.missing();
    outcome.logs = state_.logs();
    outcome.transfers = state_.transfers();
    outcome.changes = state_.changes();
    outcome.accounts = state_.consulted_accounts();
    outcome.slots = state_.consulted_slots();
}

Outcome Executor::run_transfer(const Transaction& transaction, const BlockContext& block, StateSource& source,
                               const Rules& rules) {
    Outcome outcome;
    state_.reset(source, rules);
    Account& sender = state_.account(transaction.from);
    Account& recipient = state_.account(transaction.to.value_or(transaction.from));
    state_.consult(sender);
    state_.consult(recipient);
    outcome.gas_used = intrinsic_gas(transaction, rules);
    const Word most = transaction.fee_cap * Word(transaction.gas_limit);
    const bool overflows = transaction.fee_cap.bit_length() > 256 - 64 || most + transaction.value < most;
    if (overflows || sender.balance < most + transaction.value || transaction.gas_limit < outcome.gas_used) {
        outcome.refused = kInsufficientFunds;
        outcome.missing = state_.missing();
        return outcome;
    }
    state_.set_nonce(sender, sender.nonce + 1);
    if (!recipient.has_code()) {
        if (!state_.exists(recipient)) state_.make_account(recipient);
        state_.transfer(sender, recipient, transaction.value);
        outcome.status = receipt_status(Failure::none);
    }
    take_fees(transaction, block, outcome.gas_used);
    report_state(outcome);
    return outcome;
}

/// The steps between the purchase of the gas and the first opcode.
void Executor::prepare(const Transaction& transaction, const BlockContext& block, const Rules& rules) {
    Account& sender = state_.account(transaction.from);
    if (rules.prewarm) prewarm(transaction, block, rules);
    if (transaction.to && rules.call_raises_nonce) state_.set_nonce(sender, sender.nonce + 1);
    for (const SetCodeAuthorization& authorization : transaction.authorizations)
        apply(authorization, block.chain_id);
    if (!rules.set_code || !transaction.to) return;
    const Account& recipient = state_.account(*transaction.to);
    if (!recipient.code || !recipient.code->delegate()) return;
    Account& named = state_.account(*recipient.code->delegate());
    state_.warm(named);
    state_.consult(named);
}

Outcome Executor::run(const Transaction& transaction, const BlockContext& block, StateSource& source,
                      const Rules& rules, const RunLimits& limits) {
    Outcome outcome;
    state_.reset(source, rules);
    Account& sender = state_.account(transaction.from);
    state_.consult(sender);
    if (rules.fees) {
        outcome.refused = why_refused(transaction, block, rules);
        if (!outcome.refused.empty()) {
            outcome.missing = state_.missing();
            return outcome;
        }
        state_.subtract_balance(sender, transaction.fee_cap * Word(transaction.gas_limit));
    }
    prepare(transaction, block, rules);
    Environment environment = environment_of(transaction, block, rules);
    environment.limits = limits;
    const std::uint64_t gas = transaction.gas_limit - intrinsic_gas(transaction, rules);
    MessageResult result =
        machine_.run({transaction.from, transaction.to, transaction.value, transaction.data, gas}, state_,
                     rules, environment);
    outcome.failure = result.failure;
    if (rules.fees && outcome.failure.kind == Failure::balance) outcome.refused = failure_text(outcome.failure);
    outcome.status = receipt_status(outcome.failure.kind);
    outcome.frame_gas = gas - result.gas_left;
    outcome.gas_used = settle(transaction, block, rules, result.gas_left);
    if (transaction.to || rules.output_of_creation) {
        outcome.output = std::move(result.output);
    }
    if (result.failure.kind == Failure::none) outcome.created = result.created;
    report_state(outcome);
    return outcome;
}

}  // namespace ioswarm::evm
