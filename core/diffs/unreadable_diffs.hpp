// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "core/base/alarm.hpp"
#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/metrics/registry.hpp"
#include "core/ports/diff_store.hpp"

namespace ioswarm {

/// The heights at which the diff log could not be read for a stream. Many agents ask for such a height again
/// and again. So a height is logged once, and then at most once per minute. Thread-safe; logs outside its lock.
class UnreadableDiffs {
  public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::minutes kRepeat{1};
    /// Our own choice. Failed reads of further heights are only counted.
    static constexpr std::size_t kMaxHeights = 16;

    /// `count` counts the failed reads.
    UnreadableDiffs(metrics::Counter count, Log log) : count_(std::move(count)), log_(std::move(log)) {}

    /// Reports that the diff of `height` could not be read.
    void failed(std::uint64_t height, const Error& error, Time now);
    /// Reports that the diffs from `first` to `last` were read.
    void worked(std::uint64_t first, std::uint64_t last);
    /// Adds one reason while some height of `held` cannot be read. It names the lowest one.
    void add_reasons(const DiffRange& held, Reasons& reasons) const;

  private:
    struct Fault {
        bool is_damage = false;  // otherwise the disk failed, which may be over at the next read
        bool is_over = false;    // kept for `logged`, so that a disk that fails now and then fills no log
        Time logged{};
    };

    const metrics::Counter count_;
    const Log log_;
    Guarded<std::map<std::uint64_t, Fault>> faults_;  // by height
};

}  // namespace ioswarm
