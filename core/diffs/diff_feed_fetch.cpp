// SPDX-License-Identifier: Apache-2.0
// The feed's fetching thread: it asks the source for diffs and judges the answers.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/diffs/diff_feed.hpp"
#include "core/diffs/diff_record.hpp"
#include "core/model/state_digest.hpp"

namespace ioswarm {
namespace {

/// Tries before a missing height counts as a hole. A source that was just started may not have its diffs ready
/// yet.
constexpr int kGoneTries = 3;

const char* const kRestart =
    "'ioswarm diffs restart' starts a new log; agents then need a newer snapshot before they can continue";

}  // namespace

void DiffFeed::fetch_loop(const std::stop_token& stop) {
    auto retry = settings_.first_retry;
    while (wait_for_room(stop)) {
        FetchOutcome outcome = fetch_one(stop);
        if (stop.stop_requested() && outcome.kind != FetchOutcome::Kind::ok) return;
        switch (outcome.kind) {
            case FetchOutcome::Kind::ok:
                retry = settings_.first_retry;
                set_source_health({});
                break;
            case FetchOutcome::Kind::again:
                set_source_health(fail(std::move(outcome.error)));
                wait(retry, stop);
                retry = std::min(retry * 2, settings_.last_retry);
                break;
            case FetchOutcome::Kind::halt:
                halt(std::move(outcome.error));
                return;
        }
    }
}

/// Waits until there is room for another diff. Returns false when stopped or halted.
bool DiffFeed::wait_for_room(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop, [&] {
        return halted_ || (fetched_.size() < settings_.group_rows && fetched_bytes_ < settings_.group_bytes);
    });
    return !halted_ && !stop.stop_requested();
}

DiffFeed::FetchOutcome DiffFeed::fetch_one(const std::stop_token& stop) {
    Result<StateDiff> diff = source_.next(wanted_, stop);
    if (!diff) return judge_error(std::move(diff.error()));
    return judge(std::move(*diff));
}

DiffFeed::FetchOutcome DiffFeed::judge_error(Error error) {
    counters_.source_errors.add();
    if (error.code != ErrorCode::out_of_range) return {FetchOutcome::Kind::again, std::move(error)};
    if (overlap_) {
        // The source no longer has the tip. The next height will show whether it continues the same chain.
        overlap_ = false;
        ++wanted_;
        return {};
    }
    return judge_hole(std::move(error));
}

/// Asks again a few times before a missing height counts as a hole.
DiffFeed::FetchOutcome DiffFeed::judge_hole(Error error) {
    counters_.holes.add();
    if (++gone_ < kGoneTries) return {FetchOutcome::Kind::again, std::move(error)};
    const DiffRange held = store_.range();
    return {FetchOutcome::Kind::halt,
            {ErrorCode::data_loss, "a state diff is missing", fmt::format("height {}", wanted_),
             fmt::format("the diff after height {} cannot be had from the source ({})", held.tip, error.text()),
             kRestart}};
}

DiffFeed::FetchOutcome DiffFeed::refuse(std::string which, std::string why) {
    counters_.refused.add();
    return {FetchOutcome::Kind::again,
            {ErrorCode::bad_data,
             "the source of state diffs gave a wrong answer",
             std::move(which),
             std::move(why),
             {}}};
}

DiffFeed::FetchOutcome DiffFeed::judge(StateDiff diff) {
    const std::string height = fmt::format("height {}", diff.height);
    const auto digest = Hash256::from(diff.digest);
    if (diff.height == 0) return refuse(height, "no block has it");
    if (std::any_of(diff.entries.begin(), diff.entries.end(),
                    [](const auto& entry) { return entry.write_type > 1; }))
        return refuse(height, "a write type is neither put (0) nor delete (1)");
    const auto rules = rules_of_digest(diff);
    if (!digest || !rules) return refuse(height, "its digest is not that of its entries");
    if (names_contract_staking(diff)) {
        // By the older rule a source could add entries of contract staking that no digest covers. The chain
        // changes the rule once, so no block after a block of the newer rule may follow the older one.
        if (*rules == DigestRules::current) {
            staking_counts_from_ = std::min(staking_counts_from_, diff.height);
        } else if (diff.height > staking_counts_from_) {
            return refuse(height,
                          fmt::format("its digest leaves out entries of contract staking, which count since "
                                      "height {} at the latest",
                                      staking_counts_from_));
        }
    }
    if (wanted_ != 0 && (diff.height < wanted_ || (overlap_ && diff.height == wanted_)))
        return judge_held(diff, *digest);
    if (overlap_) {
        overlap_ = false;
        ++wanted_;
    }
    if (wanted_ != 0 && diff.height > wanted_) {
        return judge_hole({ErrorCode::out_of_range,
                           "the source of state diffs left a height out",
                           height,
                           fmt::format("{} was asked for", wanted_),
                           {}});
    }
    Bytes record = diff_record(diff);
    if (record.size() > kMaxDiffRecordBytes) {
        return {FetchOutcome::Kind::halt,
                {ErrorCode::resource_exhausted, "cannot keep the state diff", height,
                 fmt::format("it has {} bytes, over the limit of {}", record.size(), kMaxDiffRecordBytes),
                 kRestart}};
    }
    if (!digests_.note_diff(diff.height, *digest))
        return refuse(height, "its block's header has another digest");
    gone_ = 0;
    wanted_ = diff.height + 1;
    set_source_health({});  // set this before the diff is passed on
    push({std::make_shared<const SharedDiff>(diff.height, std::move(record)), *digest});
    return {};
}

/// Judges a diff whose height is in the log already, or is waiting to be written. Its content is either the
/// same, or the chain was forked.
DiffFeed::FetchOutcome DiffFeed::judge_held(const StateDiff& diff, const Hash256& digest) {
    const std::string height = fmt::format("height {}", diff.height);
    const bool is_overlap = overlap_ && diff.height == wanted_;
    bool same = false;
    const auto row = store_.read(diff.height, 1, 0);
    if (row) {
        same = row->front().record == diff_record(diff);
    } else if (row.error().code == ErrorCode::out_of_range) {
        const auto known = digests_.diff(diff.height);
        if (!known) return refuse(height, "it lies before all that is held");
        same = *known == digest;
    } else if (row.error().code == ErrorCode::io) {
        return {FetchOutcome::Kind::again, row.error()};
    } else {
        return {FetchOutcome::Kind::halt, row.error()};
    }
    if (!same) {
        return {FetchOutcome::Kind::halt,
                {ErrorCode::data_loss, "the source gave another state diff", height,
                 "the one that the log holds is different: the chain was forked, or the source is another one",
                 kRestart}};
    }
    counters_.repeated.add();
    if (!is_overlap) return refuse(height, fmt::format("it was given before, and {} was asked for", wanted_));
    overlap_ = false;
    ++wanted_;
    return {};
}

void DiffFeed::push(Fetched fetched) {
    {
        const std::lock_guard lock(mutex_);
        fetched_bytes_ += fetched.diff->record().size();
        fetched_.push_back(std::move(fetched));
    }
    changed_.notify_all();
}

void DiffFeed::note_block(const ExecutedBlock& block) {
    const auto digest = Hash256::from(block.delta_state_digest);
    if (!digest || digests_.note_header(block.height, *digest)) return;
    {
        const std::lock_guard lock(mutex_);
        disproved_from_ = std::min(disproved_from_.value_or(block.height), block.height);
    }
    halt({ErrorCode::data_loss, "a state diff is not that of its block", fmt::format("height {}", block.height),
          "the block's header has another digest, and agents may have the diff already", kRestart});
}

}  // namespace ioswarm
