// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "snapshot/gzip/gzip.hpp"

namespace ioswarm::snapshot {

/// Turns a stream of bytes into gzip members on several threads, and hashes it too. The compressed bytes come
/// out in order. Memory is bounded by the number of blocks in work, whatever the length of the stream. One
/// thread appends. The sink is called on one separate thread.
class ParallelGzip {
  public:
    using Sink = std::function<Status(BytesView)>;

    struct Settings {
        Compression compression = Compression::standard;
        unsigned threads = 2;                            ///< number of threads that compress
        std::size_t block_bytes = std::size_t{2} << 20;  ///< uncompressed bytes per member
    };

    ParallelGzip(const Settings& settings, Sink sink);
    /// Stops at once. Data that is not yet written is dropped.
    ~ParallelGzip();
    ParallelGzip(const ParallelGzip&) = delete;
    ParallelGzip& operator=(const ParallelGzip&) = delete;

    /// Waits while too many blocks are in work. Error: the first error of the sink; nothing is accepted after
    /// that.
    [[nodiscard]] Status append(BytesView data);
    /// Returns the place where the caller may write the next `size` bytes itself, which saves append() and a
    /// copy. They count as appended. Returns null when they do not fit into the current block; call append()
    /// then.
    [[nodiscard]] std::uint8_t* extend(std::size_t size);
    /// The SHA-256 of everything that was appended so far. Waits until it is hashed. Data that is appended
    /// later is not hashed.
    [[nodiscard]] Result<Hash256> digest();
    /// Writes the rest and waits for it. Call it once, as the last call.
    [[nodiscard]] Status finish();
    [[nodiscard]] std::uint64_t raw_bytes() const noexcept;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace ioswarm::snapshot
