// SPDX-License-Identifier: Apache-2.0
#include "proto/diffs/subscription.hpp"

#include <utility>

#include "proto/codec/codec.hpp"

namespace ioswarm::proto {
namespace {

constexpr const char* kWhat = "cannot take state diffs";
constexpr const char* kNoModule = "does the node run with its ioswarm module on (ioswarm.enabled)?";

/// Gives a refusal or a failure the wording and the codes of DiffSubscription.
Error told(Error error) {
    error.what = kWhat;
    switch (error.code) {
        case ErrorCode::cancelled:
        case ErrorCode::timed_out:
        case ErrorCode::unavailable:
        case ErrorCode::permission_denied:
        case ErrorCode::out_of_range:
        case ErrorCode::bad_data:
            break;
        case ErrorCode::unauthenticated:
            error.hint = "the key must be made for this agent id, from that coordinator's master secret";
            break;
        case ErrorCode::aborted:
            error.code = ErrorCode::unavailable;
            error.hint = "does somebody else use the same agent id?";
            break;
        case ErrorCode::failed_precondition:  // the status was UNIMPLEMENTED
            error.code = ErrorCode::unavailable;
            error.hint = kNoModule;
            break;
        case ErrorCode::resource_exhausted:
            // Go's gRPC reports this for a message above its size limit. A retry does not help then.
            error.code = error.why.find("larger than max") != std::string::npos ? ErrorCode::out_of_range
                                                                                : ErrorCode::unavailable;
            break;
        default:
            error.code = ErrorCode::unavailable;
    }
    return error;
}

}  // namespace

Result<DiffSubscription> DiffSubscription::open(const DiffPeer& peer, std::uint64_t from_height,
                                                const std::stop_token& stop) {
    auto client = H2Client::connect(peer.target, peer.connect_timeout, stop, peer.http2);
    if (!client) {
        Error error = std::move(client).error();
        error.why = error.why.empty() ? error.what : error.why;
        if (error.hint.empty() && error.code == ErrorCode::unavailable) error.hint = kNoModule;
        return fail(told(std::move(error)));
    }
    H2Request request;
    request.path = "/ioswarm.IOSwarm/StreamStateDiffs";
    request.deadline = std::chrono::milliseconds::zero();
    if (!peer.token.empty()) {
        request.headers = {{"x-ioswarm-agent-id", peer.agent_id}, {"x-ioswarm-token", peer.token}};
    }
    request.body = grpc_frame(encode(Codec::json, StreamStateDiffsRequest{peer.agent_id, from_height}));
    const auto stream = (*client)->open(request);
    if (!stream) return fail(told(stream.error()));
    return DiffSubscription(peer.target.text(), *std::move(client), *stream);
}

Result<StateDiff> DiffSubscription::next(std::chrono::milliseconds within, const std::stop_token& stop) {
    auto message = client_->next(stream_, within, stop);
    if (!message) return fail(told(std::move(message).error()));
    if (*message) {
        auto diff = decode<StateDiff>(Codec::json, **message);
        if (diff) return diff;
        const Error& error = diff.error();
        const std::string where = error.which.empty() ? "" : error.which + ": ";
        return fail(ErrorCode::bad_data, kWhat, which_, "no diff: " + where + error.why);
    }
    const auto status = client_->finish(stream_, std::chrono::milliseconds::zero());
    if (!status) return fail(told(status.error()));
    if (Status ended = outcome(*status, kWhat, which_); !ended) return fail(told(std::move(ended).error()));
    return fail(ErrorCode::unavailable, kWhat, which_, "the other end closed the stream",
                "a coordinator inside a node does so when somebody else uses the same agent id");
}

}  // namespace ioswarm::proto
