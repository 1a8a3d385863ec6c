// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/chain_gate.hpp"

#include <utility>

#include "core/base/try.hpp"

namespace ioswarm::cli {
namespace {

class GatedPool final : public ActPoolReader {
  public:
    GatedPool(ChainGate& gate, ActPoolReader& pool) : gate_(gate), pool_(pool) {}
    Result<std::vector<PoolActionPtr>> pending() override {
        return through([&] { return pool_.pending(); });
    }
    Result<ChainTip> tip() override {
        return through([&] { return pool_.tip(); });
    }

  private:
    template <typename Call>
    auto through(Call&& call) -> decltype(call()) {
        IOSWARM_DO(gate_.pass());
        auto result = call();
        if (!result) gate_.doubt();
        return result;
    }

    ChainGate& gate_;
    ActPoolReader& pool_;
};

/// Works for blocks and for diffs, which have the same interface.
template <typename Port, typename Value>
class GatedSource final : public Port {
  public:
    GatedSource(ChainGate& gate, Port& source) : gate_(gate), source_(source) {}
    Result<Value> next(std::uint64_t height, std::stop_token stop) override {
        IOSWARM_DO(gate_.pass(stop));
        Result<Value> result = source_.next(height, std::move(stop));
        if (!result && result.error().code != ErrorCode::cancelled) gate_.doubt();
        return result;
    }

  private:
    ChainGate& gate_;
    Port& source_;
};

}  // namespace

Status ChainGate::pass(const std::stop_token& stop) {
    const std::lock_guard asking(asking_);
    {
        const bool ask_again = should_ask_again_();
        const std::lock_guard lock(mutex_);
        if (is_right_ && !ask_again) return {};
    }
    IOSWARM_TRY(const auto chain, ask_(stop));
    Status bound = bind_(chain);
    const std::lock_guard lock(mutex_);
    is_right_ = bound.has_value();
    is_another_ = !bound && bound.error().code == ErrorCode::config;
    return bound;
}

void ChainGate::doubt() {
    const std::lock_guard lock(mutex_);
    is_right_ = false;
}

Status ChainGate::last_seen() const {
    const std::lock_guard lock(mutex_);
    if (!is_another_) return {};
    return fail(ErrorCode::unavailable, "not ready", "source",
                "the node is on another chain than the data directory; the log says more");
}

std::unique_ptr<ActPoolReader> ChainGate::gated(ActPoolReader& pool) {
    return std::make_unique<GatedPool>(*this, pool);
}
std::unique_ptr<BlockSource> ChainGate::gated(BlockSource& blocks) {
    return std::make_unique<GatedSource<BlockSource, ExecutedBlock>>(*this, blocks);
}
std::unique_ptr<StateDiffSource> ChainGate::gated(StateDiffSource& diffs) {
    return std::make_unique<GatedSource<StateDiffSource, StateDiff>>(*this, diffs);
}

}  // namespace ioswarm::cli
