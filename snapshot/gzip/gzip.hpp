// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "snapshot/gzip/byte_stream.hpp"

namespace ioswarm::snapshot {

/// What a snapshot's compression is chosen for. Sizes and rates: `./dev bench`, P1 and P2.
enum class Compression {
    fast,      ///< ISA-L level 1
    standard,  ///< ISA-L level 3: about zlib level 6's size at ten times its rate; on the command line
               ///< `default`
    small,  ///< libdeflate level 10, the first that looks for the best parse: below 0.99 of zlib level 6's size
};

/// Makes complete gzip members, each of its own, so that blocks compress in parallel and readers see one
/// stream. One object a thread.
class MemberCompressor {
  public:
    explicit MemberCompressor(Compression compression);
    ~MemberCompressor();
    MemberCompressor(const MemberCompressor&) = delete;
    MemberCompressor& operator=(const MemberCompressor&) = delete;

    /// Replaces `out` by one gzip member that holds `raw`.
    void compress(BytesView raw, Bytes& out);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Reads a gzip file of one or more members as one stream of bytes. Not thread-safe.
class GzipReader final : public ByteStream {
  public:
    /// Errors: not_found, permission_denied, io.
    [[nodiscard]] static Result<std::unique_ptr<GzipReader>> open(const std::string& path);
    ~GzipReader() override;

    /// Fills `out` from its front; fewer bytes only at the end of the last member, 0 there. What it says is
    /// limited by `out` alone, so a small file that inflates without end costs time and no memory. Errors
    /// bad_data (not gzip, damaged, cut short, bytes behind the last member), io.
    [[nodiscard]] Result<std::size_t> read(std::span<std::uint8_t> out);
    /// 128 KiB at a time; errors as read().
    [[nodiscard]] Result<BytesView> next() override;
    [[nodiscard]] std::uint64_t compressed_bytes() const noexcept override;
    [[nodiscard]] std::uint64_t file_size() const noexcept override;

  private:
    struct State;
    explicit GzipReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace ioswarm::snapshot
