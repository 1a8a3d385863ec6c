// SPDX-License-Identifier: Apache-2.0
#include "cli/wiring/diff_service.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/diffs/memory_diff_store.hpp"

namespace ioswarm::cli {
namespace {

class WatchedBlocks final : public BlockSource {
  public:
    WatchedBlocks(BlockSource& blocks, DiffFeed& feed, DiffStore& store, DiffLag* lag)
        : blocks_(blocks), feed_(feed), store_(store), lag_(lag) {}
    [[nodiscard]] Result<ExecutedBlock> next(std::uint64_t height, std::stop_token stop) override {
        Result<ExecutedBlock> block = blocks_.next(height, std::move(stop));
        if (block) {
            feed_.note_block(*block);
            if (lag_ != nullptr) lag_->note(block->height, store_.range().tip);
        }
        return block;
    }

  private:
    BlockSource& blocks_;
    DiffFeed& feed_;
    DiffStore& store_;
    DiffLag* lag_;  // null when the lag is not watched
};

std::unique_ptr<DiffStore> memory_store(std::size_t blocks) {
    MemoryDiffStoreOptions options;
    options.max_rows = blocks;
    return std::make_unique<MemoryDiffStore>(options);
}

/// The lowest height that agents still need from the log. This covers current readers, and agents that will
/// start from the newest snapshot.
std::optional<std::uint64_t> lowest_needed(const DiffHub& hub, std::optional<std::uint64_t> snapshot) {
    const std::optional<std::uint64_t> lowest = hub.lowest_needed();
    if (!snapshot) return lowest;
    return std::min(lowest.value_or(*snapshot + 1), *snapshot + 1);
}

}  // namespace

Result<std::unique_ptr<DiffService>> DiffService::open(DiffServiceSettings settings, StateDiffSource& source,
                                                       const Clock& clock, const Log& log) {
    std::unique_ptr<DiffService> out(new DiffService);
    if (settings.watch_lag) {
        out->lag_ = std::make_unique<DiffLag>(DiffLagSettings{}, clock, log);
        const metrics::Counter stalls = settings.metrics.counter(
            "diffs_stalls", {"ioswarm_diff_stalls_total", "Times that the diff log fell behind the source."});
        out->stalls_hook_ = settings.metrics.on_read(
            [stalls, lag = out->lag_.get()] { stalls.raise_to(lag->times_lagging()); });
    }
    if (settings.file.empty()) {
        out->store_ = memory_store(settings.hub.ring_blocks);
    } else {
        IOSWARM_TRY(auto store, SqliteDiffStore::open(settings.file));
        out->file_ = store.get();
        out->store_ = std::move(store);
        if (settings.on_open) IOSWARM_DO(settings.on_open(*out->file_));
    }

    DiffHub::NewestSnapshot describe = std::move(settings.describe_snapshot);
    if (!describe) describe = [] { return std::string(); };
    settings.hub.metrics = settings.metrics;
    out->hub_ = std::make_unique<DiffHub>(*out->store_, settings.hub, std::move(describe), log);

    DiffFeedSettings feed;
    // In memory, the buffer's size is the limit.
    feed.retain = settings.file.empty() ? 0 : settings.retain;
    feed.metrics = settings.metrics;
    DiffFeedHooks hooks;
    hooks.on_appended = [hub = out->hub_.get()](SharedDiffPtr diff) { hub->on_appended(std::move(diff)); };
    hooks.lowest_needed = [hub = out->hub_.get(), snapshot = std::move(settings.snapshot_height)] {
        return lowest_needed(*hub, snapshot ? snapshot() : std::nullopt);
    };
    out->feed_ = std::make_unique<DiffFeed>(source, *out->store_, feed, std::move(hooks), log);
    return out;
}

DiffService::~DiffService() {
    stop();
}

std::unique_ptr<BlockSource> DiffService::watch(BlockSource& blocks) {
    return std::make_unique<WatchedBlocks>(blocks, *feed_, *store_, lag_.get());
}

void DiffService::stop() {
    if (feed_) feed_->stop();
    if (hub_) hub_->shutdown();
}

DiffsView DiffService::view() const {
    DiffsView out;
    const DiffRange held = store_->range();
    if (!held.empty()) {
        out.tip = held.tip;
        out.floor = held.floor;
    }
    out.subscribers = hub_->subscribers();
    if (const Status health = feed_->health(); !health) {
        out.alarm = health.error().text();
    } else if (lag_) {
        Reasons reasons;
        lag_->add_reasons(out.tip, reasons);
        if (!reasons.empty()) out.alarm = reasons.front().why;
    }
    return out;
}

void DiffService::add_reasons(Reasons& reasons) const {
    hub_->add_reasons(reasons);
    if (!feed_->halted()) {
        if (lag_) lag_->add_reasons(store_->range().tip, reasons);
        return;
    }
    reasons.push_back({"state diffs", fmt::format("the feed has stopped: {}; /api/diffs and the log say more",
                                                  feed_->health().error().what)});
}

}  // namespace ioswarm::cli
