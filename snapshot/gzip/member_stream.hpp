// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "snapshot/gzip/byte_stream.hpp"

namespace ioswarm::snapshot {

/// A gzip member of a file, as its writer noted it.
struct MemberPlace {
    std::uint64_t offset = 0;
    std::size_t bytes = 0;      ///< compressed, with header and trailer
    std::size_t raw_bytes = 0;  ///< uncompressed
};

/// Reads a file whose members are known: several threads read and inflate them out of order, next() gives them
/// in order. Memory is bounded by the threads and the largest member.
class MemberStream final : public ByteStream {
  public:
    /// `members` one after the other, from the file's first byte to its last. Errors: not_found,
    /// permission_denied, io; data_loss when the file's size differs. next(): data_loss when a member is not
    /// what it was, io.
    [[nodiscard]] static Result<std::unique_ptr<MemberStream>> open(const std::string& path,
                                                                    std::vector<MemberPlace> members,
                                                                    unsigned threads);
    /// Stops the threads; what they have at hand is finished first.
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
