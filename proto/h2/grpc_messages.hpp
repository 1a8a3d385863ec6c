// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include "core/base/bytes.hpp"

namespace ioswarm::proto {

/// gRPC messages out of the bytes of a stream: a byte of flags and four of length before each
/// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
class GrpcMessages {
  public:
    explicit GrpcMessages(std::size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

    /// False when what came is no such message; fault() says why, and nothing is taken any more. Whole
    /// messages that came before it can still be had.
    bool add(BytesView data);

    [[nodiscard]] bool empty() const noexcept { return whole_.empty(); }
    /// About the memory of the whole messages that wait.
    [[nodiscard]] std::size_t waiting_bytes() const noexcept { return waiting_bytes_; }
    /// A message has begun that is not whole yet.
    [[nodiscard]] bool in_message() const noexcept { return !partial_.empty(); }
    [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
    /// The oldest whole message; there must be one.
    [[nodiscard]] Bytes take();

  private:
    bool refuse(std::string why);

    const std::size_t max_message_bytes_;
    Bytes partial_;  ///< prefix included
    std::deque<Bytes> whole_;
    std::size_t waiting_bytes_ = 0;
    std::string fault_;
};

}  // namespace ioswarm::proto
