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

/// A coordinator that serves state diffs, and as whom to ask it.
struct DiffPeer {
    TcpTarget target;
    std::string agent_id;
    std::string token;  ///< "iosw_…" (core/crypto/hmac.hpp agent_token); empty: no credentials are sent
    std::chrono::milliseconds connect_timeout{10'000};
    H2Settings http2;
};

/// One StreamStateDiffs over a connection of its own, in content-type application/grpc+ioswarm-json, which is
/// the one that the coordinators inside nodes take. For one thread at a time.
class DiffSubscription {
  public:
    /// Connects and asks; whether the peer accepts shows in next(). from_height 0: live only. Errors:
    /// unavailable, timed_out, cancelled.
    [[nodiscard]] static Result<DiffSubscription> open(const DiffPeer& peer, std::uint64_t from_height,
                                                       const std::stop_token& stop);

    /// The next diff as the peer sent it: nothing about its height or digest is checked. Errors: timed_out
    /// (nothing came within; the subscription goes on), cancelled; all others end it: unavailable (the peer, or
    /// the way to it, ended the stream), unauthenticated, permission_denied, out_of_range (the peer says so, or
    /// cannot send a diff as large), bad_data (not gRPC, or no diff).
    [[nodiscard]] Result<StateDiff> next(std::chrono::milliseconds within, const std::stop_token& stop);

  private:
    DiffSubscription(std::string which, std::unique_ptr<H2Client> client, std::int32_t stream)
        : which_(std::move(which)), client_(std::move(client)), stream_(stream) {}

    std::string which_;
    std::unique_ptr<H2Client> client_;
    std::int32_t stream_;
};

}  // namespace ioswarm::proto
