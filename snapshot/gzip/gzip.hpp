// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "snapshot/gzip/byte_stream.hpp"

namespace ioswarm::snapshot {

/// The purpose of a snapshot's compression. `./dev bench` measures sizes and rates (P1 and P2).
enum class Compression {
    fast,  ///< ISA-L level 1
    /// ISA-L level 3: about the size of zlib level 6 at ten times its rate. It is `default` on the command
    /// line.
    standard,
    /// A better ratio than zlib's: libdeflate level 10, the first level that searches for the best parse. The
    /// size is below 0.99 of zlib level 6's.
    small,
};

/// Makes complete gzip members. Each member stands alone, so that blocks can be compressed in parallel; readers
/// see one stream. Use one object per thread.
class MemberCompressor {
  public:
    explicit MemberCompressor(Compression compression);
    ~MemberCompressor();
    MemberCompressor(const MemberCompressor&) = delete;
    MemberCompressor& operator=(const MemberCompressor&) = delete;

    /// Replaces `out` by one gzip member that contains `raw`.
    void compress(BytesView raw, Bytes& out);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Compressed bytes from anywhere, in pieces. Not thread-safe.
class RawBytes {
  public:
    virtual ~RawBytes() = default;
    /// Returns the next piece of less than 4 GiB; it is empty at the end. The piece is valid until the next
    /// call. After an error no further call is made.
    [[nodiscard]] virtual Result<BytesView> next() = 0;
};

/// A regular file, read in large pieces from its beginning.
struct RawFile {
    std::unique_ptr<RawBytes> bytes;
    std::uint64_t size = 0;
};
/// Errors: not_found, permission_denied, io, bad_data (it is no regular file).
[[nodiscard]] Result<RawFile> open_raw_file(const std::string& path);

/// Reads a gzip file of one or more members as one stream of bytes. Not thread-safe.
class GzipReader final : public ByteStream {
  public:
    /// Errors: those of open_raw_file().
    [[nodiscard]] static Result<std::unique_ptr<GzipReader>> open(const std::string& path);
    /// Reads from `source`; read() then also has its errors. `path` is used in messages. `size` is what
    /// file_size() returns.
    [[nodiscard]] static std::unique_ptr<GzipReader> open(const std::string& path, std::uint64_t size,
                                                          std::unique_ptr<RawBytes> source);
    ~GzipReader() override;

    /// Fills `out` from its beginning. It returns fewer bytes only at the end of the last member, and 0 after
    /// that. Only `out` limits the amount of data, so a small file that inflates without end costs time but no
    /// memory. Errors: bad_data (not gzip, damaged, cut short, bytes after the last member), io.
    [[nodiscard]] Result<std::size_t> read(std::span<std::uint8_t> out);
    /// Returns 128 KiB at a time. Errors are those of read().
    [[nodiscard]] Result<BytesView> next() override;
    [[nodiscard]] std::uint64_t compressed_bytes() const noexcept override;
    [[nodiscard]] std::uint64_t file_size() const noexcept override;

  private:
    struct State;
    explicit GzipReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace ioswarm::snapshot
