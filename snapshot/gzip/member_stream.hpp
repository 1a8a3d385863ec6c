// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "snapshot/gzip/byte_stream.hpp"

namespace ioswarm::snapshot {

/// The place of a gzip member in a file, as its writer noted it.
struct MemberPlace {
    std::uint64_t offset = 0;
    std::size_t bytes = 0;      ///< compressed, including header and trailer
    std::size_t raw_bytes = 0;  ///< uncompressed
};

/// Reads a file whose members are known. Several threads read and inflate them in any order; next() returns
/// them in order. Memory is bounded by the number of threads and the largest member.
class MemberStream final : public ByteStream {
  public:
    /// `members` must cover the file from its first byte to its last. Errors: not_found, permission_denied, io;
    /// data_loss when the file has another size. Errors of next(): data_loss when a member is not as its writer
    /// noted it, io.
    [[nodiscard]] static Result<std::unique_ptr<MemberStream>> open(const std::string& path,
                                                                    std::vector<MemberPlace> members,
                                                                    unsigned threads);
    /// Stops the threads, after the members that they are working on.
    ~MemberStream() override;

    [[nodiscard]] Result<BytesView> next() override;
    [[nodiscard]] std::uint64_t compressed_bytes() const noexcept override;
    [[nodiscard]] std::uint64_t file_size() const noexcept override;

  private:
    struct State;
    explicit MemberStream(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace ioswarm::snapshot
