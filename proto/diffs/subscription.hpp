// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "core/base/result.hpp"
#include "core/model/messages.hpp"
#include "proto/h2/client.hpp"

namespace ioswarm::proto {

/// A coordinator that serves state diffs, and the credentials to use.
struct DiffPeer {
    TcpTarget target;
    std::string agent_id;
    std::string token;  ///< "iosw_…" (core/crypto/hmac.hpp agent_token); empty: no credentials are sent
    std::chrono::milliseconds connect_timeout{10'000};
    H2Settings http2;
};

/// One StreamStateDiffs call on its own connection. The content-type is application/grpc+ioswarm-json, the one
/// that the coordinators inside nodes accept. Use it from one thread at a time.
class DiffSubscription {
  public:
    /// Connects and sends the request. Whether the peer accepts it shows in next(). from_height 0 means live
    /// diffs only. Errors: unavailable, timed_out, cancelled.
    [[nodiscard]] static Result<DiffSubscription> open(const DiffPeer& peer, std::uint64_t from_height,
                                                       const std::stop_token& stop);

    /// The next diff as the peer sent it; its height and digest are not checked. Errors that leave the
    /// subscription open: timed_out (nothing came within the time), cancelled. Errors that end it: unavailable
    /// (the peer or the network ended the stream), unauthenticated, permission_denied, out_of_range (the peer
    /// reports it, or the diff is too large for the peer to send), bad_data (not gRPC, or not a diff).
    [[nodiscard]] Result<StateDiff> next(std::chrono::milliseconds within, const std::stop_token& stop);

    /// Whether the peer has shown that it speaks HTTP/2. Until then it may be any program.
    [[nodiscard]] bool has_spoken() const noexcept { return client_->has_spoken(); }

  private:
    DiffSubscription(std::string which, std::unique_ptr<H2Client> client, std::int32_t stream)
        : which_(std::move(which)), client_(std::move(client)), stream_(stream) {}

    std::string which_;
    std::unique_ptr<H2Client> client_;
    std::int32_t stream_;
};

}  // namespace ioswarm::proto
