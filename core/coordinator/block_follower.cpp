// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/block_follower.hpp"

#include "core/base/try.hpp"
#include "core/coordinator/backoff.hpp"
#include "core/coordinator/signal.hpp"

namespace ioswarm {

std::uint64_t BlockFollower::next_height() {
    const std::uint64_t last = payroll_.last_height();
    if (last == 0 || live_) return 0;
    const auto tip = engine_.tip();
    // If a block from the middle of a gap came after all, the tip that made the gap was wrong, or another node
    // answers now. The blocks after it are then taken in order, and the gap is not reported once more.
    const bool is_in_gap = tip && last < gap_end_ && tip->height <= gap_end_ + kMaxBlocksToCatchUp;
    if (tip && tip->height > last + kMaxBlocksToCatchUp && !is_in_gap) {
        log_.warn(
            "blocks {} to {} are skipped: they are too old to be compared; continuing with the next block",
            last + 1, tip->height);
        counters_.skips.add();
        live_ = true;
        gap_end_ = tip->height;
        return 0;
    }
    return last + 1;
}

Status BlockFollower::fetch(std::stop_token stop) {
    const std::uint64_t height = next_height();
    auto block = source_.next(height, std::move(stop));
    if (!block && block.error().code == ErrorCode::out_of_range && height != 0) {
        log_.warn("block {} cannot be read any more ({}); continuing with the next block", height,
                  block.error().text());
        counters_.skips.add();
        live_ = true;
        return {};
    }
    if (!block) return fail(std::move(block.error()));
    if (height != 0 && block->height != height) {
        return fail(ErrorCode::bad_data, "cannot follow the blocks", std::to_string(height),
                    fmt::format("the source answered with block {}", block->height));
    }
    block_ = std::move(*block);
    return {};
}

Status BlockFollower::step(std::stop_token stop) {
    Status status = take_next(std::move(stop));
    *last_error_.lock() = status ? std::string() : status.error().text();
    return status;
}

Status BlockFollower::take_next(std::stop_token stop) {
    if (!block_) {
        auto fetched = fetch(std::move(stop));
        if (!fetched || !block_) return fetched;
    }
    if (block_->height > payroll_.last_height()) {
        engine_.block_known(block_->height);
        const auto unanswered = engine_.unanswered(*block_);
        IOSWARM_DO(payroll_.on_block(*block_, unanswered));
        engine_.on_block(*block_);
        if (auto forgotten = engine_.take_forgotten(); !forgotten.empty()) payroll_.forget(forgotten);
        if (block_->unmatched_actions > 0) {
            counters_.alarms.add();
            log_.error("block {}: {} transactions have a hash that matches no receipt; they are not compared",
                       block_->height, block_->unmatched_actions);
        }
        live_ = false;
    }
    block_.reset();
    return {};
}

void BlockFollower::run(const std::stop_token& stop) {
    Backoff backoff;
    Signal never;
    while (!stop.stop_requested()) {
        const Status status = step(stop);
        if (status) {
            backoff.reset();
            outage_.worked("blocks", std::chrono::steady_clock::now());
            continue;
        }
        if (stop.stop_requested()) return;
        counters_.errors.add();
        outage_.failed("blocks", status.error(), std::chrono::steady_clock::now());
        never.wait(stop, backoff.next());
    }
}

}  // namespace ioswarm
