// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/messages.hpp"

namespace ioswarm {

/// A namespace that a node of today writes (../shared/spec/config-and-http.md section 3 and
/// state-and-snapshots.md section 1).
[[nodiscard]] bool is_known_namespace(std::string_view name) noexcept;

/// Looks at a stream of state diffs as it comes, and says afterwards whether it was one that an agent can live
/// on. One diff after the other, none is kept.
class DiffChecks {
  public:
    /// What the stream was asked for: every height from `from` on; up to `tip`, the newest one then, it is
    /// catch-up, after that live.
    DiffChecks(std::uint64_t from, std::uint64_t tip) : from_(from), tip_(tip), expected_(from) {}

    void take(const StateDiff& diff);

    /// The height that must come next.
    [[nodiscard]] std::uint64_t expected() const noexcept { return expected_; }
    [[nodiscard]] std::uint64_t diffs() const noexcept { return diffs_; }
    [[nodiscard]] std::uint64_t live() const noexcept { return live_; }
    [[nodiscard]] std::uint64_t entries() const noexcept { return entries_; }
    [[nodiscard]] bool caught_up() const noexcept { return diffs_ > 0 && last_ >= tip_; }

    struct Verdict {
        const char* name;  ///< namespaces, write_types, heights, digests, catch_up, live
        bool passed;
        std::string detail;  ///< what was seen; text of the peer's is in it as it came
    };
    /// One a check, in this order.
    [[nodiscard]] std::vector<Verdict> verdicts() const;

  private:
    /// What was found wrong: how often, and where first.
    struct Fault {
        std::uint64_t count = 0;
        std::string first;
        void add(std::string what);
    };
    [[nodiscard]] Verdict verdict(const char* name, const Fault& fault, std::string good) const;

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
