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

/// A diff on its way to agents. It never changes and is shared by all streams that send it. A transport encodes
/// it once, and the encoded message is kept here as long as the diff lives.
class SharedDiff {
  public:
    /// Number of encodings. Each transport chooses an index below it for each of its encodings.
    static constexpr std::size_t kEncodings = 2;

    SharedDiff(std::uint64_t height, Bytes record) : height_(height), record_(std::move(record)) {}
    SharedDiff(const SharedDiff&) = delete;
    SharedDiff& operator=(const SharedDiff&) = delete;

    [[nodiscard]] std::uint64_t height() const noexcept { return height_; }
    /// The encoded diff, see core/diffs/diff_record.hpp.
    [[nodiscard]] const Bytes& record() const noexcept { return record_; }

    /// Returns the message that `make` made for this encoding at the first call. Thread-safe; other callers
    /// wait while it is made.
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

/// The diff log's side of a stream: one object per accepted StreamStateDiffs. One thread at a time may call
/// take() and written().
class DiffStream {
  public:
    virtual ~DiffStream() = default;
    /// Returns the diff of the next height: each height exactly once and in order. Returns null when it is not
    /// in memory (on_ready comes later). Never waits for a disk.
    [[nodiscard]] virtual SharedDiffPtr take() = 0;
    /// Reports that the transport has handed the diff of `height` to the connection.
    virtual void written(std::uint64_t height) = 0;
    /// Reports that the transport's side is gone. Call it at most once; once it has returned, the sink is not
    /// called again. Destroying the stream without this call has the same effect.
    virtual void closed() = 0;
};

/// The calls that agents make to the diff log. proto/ makes them after authentication, size checks and
/// decoding. Thread-safe.
class DiffLink {
  public:
    virtual ~DiffLink() = default;

    /// `StreamStateDiffs`. from_height 0 means live diffs only. Errors: out_of_range (the text names the stored
    /// range and the newest snapshot), unavailable (shutting down). `sink` is kept until on_end or closed().
    /// Reasons of on_end: aborted (the agent opened a newer stream), out_of_range (the height it needs was
    /// pruned), data_loss (the log is damaged at that height), permission_denied (revoked), unavailable
    /// (shutting down).
    [[nodiscard]] virtual Result<std::unique_ptr<DiffStream>> open_diff_stream(
        const std::string& agent_id, const StreamStateDiffsRequest& request,
        std::shared_ptr<StreamSink> sink) = 0;
};

}  // namespace ioswarm
