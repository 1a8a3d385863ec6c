// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "snapshot/gzip/gzip.hpp"

namespace ioswarm::snapshot {

/// Turns a stream of bytes into gzip members on several threads and hashes it on the way. The compressed bytes
/// come out in order. Memory is bounded by the number of blocks under way, whatever the stream's length. One
/// thread appends; the sink is called from one thread of its own.
class ParallelGzip {
  public:
    using Sink = std::function<Status(BytesView)>;

    struct Settings {
        Compression compression = Compression::standard;
        unsigned threads = 2;                            ///< that compress
        std::size_t block_bytes = std::size_t{2} << 20;  ///< raw bytes a member
    };

    ParallelGzip(const Settings& settings, Sink sink);
    /// Stops at once; what was not written yet is dropped.
    ~ParallelGzip();
    ParallelGzip(const ParallelGzip&) = delete;
    ParallelGzip& operator=(const ParallelGzip&) = delete;

    /// Waits while too many blocks are under way. Error: the sink's first one; nothing is taken any more then.
    [[nodiscard]] Status append(BytesView data);
    /// Where the caller may write the next `size` bytes itself, which saves append() and a copy; null where
    /// they do not fit into the block at hand, and append() is the way. They count as appended.
    [[nodiscard]] std::uint8_t* extend(std::size_t size);
    /// SHA-256 of everything appended so far; waits until it is hashed. What is appended later is not hashed.
    [[nodiscard]] Result<Hash256> digest();
    /// Writes what is left and waits for it. Call once, last.
    [[nodiscard]] Status finish();
    [[nodiscard]] std::uint64_t raw_bytes() const noexcept;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ioswarm::snapshot
