// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/messages.hpp"

namespace ioswarm {

/// True for a namespace that current nodes write into state diffs.
[[nodiscard]] bool is_known_namespace(std::string_view name) noexcept;
/// The known namespace that was probably meant by a mistyped name: at most two typing errors away, upper and
/// lower case alike. Empty when none is near, and when the name itself is known.
[[nodiscard]] std::string_view nearest_namespace(std::string_view name);

/// Checks a stream of state diffs as it arrives, and reports afterwards whether an agent could work with it.
/// Takes one diff at a time and keeps none.
class DiffChecks {
  public:
    /// The stream was requested from height `from` on. `tip` is the newest height at that time: diffs up to it
    /// are catch-up, later ones are live.
    DiffChecks(std::uint64_t from, std::uint64_t tip) : from_(from), tip_(tip), expected_(from) {}

    void take(const StateDiff& diff);

    /// The height of the next diff, if the stream is correct.
    [[nodiscard]] std::uint64_t expected() const noexcept { return expected_; }
    [[nodiscard]] std::uint64_t diffs() const noexcept { return diffs_; }
    [[nodiscard]] std::uint64_t live() const noexcept { return live_; }
    [[nodiscard]] std::uint64_t entries() const noexcept { return entries_; }
    [[nodiscard]] bool caught_up() const noexcept { return diffs_ > 0 && last_ >= tip_; }

    struct Finding {
        const char* name;  ///< namespaces, write_types, heights, digests, catch_up, live
        bool passed;
        std::string detail;  ///< the observation; it may contain unfiltered text from the peer
    };
    /// One finding per check, in the order of the names above.
    [[nodiscard]] std::vector<Finding> findings() const;

  private:
    /// A fault: how often it was found, and where it was found first.
    struct Fault {
        std::uint64_t count = 0;
        std::string first;
        void add(std::string what);
    };
    [[nodiscard]] Finding finding(const char* name, const Fault& fault, std::string good) const;

    std::uint64_t from_;
    std::uint64_t tip_;
    std::uint64_t expected_;
    std::uint64_t diffs_ = 0;
    std::uint64_t live_ = 0;
    std::uint64_t entries_ = 0;
    std::uint64_t last_ = 0;
    Fault namespaces_;
    Fault write_types_;
    Fault heights_;
    Fault digests_;
};

}  // namespace ioswarm
