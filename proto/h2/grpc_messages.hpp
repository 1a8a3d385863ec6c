// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include "core/base/bytes.hpp"

namespace ioswarm::proto {

/// Splits the bytes of a stream into gRPC messages. Before each message there are one byte of flags and four
/// bytes of length (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
class GrpcMessages {
  public:
    explicit GrpcMessages(std::size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

    /// Returns false if the data is not a valid message. fault() then says why, and no further data is
    /// accepted. Messages that were complete before the fault can still be taken.
    bool add(BytesView data);

    [[nodiscard]] bool empty() const noexcept { return whole_.empty(); }
    /// Approximate memory of the complete messages that wait to be taken.
    [[nodiscard]] std::size_t waiting_bytes() const noexcept { return waiting_bytes_; }
    /// True if a message has begun but is not complete.
    [[nodiscard]] bool in_message() const noexcept { return !partial_.empty(); }
    [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
    /// The oldest complete message. There must be one.
    [[nodiscard]] Bytes take();

  private:
    bool refuse(std::string why);

    const std::size_t max_message_bytes_;
    Bytes partial_;  ///< the incomplete message, with its prefix
    std::deque<Bytes> whole_;
    std::size_t waiting_bytes_ = 0;
    std::string fault_;
};

}  // namespace ioswarm::proto
