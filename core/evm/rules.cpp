// SPDX-License-Identifier: Apache-2.0
#include "core/evm/rules.hpp"

#include <limits>

namespace ioswarm::evm {
namespace {

constexpr std::uint64_t kMainnet = 4689;
constexpr std::uint64_t kTestnet = 4690;

constexpr Rules make_cancun() {
    Rules rules;
    rules.name = "cancun";
    rules.intrinsic = {10'000, 100, 2'400, 1'900, 0};
    rules.refund_quotient = 5;
    rules.fees = true;
    rules.call_raises_nonce = true;
    rules.prewarm = true;
    rules.blob_base_fee = true;
    rules.code_hash_fills = true;
    rules.deletes_destroyed = true;
    rules.reserved_topic = true;
    return rules;
}

constexpr Rules make_prague() {
    Rules rules = make_cancun();
    rules.name = "prague";
    rules.set_code = true;
    rules.bls_precompiles = true;
    rules.intrinsic.authorization = 25'000;
    rules.floor = {10'000, 250};
    rules.taken = AddressTaken::nonce_code_or_storage;
    rules.created = CreatedMark::if_absent_before;
    return rules;
}

constexpr Rules make_agent() {
    Rules rules;
    rules.name = "agent";
    rules.output_of_creation = true;
    rules.block_gas_limit = true;
    rules.block_hash_is_number = true;
    rules.hash_of_no_code = true;
    rules.original = OriginalValue::at_start;
    rules.taken = AddressTaken::known_or_code;
    rules.created = CreatedMark::known_new;
    rules.touch_makes_account = true;
    rules.burn_on_self_transfer = true;
    rules.transfers_in_logs = true;
    return rules;
}

constexpr Rules kCancun = make_cancun();
constexpr Rules kPrague = make_prague();
constexpr Rules kAgent = make_agent();

}  // namespace

const Rules& cancun_rules() noexcept {
    return kCancun;
}

const Rules& prague_rules() noexcept {
    return kPrague;
}

const Rules& agent_rules() noexcept {
    return kAgent;
}

std::uint64_t prague_height(std::uint64_t chain_id) noexcept {
    switch (chain_id) {
        case kMainnet:
            return 48'985'561;
        case kTestnet:
            return 42'819'841;
        default:
            return std::numeric_limits<std::uint64_t>::max();
    }
}

const Rules& chain_rules(std::uint64_t chain_id, std::uint64_t height,
                         std::optional<std::uint64_t> prague_from) noexcept {
    return height >= prague_from.value_or(prague_height(chain_id)) ? kPrague : kCancun;
}

}  // namespace ioswarm::evm
