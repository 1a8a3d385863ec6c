// SPDX-License-Identifier: Apache-2.0
#include "proto/diffs/node_diffs.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/pause.hpp"
#include "core/base/try.hpp"

namespace ioswarm::proto {

bool lacks_ioswarm_module(std::string_view version) noexcept {
    if (version.starts_with('v')) version.remove_prefix(1);
    // Cuts off suffixes such as "-rc1" or the one that git adds.
    version = version.substr(0, version.find('-'));
    return version == "2.3.6" || version == "2.4.0" || version == "2.4.1";
}

NodeDiffSource::NodeDiffSource(NodeDiffSettings settings, Log log)
    : settings_(std::move(settings)), log_(std::move(log)) {}

tl::unexpected<Error> NodeDiffSource::wrong(ErrorCode code, std::string why, std::string hint) const {
    return fail(code, "cannot take state diffs", settings_.peer.target.text(), std::move(why), std::move(hint));
}

Status NodeDiffSource::subscribe(std::uint64_t height, const std::stop_token& stop) {
    // For a node, height 0 means "live only". For any height below its oldest diff, it begins with the oldest.
    const std::uint64_t from = std::max<std::uint64_t>(height, 1);
    auto opened = DiffSubscription::open(settings_.peer, from, stop);
    if (!opened) return fail(explained(std::move(opened).error(), stop));
    subscription_.emplace(*std::move(opened));
    expected_ = height;
    last_ = 0;
    // Log only the first opening: after an outage, the feed logs that diffs arrive again.
    if (std::exchange(was_opened_, true)) return {};
    log_.info("asking {} for state diffs from height {} on", settings_.peer.target.text(), from);
    return {};
}

Error NodeDiffSource::explained(Error error, const std::stop_token& stop) const {
    if (error.code != ErrorCode::unavailable || !settings_.node_version) return error;
    const std::string version = settings_.node_version(stop);
    if (!lacks_ioswarm_module(version)) return error;
    error.why =
        fmt::format("the node runs iotex-core {}, which has no ioswarm module ({})", version, error.why);
    error.hint =
        "the module is in v2.3.7, v2.3.8 and from v2.4.2 on: move the node to one of them, or take "
        "node.diffs out of the configuration";
    return error;
}

/// Checks that the diff is the next one of its stream. `height` is the one that the caller wants. Error
/// out_of_range: diffs are missing before this one.
Status NodeDiffSource::check(const StateDiff& diff, std::uint64_t height) const {
    if (diff.height == 0) return wrong(ErrorCode::bad_data, "a diff of height 0");
    const std::uint64_t next = last_ == 0 ? height : last_ + 1;
    if (last_ != 0 && diff.height < next) {
        return wrong(ErrorCode::bad_data,
                     fmt::format("height {} comes a second time, {} is next", diff.height, next));
    }
    if (next != 0 && diff.height > next) {
        return wrong(ErrorCode::out_of_range,
                     fmt::format("the node does not send height {}, and sends {} instead", next, diff.height),
                     "the node deleted it, or never stored it");
    }
    return {};
}

void NodeDiffSource::note_behind(std::uint64_t at, std::uint64_t wanted) {
    *behind_.lock() =
        wrong(ErrorCode::unavailable, fmt::format("the node is at height {}, and {} is wanted", at, wanted));
    if (last_ != 0) return;
    log_.info("{} is only at height {}, before {} that is wanted", settings_.peer.target.text(), at, wanted);
}

Result<StateDiff> NodeDiffSource::next(std::uint64_t height, std::stop_token stop) {
    auto diff = take_next(height, stop);
    *behind_.lock() = {};
    return diff;
}

Result<StateDiff> NodeDiffSource::take_next(std::uint64_t height, const std::stop_token& stop) {
    if (subscription_ && expected_ != height) subscription_.reset();
    for (bool is_second_ask = false;;) {
        if (!subscription_) {
            IOSWARM_DO(subscribe(height, stop));
        }
        auto diff = subscription_->next(std::chrono::milliseconds::max(), stop);
        if (!diff && diff.error().code == ErrorCode::cancelled) return diff;
        if (!diff) {
            subscription_.reset();
            return fail(explained(std::move(diff).error(), stop));
        }
        const Status follows = check(*diff, height);
        if (follows) {
            const bool is_behind = diff->height < height;
            if (is_behind) note_behind(diff->height, height);
            last_ = diff->height;
            if (is_behind) continue;
            expected_ = diff->height + 1;
            return diff;
        }
        subscription_.reset();
        if (is_second_ask || follows.error().code != ErrorCode::out_of_range) return fail(follows.error());
        log_.warn("{}; asking once more", follows.error().text());
        pause_for(settings_.before_second_ask, stop);
        is_second_ask = true;
    }
}

}  // namespace ioswarm::proto
