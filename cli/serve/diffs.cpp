// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/diffs.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cli/serve/data_dir.hpp"
#include "cli/serve/diff_peer.hpp"
#include "cli/serve/settings.hpp"
#include "core/diffs/memory_diff_store.hpp"
#include "proto/diffs/node_diffs.hpp"

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

std::unique_ptr<DiffStore> memory_store(const ServeConfig& config) {
    MemoryDiffStoreOptions options;
    options.max_rows = config.diff_buffer_size;
    return std::make_unique<MemoryDiffStore>(options);
}

std::string describe_snapshot(const SnapshotWatch& snapshots) {
    const auto newest = snapshots.newest();
    return newest ? fmt::format("height {} ({})", newest->height, newest->file) : std::string{};
}

/// The lowest height that agents still need from the log. This covers current readers, and agents that will
/// start from the newest snapshot.
std::optional<std::uint64_t> lowest_needed(const DiffHub& hub, const SnapshotWatch& snapshots) {
    const std::optional<std::uint64_t> lowest = hub.lowest_needed();
    const auto newest = snapshots.newest();
    if (!newest) return lowest;
    return std::min(lowest.value_or(newest->height + 1), newest->height + 1);
}

}  // namespace

Result<std::unique_ptr<ServeDiffs>> ServeDiffs::open(const ServeConfig& config, Source from, const Clock& clock,
                                                     const Log& log, Times times) {
    std::unique_ptr<ServeDiffs> out(new ServeDiffs);
    if (from.embedded == nullptr) {
        proto::NodeDiffSettings settings = node_diff_settings(config);
        if (from.node != nullptr) {
            settings.node_version = [node = from.node](const std::stop_token& stop) {
                return node->version(stop);
            };
        }
        out->node_ = std::make_unique<proto::NodeDiffSource>(std::move(settings), log);
        out->lag_ = std::make_unique<DiffLag>(DiffLagSettings{}, clock, log);
        if (from.gate != nullptr) out->gated_ = from.gate->gated(*out->node_);
    }
    if (config.diff_store_enabled) {
        auto store = SqliteDiffStore::open(diff_store_file(config));
        if (!store) return fail(std::move(store).error());
        out->log_ = store->get();
        out->store_ = *std::move(store);
    } else {
        out->store_ = memory_store(config);
    }

    out->snapshots_ = std::make_unique<SnapshotWatch>(config.snapshot_dir);
    DiffHubSettings hub;
    hub.ring_blocks = config.diff_buffer_size;
    hub.delivery = std::move(times.delivery);
    out->hub_ = std::make_unique<DiffHub>(
        *out->store_, hub, [snapshots = out->snapshots_.get()] { return describe_snapshot(*snapshots); }, log);

    DiffFeedSettings feed;
    // In memory, the buffer's size is the limit.
    feed.retain = config.diff_store_enabled ? config.diff_retain_height : 0;
    DiffFeedHooks hooks;
    hooks.on_appended = [hub = out->hub_.get()](SharedDiffPtr diff) { hub->on_appended(std::move(diff)); };
    hooks.lowest_needed = [hub = out->hub_.get(), snapshots = out->snapshots_.get()] {
        return lowest_needed(*hub, *snapshots);
    };
    hooks.append_time = std::move(times.append);
    StateDiffSource& source = from.embedded != nullptr ? *from.embedded
                              : out->gated_            ? *out->gated_
                                                       : *out->node_;
    out->feed_ = std::make_unique<DiffFeed>(source, *out->store_, feed, std::move(hooks), log);
    return out;
}

Status ServeDiffs::check_chain(const ServeConfig& config, const std::optional<ChainIdentity>& chain,
                               bool other_source) const {
    if (log_ == nullptr || (!chain && !other_source)) return {};
    return cli::check_chain(config, *log_, chain.value_or(ChainIdentity{}), other_source);
}

Status ServeDiffs::bind_chain(const ServeConfig& config, const ChainIdentity& chain, const Log& log) {
    return log_ != nullptr ? cli::bind_chain(config, *log_, chain, log) : Status();
}

ServeDiffs::~ServeDiffs() {
    stop();
}

std::unique_ptr<BlockSource> ServeDiffs::watch(BlockSource& blocks) {
    return std::make_unique<WatchedBlocks>(blocks, *feed_, *store_, lag_.get());
}

void ServeDiffs::stop() {
    if (feed_) feed_->stop();
    if (hub_) hub_->shutdown();
}

DiffsView ServeDiffs::view() const {
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

void ServeDiffs::add_reasons(Reasons& reasons) const {
    if (!feed_->halted()) {
        if (lag_) lag_->add_reasons(store_->range().tip, reasons);
        return;
    }
    reasons.push_back(
        {"state diffs", fmt::format("none are taken in any more: {}; /api/diffs and the log say more",
                                    feed_->health().error().what)});
}

std::map<std::string, std::uint64_t> ServeDiffs::counters() const {
    std::map<std::string, std::uint64_t> out = feed_->counters();
    if (lag_) out["diffs_stalls"] = lag_->times_lagging();
    return out;
}

}  // namespace ioswarm::cli
