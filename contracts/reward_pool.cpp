// SPDX-License-Identifier: Apache-2.0
#include "contracts/reward_pool.hpp"

#include <algorithm>

#include "contracts/abi.hpp"
#include "core/base/try.hpp"
#include "core/crypto/keccak.hpp"

namespace ioswarm::contracts {
namespace {

constexpr unsigned kWeightBits = 88;

// keccak256 of the contract's code on the chain. The first two come from the creation code inside deployed
// agents: as it is, and with its two damaged bytes corrected. The third is that of version 1.
constexpr std::string_view kDamagedV2 = "cf4dd478e86455a122cecb754765bdde628f9f280309fdfe55f0e5d518e67890";
constexpr std::string_view kGoodV2 = "623d678e0984fc3011105506ce1ae04c91e4ccf12b05f457985b28655f34fad9";
constexpr std::string_view kV1 = "e587771d99146a6652bfbb5babfec76abf8eef45d4ff158a7452442d63e2e404";

using abi::CallWriter;
using Kind = PoolEvent::Kind;

struct EventRow {
    Kind kind;
    std::string_view signature;
    std::size_t topics;  ///< number of topics, including the first
    std::size_t words;   ///< number of words in the data
};
constexpr EventRow kEvents[] = {
    {Kind::agent_updated, "AgentUpdated(address,uint256)", 2, 1},
    {Kind::settled, "Settled(uint256,uint256)", 1, 2},
    {Kind::claimed, "Claimed(address,uint256)", 2, 1},
    {Kind::claim_failed, "ClaimFailed(address,uint256)", 2, 1},
    {Kind::epoch_settled, "EpochSettled(uint64,uint256,uint256,uint256)", 2, 3},
    {Kind::coordinator_proposed, "CoordinatorProposed(address,address)", 3, 0},
    {Kind::coordinator_changed, "CoordinatorChanged(address,address)", 3, 0},
};

/// Fills in the values of the log. Returns false if a word is not of its type.
bool fill_event(PoolEvent& event, const ChainLog& log) {
    abi::Reader data(log.data);
    const auto take = [&data](U256& out) {
        const auto value = data.uint();
        if (value) out = *value;
        return value.has_value();
    };
    const auto topic_address = [&log](std::size_t at, Address& out) {
        const auto address = abi::to_address(log.topics[at]);
        if (address) out = *address;
        return address.has_value();
    };
    switch (event.kind) {
        case Kind::agent_updated:
        case Kind::claimed:
        case Kind::claim_failed:
            return topic_address(1, event.wallet) && take(event.amount);
        case Kind::settled:
            return take(event.amount) && take(event.count);
        case Kind::epoch_settled: {
            const auto epoch = abi::Reader(log.topics[1].view()).uint64();
            if (epoch) event.epoch = *epoch;
            return epoch && take(event.amount) && take(event.total_weight) && take(event.count);
        }
        case Kind::coordinator_proposed:
        case Kind::coordinator_changed:
            return topic_address(1, event.previous) && topic_address(2, event.wallet);
    }
    return false;
}

/// Call data is too short for more entries than this.
constexpr std::size_t kMaxCallEntries = 2'000;

/// Returns the data after the selector if the selector is this function's.
Result<BytesView> arguments_of(BytesView data, std::string_view signature) {
    const abi::Selector wanted = abi::selector(signature);
    if (data.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), data.begin()))
        return data.subspan(wanted.size());
    return fail(ErrorCode::bad_data, "cannot read the contract's data", std::string(signature),
                "it is another call");
}

}  // namespace

Bytes claim_call() {
    return CallWriter("claim()").finish();
}
Bytes claim_for_call(const Address& wallet) {
    return CallWriter("claimFor(address)").address(wallet).finish();
}
Bytes batch_claim_for_call(std::span<const Address> wallets) {
    return CallWriter("batchClaimFor(address[])").addresses(wallets).finish();
}
Bytes claimable_call(const Address& wallet) {
    return CallWriter("claimable(address)").address(wallet).finish();
}
Bytes coordinator_call() {
    return CallWriter("coordinator()").finish();
}
Bytes total_weight_call() {
    return CallWriter("totalWeight()").finish();
}
Bytes agents_call(const Address& wallet) {
    return CallWriter("agents(address)").address(wallet).finish();
}
Bytes set_coordinator_call(const Address& coordinator) {
    return CallWriter("setCoordinator(address)").address(coordinator).finish();
}
Bytes deposit_and_settle_call(std::span<const Address> wallets, std::span<const U256> weights) {
    return CallWriter("depositAndSettle(address[],uint256[])").addresses(wallets).uints(weights).finish();
}
Bytes deposit_settle_and_claim_call(std::span<const Address> wallets, std::span<const U256> weights,
                                    std::span<const Address> claimees) {
    return CallWriter("depositSettleAndClaim(address[],uint256[],address[])")
        .addresses(wallets)
        .uints(weights)
        .addresses(claimees)
        .finish();
}
Bytes settle_epoch_call(std::uint64_t epoch, std::span<const Hash256> entries) {
    return CallWriter("settleEpoch(uint64,bytes32[])").uint(epoch).words(entries).finish();
}
Bytes epoch_state_call(std::uint64_t epoch) {
    return CallWriter("epochState(uint64)").uint(epoch).finish();
}
Bytes last_epoch_call() {
    return CallWriter("lastEpoch()").finish();
}
Bytes pending_coordinator_call() {
    return CallWriter("pendingCoordinator()").finish();
}
Bytes accept_coordinator_call() {
    return CallWriter("acceptCoordinator()").finish();
}

Result<Hash256> entry_word(const PoolEntry& entry) {
    if ((entry.weight >> kWeightBits) != 0) {
        return fail(ErrorCode::invalid_argument, "cannot put a weight into a settlement",
                    to_decimal(entry.weight), "it has more than 88 bits");
    }
    Hash256 out = to_word(entry.weight);
    std::copy(entry.wallet.bytes.begin(), entry.wallet.bytes.end(), out.bytes.begin());
    out.bytes[Address::kSize] = entry.send_now ? 1 : 0;
    return out;
}

Result<PoolAgent> read_pool_agent(BytesView data) {
    abi::Reader reader(data);
    const auto weight = reader.uint();
    const auto snapshot = reader.uint();
    const auto pending = reader.uint();
    if (!weight || !snapshot || !pending) return fail(pending ? weight.error() : pending.error());
    return PoolAgent{*weight, *snapshot, *pending};
}

Result<EpochState> read_epoch_state(BytesView data) {
    IOSWARM_TRY(const auto value, abi::Reader(data).uint(8));
    if (value > 2) {
        return fail(ErrorCode::bad_data, "cannot read the contract's data", {},
                    "an epoch's state is not 0, 1 or 2");
    }
    return static_cast<EpochState>(static_cast<unsigned>(value));
}

Result<U256> read_pool_uint(BytesView data) {
    return abi::Reader(data).uint();
}

Result<Address> read_pool_address(BytesView data) {
    return abi::Reader(data).address();
}

std::optional<PoolEvent> read_pool_event(const ChainLog& log) {
    if (log.topics.empty()) return std::nullopt;
    for (const EventRow& row : kEvents) {
        if (log.topics[0] != abi::event_topic(row.signature)) continue;
        if (log.topics.size() != row.topics || log.data.size() != row.words * 32) return std::nullopt;
        PoolEvent event;
        event.kind = row.kind;
        if (fill_event(event, log)) return event;
        return std::nullopt;
    }
    return std::nullopt;
}

Hash256 agent_updated_topic() {
    return abi::event_topic("AgentUpdated(address,uint256)");
}

Hash256 settled_topic() {
    return abi::event_topic("Settled(uint256,uint256)");
}

Hash256 epoch_settled_topic() {
    return abi::event_topic("EpochSettled(uint64,uint256,uint256,uint256)");
}

Result<SettleEpochCall> read_settle_epoch_call(BytesView data) {
    IOSWARM_TRY(const auto arguments, arguments_of(data, "settleEpoch(uint64,bytes32[])"));
    abi::Reader reader(arguments);
    IOSWARM_TRY(const auto epoch, reader.uint64());
    IOSWARM_TRY(const auto words, reader.words(kMaxCallEntries));
    SettleEpochCall out;
    out.epoch = epoch;
    for (const Hash256& word : words) {
        PoolEntry entry;
        std::copy_n(word.bytes.begin(), Address::kSize, entry.wallet.bytes.begin());
        entry.send_now = word.bytes[Address::kSize] != 0;
        entry.weight = u256_from_big_endian(word.view().subspan(Address::kSize + 1)).value_or(U256(0));
        out.entries.push_back(entry);
    }
    return out;
}

Result<std::vector<Address>> read_claimees(BytesView data) {
    IOSWARM_TRY(const auto arguments,
                arguments_of(data, "depositSettleAndClaim(address[],uint256[],address[])"));
    abi::Reader reader(arguments);
    IOSWARM_DO(reader.addresses(kMaxCallEntries));
    IOSWARM_DO(reader.uints(kMaxCallEntries));
    return reader.addresses(kMaxCallEntries);
}

const char* to_string(PoolCode code) noexcept {
    switch (code) {
        case PoolCode::none:
            return "no contract";
        case PoolCode::v1:
            return "version 1";
        case PoolCode::v2:
            return "version 2";
        case PoolCode::v2_damaged:
            return "version 2 with the damaged code";
        case PoolCode::v3:
            return "version 3";
        case PoolCode::other:
            return "an unknown contract";
    }
    return "an unknown contract";
}

PoolCode classify_pool_code(BytesView code, BytesView v3_runtime) {
    if (code.empty()) return PoolCode::none;
    if (std::ranges::equal(code, v3_runtime)) return PoolCode::v3;
    return pool_code_of(keccak256(code));
}

PoolCode pool_code_of(const Hash256& code_hash) {
    const std::string hash = to_hex(code_hash.view());
    if (hash == kDamagedV2) return PoolCode::v2_damaged;
    if (hash == kGoodV2) return PoolCode::v2;
    if (hash == kV1) return PoolCode::v1;
    return PoolCode::other;
}

}  // namespace ioswarm::contracts
