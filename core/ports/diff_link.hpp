// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/messages.hpp"
#include "core/ports/stream_sink.hpp"

namespace ioswarm {

/// A diff on its way to agents: immutable, shared by all streams that send it. What a transport makes of it (a
/// message in one of its encodings) is made once and kept here as long as the diff is.
class SharedDiff {
  public:
    /// Transports' encodings, by an index of their own choosing below kEncodings.
    static constexpr std::size_t kEncodings = 2;

    SharedDiff(std::uint64_t height, Bytes record) : height_(height), record_(std::move(record)) {}
    SharedDiff(const SharedDiff&) = delete;
    SharedDiff& operator=(const SharedDiff&) = delete;

    [[nodiscard]] std::uint64_t height() const noexcept { return height_; }
    /// core/diffs/diff_record.hpp
    [[nodiscard]] const Bytes& record() const noexcept { return record_; }

    /// What `make` gave for this encoding when it was first asked for. Thread-safe; others wait while it is
    /// made.
    template <typename Make>
    [[nodiscard]] std::shared_ptr<const void> encoded(std::size_t encoding, Make&& make) const {
        Slot& slot = slots_.at(encoding);
        std::call_once(slot.once, [&] { slot.message = make(*this); });
        return slot.message;
    }

  private:
    struct Slot {
        std::once_flag once;
        std::shared_ptr<const void> message;
    };
    const std::uint64_t height_;
    const Bytes record_;
    mutable std::array<Slot, kEncodings> slots_;
};
using SharedDiffPtr = std::shared_ptr<const SharedDiff>;

/// The log's side: one per accepted StreamStateDiffs. take() and written() are called by one thread at a time.
class DiffStream {
  public:
    virtual ~DiffStream() = default;
    /// The diff of the next height, each height exactly once and in order; nothing when it is not at hand
    /// (on_ready comes later). Never waits for a disk.
    [[nodiscard]] virtual SharedDiffPtr take() = 0;
    /// The transport has handed the diff of `height` to the connection.
    virtual void written(std::uint64_t height) = 0;
    /// The transport's side is gone. Called at most once; the sink is not called any more once this returned.
    /// Destruction without it does the same.
    virtual void closed() = 0;
};

/// What agents ask of the diff log; proto/ calls it after authentication, size checks and decoding.
/// Thread-safe.
class DiffLink {
  public:
    virtual ~DiffLink() = default;

    /// `StreamStateDiffs`. from_height 0: live only. Errors: out_of_range (naming the range held and the newest
    /// snapshot); unavailable (shutting down). `sink` is kept until on_end or closed(); on_end's reasons:
    /// aborted (a newer stream of the agent), out_of_range (what it needs was pruned), data_loss (the log is
    /// damaged at the height it needs), permission_denied (revoked), unavailable (shutting down).
    [[nodiscard]] virtual Result<std::unique_ptr<DiffStream>> open_diff_stream(
        const std::string& agent_id, const StreamStateDiffsRequest& request,
        std::shared_ptr<StreamSink> sink) = 0;
};

}  // namespace ioswarm
