// SPDX-License-Identifier: Apache-2.0
#include "test/support/fake_reward_pool.hpp"

#include <algorithm>

#include "contracts/abi.hpp"
#include "contracts/artifact.hpp"
#include "core/crypto/keccak.hpp"

namespace ioswarm::test {
namespace {

using contracts::abi::Reader;

constexpr std::size_t kMaxWallets = 2'000;
constexpr std::uint64_t kWindow = 32;
const U256 kScale = U256(1'000'000'000'000'000'000);

/// Gas of the execution alone, close to the values measured with the real contracts.
struct GasTable {
    std::uint64_t base = 0;
    std::uint64_t new_wallet = 0;
    std::uint64_t known_wallet = 0;
    std::uint64_t payment = 0;
    std::uint64_t failed_payment = 0;
};
constexpr GasTable kGasV2{20'000, 46'000, 18'000, 30'000, 40'000};
constexpr GasTable kGasV3{14'800, 22'700, 5'600, 36'000, 66'000};

Bytes number(const U256& value) {
    return to_bytes(to_word(value).view());
}

Bytes error_data(std::string_view signature, const std::vector<U256>& arguments = {}) {
    const auto selector = contracts::abi::selector(signature);
    Bytes out(selector.begin(), selector.end());
    for (const U256& one : arguments) {
        const Bytes word = number(one);
        out.insert(out.end(), word.begin(), word.end());
    }
    return out;
}

/// The revert data of require(…, text).
Bytes error_text(std::string_view text) {
    Bytes out = error_data("Error(string)", {32, text.size()});
    out.insert(out.end(), text.begin(), text.end());
    out.resize(4 + 64 + (text.size() + 31) / 32 * 32);
    return out;
}

}  // namespace

struct FakeRewardPool::Call {
    const Address& from;
    const U256& value;
    BytesView data;
    bool view;
    FakeRun out;

    [[nodiscard]] bool is(std::string_view signature) const {
        const auto wanted = contracts::abi::selector(signature);
        return data.size() >= 4 && std::equal(wanted.begin(), wanted.end(), data.begin());
    }
    [[nodiscard]] Reader arguments() const { return Reader(data.subspan(4)); }
    void revert(Bytes reason) {
        out.ok = false;
        out.data = std::move(reason);
    }
    void log(const Address& at, std::string_view signature, const std::vector<Hash256>& indexed,
             const std::vector<U256>& words) {
        contracts::ChainLog one;
        one.address = at;
        one.topics = {contracts::abi::event_topic(signature)};
        one.topics.insert(one.topics.end(), indexed.begin(), indexed.end());
        for (const U256& word : words) {
            const Bytes bytes = number(word);
            one.data.insert(one.data.end(), bytes.begin(), bytes.end());
        }
        out.logs.push_back(std::move(one));
    }
};

FakeRewardPool::FakeRewardPool(Version version, const Address& at, const Address& coordinator,
                               std::shared_ptr<FakePoolWorld> world)
    : version_(version), at_(at), coordinator_(coordinator), world_(std::move(world)) {}

std::shared_ptr<FakeContract> FakeRewardPool::clone() const {
    return std::make_shared<FakeRewardPool>(*this);
}

Bytes FakeRewardPool::code() const {
    if (version_ == Version::v3) return to_bytes(reward_pool_code());
    return version_ == Version::v2 ? Bytes{0x60, 0x02} : Bytes{0x60, 0x02, 0xda};
}

FakeRun FakeRewardPool::run(const Address& from, const U256& value, BytesView data, bool view) {
    Call call{from, value, data, view, {}};
    if (view) {
        FakeRewardPool copy(*this);
        copy.dispatch(call);
    } else {
        dispatch(call);
    }
    return std::move(call.out);
}

U256 FakeRewardPool::claimable(const Address& wallet) const {
    const auto found = agents_.find(wallet);
    if (found == agents_.end()) return 0;
    Agent agent = found->second;
    accrue(agent);
    return agent.pending;
}

U256 FakeRewardPool::weight(const Address& wallet) const {
    const auto found = agents_.find(wallet);
    if (found == agents_.end()) return 0;
    if (version_ == Version::v3 && found->second.settlement != settlement_) return 0;
    return found->second.weight;
}

void FakeRewardPool::accrue(Agent& agent) const {
    if (version_ == Version::v3) return;
    agent.pending += agent.weight * (cumulative_ - agent.snapshot) / kScale;
    agent.snapshot = cumulative_;
}

bool FakeRewardPool::read(Call& call) const {
    if (call.is("coordinator()")) {
        call.out.data = to_bytes(contracts::abi::address_word(coordinator_).view());
    } else if (call.is("totalWeight()")) {
        call.out.data = number(total_weight_);
    } else if (call.is("cumulativeRewardPerWeight()")) {
        call.out.data = number(cumulative_);
    } else if (call.is("claimable(address)")) {
        call.out.data = number(claimable(call.arguments().address().value()));
    } else if (call.is("agents(address)")) {
        const Address wallet = call.arguments().address().value();
        const auto found = agents_.find(wallet);
        const Agent agent = found == agents_.end() ? Agent{} : found->second;
        const bool v3 = version_ == Version::v3;
        for (const U256& word : {weight(wallet), v3 ? cumulative_ : agent.snapshot, agent.pending}) {
            const Bytes bytes = number(word);
            call.out.data.insert(call.out.data.end(), bytes.begin(), bytes.end());
        }
    } else if (version_ == Version::v3 && call.is("lastEpoch()")) {
        call.out.data = number(newest_);
    } else if (version_ == Version::v3 && call.is("epochState(uint64)")) {
        call.out.data = number(epoch_state(call.arguments().uint64().value()));
    } else if (version_ == Version::v3 && call.is("pendingCoordinator()")) {
        call.out.data = number(0);
    } else {
        return false;
    }
    call.out.gas = 3'000;
    return true;
}

void FakeRewardPool::dispatch(Call& call) {
    if (read(call)) return;
    const GasTable& gas = version_ == Version::v3 ? kGasV3 : kGasV2;
    call.out.gas = gas.base;
    if (call.is("claim()") || call.is("claimFor(address)")) {
        claim(call, call.is("claim()") ? call.from : call.arguments().address().value());
        return;
    }
    if (call.is("batchClaimFor(address[])")) {
        pay_all(call, call.arguments().addresses(kMaxWallets).value());
        return;
    }
    const bool and_claim = call.is("depositSettleAndClaim(address[],uint256[],address[])");
    const bool legacy = and_claim || call.is("depositAndSettle(address[],uint256[])");
    const bool by_epoch = version_ == Version::v3 && call.is("settleEpoch(uint64,bytes32[])");
    if (!legacy && !by_epoch) return call.revert({});
    if (call.from != coordinator_) return call.revert(error_text("not coordinator"));
    if (world_->paused || (world_->fail_when_mined && !call.view)) return call.revert(error_text("paused"));
    if (!call.view) call.out.gas += world_->extra_gas;
    auto arguments = call.arguments();
    if (by_epoch) {
        const std::uint64_t epoch = arguments.uint64().value();
        settle_epoch(call, epoch, arguments.words(kMaxWallets).value());
    } else {
        const auto wallets = arguments.addresses(kMaxWallets).value();
        const auto weights = arguments.uints(kMaxWallets).value();
        if (version_ == Version::v3 && !settled_.empty())
            return call.revert(error_data("LegacySettleDisabled()"));
        if (wallets.size() != weights.size()) return call.revert(error_text("length mismatch"));
        version_ == Version::v3 ? settle_legacy(call, wallets, weights) : settle_v2(call, wallets, weights);
        if (call.out.ok && and_claim) pay_all(call, arguments.addresses(kMaxWallets).value());
    }
    if (call.out.ok) deposited_ += call.value;
}

void FakeRewardPool::settle_v2(Call& call, const std::vector<Address>& wallets,
                               const std::vector<U256>& weights) {
    // The value is divided by the weights from before this call. If there are none yet, nobody gets it.
    if (call.value != 0 && total_weight_ != 0) cumulative_ += call.value * kScale / total_weight_;
    for (std::size_t i = 0; i < wallets.size(); ++i) {
        call.out.gas += agents_.contains(wallets[i]) ? kGasV2.known_wallet : kGasV2.new_wallet;
        Agent& agent = agents_[wallets[i]];
        accrue(agent);
        agent.snapshot = cumulative_;
        total_weight_ = total_weight_ - agent.weight + weights[i];
        agent.weight = weights[i];
        call.log(at_, "AgentUpdated(address,uint256)", {contracts::abi::address_word(wallets[i])},
                 {weights[i]});
    }
    call.log(at_, "Settled(uint256,uint256)", {}, {call.value, wallets.size()});
}

unsigned FakeRewardPool::epoch_state(std::uint64_t epoch) const {
    if (epoch > newest_) return 0;
    if (newest_ - epoch >= kWindow) return 2;
    return settled_.contains(epoch) ? 1 : 0;
}

void FakeRewardPool::settle_epoch(Call& call, std::uint64_t epoch, const std::vector<Hash256>& words) {
    if (epoch_state(epoch) != 0) return call.revert(error_data("EpochClosed(uint64,uint64)", {epoch, newest_}));
    std::vector<Entry> entries;
    for (const Hash256& word : words) {
        Entry entry;
        std::copy_n(word.bytes.begin(), Address::kSize, entry.wallet.bytes.begin());
        if (word.bytes[Address::kSize] > 1) return call.revert(error_data("BadFlags()"));
        entry.send_now = word.bytes[Address::kSize] == 1;
        entry.weight = *u256_from_big_endian(word.view().subspan(Address::kSize + 1));
        entries.push_back(entry);
    }
    share(call, entries);
    if (!call.out.ok) return;
    U256 total;
    for (const Entry& entry : entries)
        total += entry.weight;
    call.log(at_, "EpochSettled(uint64,uint256,uint256,uint256)", {to_word(epoch)},
             {call.value, total, entries.size()});
    settled_[epoch] = call.value;
    newest_ = std::max(newest_, epoch);
}

void FakeRewardPool::settle_legacy(Call& call, const std::vector<Address>& wallets,
                                   const std::vector<U256>& weights) {
    std::vector<Entry> entries;
    for (std::size_t i = 0; i < wallets.size(); ++i) {
        if ((weights[i] >> 88) != 0) return call.revert(error_data("BadWeight(uint256)", {i}));
        entries.push_back({wallets[i], weights[i], false});
        call.log(at_, "AgentUpdated(address,uint256)", {contracts::abi::address_word(wallets[i])},
                 {weights[i]});
    }
    share(call, entries);
}

void FakeRewardPool::share(Call& call, const std::vector<Entry>& entries) {
    U256 total;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].wallet == Address{} || entries[i].wallet == at_)
            return call.revert(error_data("BadAgent(uint256)", {i}));
        total += entries[i].weight;
    }
    if ((total >> 96) != 0) return call.revert(error_data("BadWeight(uint256)", {entries.size()}));
    if (call.value != 0 && total == 0) return call.revert(error_data("NoWeight()"));
    if (((deposited_ + call.value) >> 112) != 0) return call.revert(error_data("ValueTooLarge()"));
    ++settlement_;
    total_weight_ = total;
    if (total != 0) cumulative_ += call.value * U256(1'000'000'000) / total * U256(1'000'000'000);
    U256 weight_so_far;
    U256 paid_so_far;
    for (const Entry& entry : entries) {
        weight_so_far += entry.weight;
        const U256 reached = total == 0 ? U256(0) : call.value * weight_so_far / total;
        const U256 amount = reached - paid_so_far;
        paid_so_far = reached;
        if (entry.send_now && (amount == 0 || pay(call, entry.wallet, amount, true))) continue;
        call.out.gas += agents_.contains(entry.wallet) ? kGasV3.known_wallet : kGasV3.new_wallet;
        Agent& agent = agents_[entry.wallet];
        agent.weight = agent.settlement == settlement_ ? agent.weight + entry.weight : entry.weight;
        agent.settlement = settlement_;
        agent.pending += amount;
    }
    call.log(at_, "Settled(uint256,uint256)", {}, {call.value, entries.size()});
}

bool FakeRewardPool::pay(Call& call, const Address& wallet, const U256& amount, bool tell_failure) {
    const bool v3 = version_ == Version::v3;
    const GasTable& gas = v3 ? kGasV3 : kGasV2;
    const bool burns = world_->gas_burning.contains(wallet);
    const bool taken = !burns && !world_->refusing.contains(wallet);
    // Version 2 passes all remaining gas to the payee.
    call.out.gas += taken ? gas.payment : (burns && !v3 ? 30'000'000 : gas.failed_payment);
    if (taken) {
        call.out.paid[wallet] += amount;
        call.log(at_, "Claimed(address,uint256)", {contracts::abi::address_word(wallet)}, {amount});
    } else if (v3 && tell_failure) {
        call.log(at_, "ClaimFailed(address,uint256)", {contracts::abi::address_word(wallet)}, {amount});
    }
    return taken;
}

void FakeRewardPool::claim(Call& call, const Address& wallet) {
    Agent& agent = agents_[wallet];
    if (version_ == Version::v2_damaged) {
        // If the agent has weight, claim() burns all gas. claimFor() pays nothing and reports nothing.
        if (call.is("claim()")) call.out.gas += 30'000'000;
        return;
    }
    accrue(agent);
    const U256 amount = agent.pending;
    if (amount == 0) return call.revert(error_text("nothing to claim"));
    if (!pay(call, wallet, amount, false)) return call.revert(error_text("transfer failed"));
    agent.pending = 0;
}

void FakeRewardPool::pay_all(Call& call, const std::vector<Address>& wallets) {
    for (const Address& wallet : wallets) {
        const auto found = agents_.find(wallet);
        if (found == agents_.end()) continue;
        accrue(found->second);
        const U256 amount = found->second.pending;
        if (amount != 0 && pay(call, wallet, amount, true)) found->second.pending = 0;
    }
}

}  // namespace ioswarm::test
