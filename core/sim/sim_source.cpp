// SPDX-License-Identifier: Apache-2.0
#include "core/sim/sim_source.hpp"

#include <algorithm>
#include <utility>

namespace ioswarm::sim {
namespace {

Error away() {
    return Error{
        ErrorCode::unavailable, "cannot read the source", "embedded chain", "it is unavailable on purpose", {}};
}

/// The chain's fetcher, which fails while the source is away.
class AwayFetcher final : public evm::StateFetcher {
  public:
    AwayFetcher(std::unique_ptr<evm::StateFetcher> from, const std::atomic<bool>& is_away)
        : from_(std::move(from)), is_away_(is_away) {}

    [[nodiscard]] Status fetch(const evm::Missing& missing, evm::FetchedState& state) override {
        if (is_away_) return fail(away());
        return from_->fetch(missing, state);
    }

  private:
    std::unique_ptr<evm::StateFetcher> from_;
    const std::atomic<bool>& is_away_;
};

}  // namespace

SimSource::SimSource(EmbeddedChain& chain, const Scenario& scenario, RunRecord& record)
    : chain_(chain), scenario_(scenario), record_(record) {}

Result<ChainTip> SimSource::tip() {
    if (away_) return fail(away());
    auto tip = chain_.tip();
    const std::lock_guard lock(mutex_);
    if (tip) told_tip_ = tip->height;
    return tip;
}

Result<std::vector<PoolActionPtr>> SimSource::pending() {
    if (away_) return fail(away());
    auto list = chain_.pending();
    if (!list) return list;
    const Clock::Steady now = SystemClock().steady();
    const std::lock_guard lock(mutex_);
    const auto& all = scenario_.transactions();
    // A block may have come since the tip was last returned. A transaction that arrived after that block may
    // call a contract that the block created, and a reader of the older state would not find the contract. Such
    // a transaction is listed at the next poll.
    while (!list->empty()) {
        const auto place = scenario_.find(list->back()->raw_id);
        if (!place || all[*place].slot <= told_tip_) break;
        list->pop_back();
    }
    // Both the list and the run's transactions are in order of arrival, so new ones are at the end.
    std::uint32_t newest = shown_;
    for (auto at = list->rbegin(); at != list->rend(); ++at) {
        const auto place = scenario_.find((*at)->raw_id);
        if (!place || *place < shown_) break;
        record_.listed(*place, now);
        newest = std::max(newest, *place + 1);
    }
    shown_ = newest;
    for (std::uint64_t height = told_tip_ + 1; height <= told_tip_ + kForgedSlots; ++height) {
        for (const std::uint32_t place : scenario_.due(height)) {
            if (all[place].fate != Fate::forged) continue;
            if (!record_.was_listed(place)) record_.listed(place, now);
            list->push_back(all[place].action);
        }
    }
    return list;
}

std::vector<Result<AccountState>> SimSource::accounts(std::span<const Address> addresses,
                                                      std::uint64_t height) {
    if (!away_) return chain_.accounts(addresses, height);
    return std::vector<Result<AccountState>>(addresses.size(), fail(away()));
}

Result<ExecutedBlock> SimSource::next(std::uint64_t height, std::stop_token stop) {
    return chain_.next(height, std::move(stop));
}

std::unique_ptr<evm::StateFetcher> SimSource::at(std::uint64_t height, std::stop_token stop) {
    return std::make_unique<AwayFetcher>(chain_.at(height, std::move(stop)), away_);
}

void SimSource::stall() {
    chain_.hold();
    away_ = true;
}

void SimSource::resume() {
    away_ = false;
    chain_.release();
}

}  // namespace ioswarm::sim
