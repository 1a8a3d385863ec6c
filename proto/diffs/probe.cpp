// SPDX-License-Identifier: Apache-2.0
#include "proto/diffs/probe.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/base/pause.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"

namespace ioswarm::proto {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

milliseconds since(SteadyClock::time_point begin) {
    return std::chrono::duration_cast<milliseconds>(SteadyClock::now() - begin);
}

// The coordinator inside a node closes a new stream if the same agent's previous one has not been cleaned up
// yet. So there is a pause between streams, and the end of a stream is not final until several have ended.

/// The error for a peer of which not one byte of HTTP/2 came.
Error silent(const DiffProbeOptions& options) {
    return {ErrorCode::unavailable, "cannot take state diffs", options.peer.target.text(),
            said_nothing(options.duration),
            options.peer.target.tls ? "is that the coordinator's port for agents?"
                                    : "is that the coordinator's port for agents? If it speaks TLS: --tls"};
}

Result<std::uint64_t> find_tip(const DiffProbeOptions& options, const std::stop_token& stop) {
    constexpr int kTries = 3;
    const auto begin = SteadyClock::now();
    std::optional<Error> ended;  // why the last stream ended
    for (int tries = 1;; ++tries) {
        if (ended && since(begin) >= options.duration) return fail(*std::move(ended));
        IOSWARM_TRY(auto live, DiffSubscription::open(options.peer, 0, stop));
        const auto diff = live.next(std::max(options.duration - since(begin), milliseconds(0)), stop);
        if (diff && diff->height > 0) return diff->height;
        if (diff) {
            return fail(ErrorCode::bad_data, "cannot take state diffs", options.peer.target.text(),
                        "a diff of height 0");
        }
        if (diff.error().code == ErrorCode::timed_out && since(begin) >= options.duration) {
            if (!live.has_spoken()) return fail(silent(options));
            return fail(ErrorCode::failed_check, "no live diff", options.peer.target.text(),
                        fmt::format("none came in {}", go_duration(options.duration)),
                        "does the node make blocks? --duration must be longer than its block time");
        }
        const bool is_silent = !live.has_spoken() && since(begin) >= options.peer.http2.first_word_timeout;
        if (diff.error().code != ErrorCode::unavailable || tries == kTries || is_silent)
            return fail(diff.error());
        ended = diff.error();
        pause_for(options.between_streams, stop);
    }
}

/// A subscription that, like an agent's, is opened again at the next height after it broke.
class ResumingStream {
  public:
    ResumingStream(const DiffPeer& peer, const std::stop_token& stop) : peer_(peer), stop_(stop) {}

    /// Error timed_out: the stream is open, but no diff came in time. All other errors are those of
    /// DiffSubscription.
    Result<StateDiff> next(std::uint64_t height, milliseconds within) {
        const auto begin = SteadyClock::now();
        if (!stream_) {
            auto opened = DiffSubscription::open(peer_, height, stop_);
            if (!opened) return fail(without_timeout(std::move(opened).error()));
            stream_.emplace(*std::move(opened));
            opened_at_ = SteadyClock::now();
            ++openings_;
        }
        auto diff = stream_->next(std::max(within - since(begin), milliseconds(0)), stop_);
        if (diff || diff.error().code == ErrorCode::cancelled) return diff;
        if (diff.error().code == ErrorCode::timed_out && since(begin) >= within) return diff;
        stream_.reset();
        return fail(without_timeout(std::move(diff).error()));
    }
    /// The stream is open, and a refusal would have arrived by now.
    [[nodiscard]] bool is_there() const {
        constexpr milliseconds kRefusal{500};
        return stream_ && stream_->has_spoken() && since(opened_at_) >= kRefusal;
    }
    [[nodiscard]] std::uint64_t resumed() const noexcept { return openings_ > 0 ? openings_ - 1 : 0; }

  private:
    static Error without_timeout(Error error) {
        if (error.code == ErrorCode::timed_out) error.code = ErrorCode::unavailable;
        return error;
    }

    const DiffPeer& peer_;
    const std::stop_token& stop_;
    std::optional<DiffSubscription> stream_;
    SteadyClock::time_point opened_at_;
    std::uint64_t openings_ = 0;
};

}  // namespace

void LiveArrivals::add(milliseconds at) {
    longest_ = longest_silence(at);
    last_ = at;
    ++count_;
}

milliseconds LiveArrivals::silence(milliseconds now) const {
    return now - last_;
}

milliseconds LiveArrivals::longest_silence(milliseconds now) const {
    return std::max(longest_, silence(now));
}

milliseconds LiveArrivals::patience() const {
    constexpr milliseconds kLeast{10'000};
    constexpr int kIntervals = 5;
    return count_ == 0 ? kLeast : std::max(kLeast, kIntervals * last_ / static_cast<std::int64_t>(count_));
}

std::vector<DiffChecks::Finding> DiffProbe::findings() const {
    auto out = checks.findings();
    const auto tenths = [](milliseconds time) {
        return go_duration(std::chrono::round<std::chrono::duration<std::int64_t, std::deci>>(time));
    };
    const milliseconds silence = arrivals.silence(elapsed);
    const bool came = checks.live() > 0 && silence <= arrivals.patience();
    out.push_back({"until_end", came,
                   came ? fmt::format("the longest pause was {}", tenths(arrivals.longest_silence(elapsed)))
                        : fmt::format("none came in the last {}", tenths(silence))});
    return out;
}

bool DiffProbe::passed() const {
    const auto all = findings();
    return !ended && std::all_of(all.begin(), all.end(), [](const auto& finding) { return finding.passed; });
}

Result<DiffProbe> probe_diffs(const DiffProbeOptions& options, const DiffProbeProgress& progress,
                              const std::stop_token& stop) {
    IOSWARM_TRY(const auto tip, find_tip(options, stop));
    const std::uint64_t from = tip > options.catch_up ? tip - options.catch_up : 1;
    pause_for(options.between_streams, stop);
    DiffProbe probe{tip, DiffChecks(from, tip), {}, {}, {}, 0, {}};
    ResumingStream stream(options.peer, stop);
    const auto begin = SteadyClock::now();
    while (since(begin) < options.duration) {
        const auto diff = stream.next(probe.checks.expected(), options.duration - since(begin));
        probe.resumed = stream.resumed();
        probe.elapsed = since(begin);
        if (diff) {
            probe.ended.reset();
            const std::uint64_t live = probe.checks.live();
            probe.checks.take(*diff);
            if (probe.checks.live() > live) probe.arrivals.add(probe.elapsed);
            if (!probe.catch_up_time && probe.checks.caught_up()) probe.catch_up_time = probe.elapsed;
            progress(*diff, probe);
            continue;
        }
        if (diff.error().code == ErrorCode::cancelled) break;
        if (diff.error().code == ErrorCode::timed_out) {
            if (stream.is_there()) probe.ended.reset();
            break;
        }
        probe.ended = diff.error();
        if (diff.error().code != ErrorCode::unavailable) break;
        pause_for(options.between_streams, stop);
    }
    probe.elapsed = since(begin);
    return probe;
}

}  // namespace ioswarm::proto
