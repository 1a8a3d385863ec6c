// SPDX-License-Identifier: Apache-2.0
#include "proto/node_diffs.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proto/pause.hpp"

namespace ioswarm::proto {
NodeDiffSource::NodeDiffSource(NodeDiffSettings settings, Log log)
    : settings_(std::move(settings)), log_(std::move(log)) {}

tl::unexpected<Error> NodeDiffSource::wrong(ErrorCode code, std::string why, std::string hint) const {
    return fail(code, "cannot take state diffs", settings_.peer.target.text(), std::move(why), std::move(hint));
}

Status NodeDiffSource::subscribe(std::uint64_t height, const std::stop_token& stop) {
    // A node takes 0 for "live only"; below its oldest it begins there.
    const std::uint64_t from = std::max<std::uint64_t>(height, 1);
    auto opened = DiffSubscription::open(settings_.peer, from, stop);
    if (!opened) return fail(std::move(opened).error());
    subscription_.emplace(*std::move(opened));
    expected_ = height;
    log_.info("asking {} for state diffs from height {} on", settings_.peer.target.text(), from);
    return {};
}

Result<StateDiff> NodeDiffSource::next(std::uint64_t height, std::stop_token stop) {
    if (subscription_ && expected_ != height) subscription_.reset();
    for (bool is_second_ask = false;; is_second_ask = true) {
        const bool is_new = !subscription_;
        if (is_new) {
            if (Status done = subscribe(height, stop); !done) return fail(std::move(done).error());
        }
        auto diff = subscription_->next(std::chrono::milliseconds::max(), stop);
        if (!diff && diff.error().code == ErrorCode::cancelled) return diff;
        if (diff && diff->height != 0 && (height == 0 || diff->height == height)) {
            expected_ = diff->height + 1;
            return diff;
        }
        subscription_.reset();
        if (!diff) return diff;
        if (diff->height == 0) return wrong(ErrorCode::bad_data, "a diff of height 0");
        if (diff->height < height && is_new) {
            return wrong(
                ErrorCode::unavailable,
                fmt::format("the node is only at height {}, {} is wanted of it", diff->height, height));
        }
        if (diff->height < height) {
            return wrong(ErrorCode::bad_data,
                         fmt::format("height {} comes a second time, {} is next", diff->height, height));
        }
        if (is_second_ask) {
            return wrong(
                ErrorCode::out_of_range,
                fmt::format("height {} is not to be had, the node gives {} in its place", height, diff->height),
                "the node no longer holds it, or never stored it");
        }
        log_.warn("{}: height {} came where {} is next: asking once more", settings_.peer.target.text(),
                  diff->height, height);
        pause_for(settings_.before_second_ask, stop);
    }
}

}  // namespace ioswarm::proto
