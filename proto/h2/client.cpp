// SPDX-License-Identifier: Apache-2.0
#include "proto/h2/client.hpp"

#include <utility>

#include <fmt/format.h>

#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "proto/grpc/status_codes.hpp"
#include "proto/h2/session.hpp"

namespace ioswarm::proto {
namespace {

using std::chrono::milliseconds;

/// A peer that cancels a call goes away: we did not ask for it.
ErrorCode code_of(int grpc_status) {
    const ErrorCode code = error_code_of_status(grpc_status);
    return code == ErrorCode::cancelled ? ErrorCode::unavailable : code;
}

bool is_over(H2Deadline deadline) {
    return std::chrono::steady_clock::now() >= deadline;
}

}  // namespace

Status outcome(const H2Status& status, std::string what, std::string which) {
    if (status.grpc_status == 0) return {};
    if (status.grpc_status > 0) {
        constexpr std::size_t kMaxMessage = 512;
        const std::string message = status.grpc_message.substr(0, kMaxMessage);
        return fail(code_of(status.grpc_status), std::move(what), std::move(which),
                    message.empty() ? fmt::format("gRPC status {}", status.grpc_status) : message);
    }
    if (status.reset_code != 0) {
        return fail(ErrorCode::unavailable, std::move(what), std::move(which),
                    fmt::format("the call was broken off ({})", http2_error(status.reset_code)));
    }
    return fail(ErrorCode::bad_data, std::move(what), std::move(which),
                "the answer ended without a gRPC status");
}

std::string said_nothing(milliseconds waited) {
    return "it accepts connections, but does not answer as a coordinator: nothing came in " +
           go_duration(waited);
}

Bytes grpc_frame(BytesView message) {
    const auto size = static_cast<std::uint32_t>(message.size());
    Bytes out{0, static_cast<std::uint8_t>(size >> 24), static_cast<std::uint8_t>(size >> 16),
              static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
    out.insert(out.end(), message.begin(), message.end());
    return out;
}

H2Client::H2Client(std::unique_ptr<Session> session) : session_(std::move(session)) {}
H2Client::~H2Client() = default;

Result<std::unique_ptr<H2Client>> H2Client::connect(TcpTarget target, milliseconds within,
                                                    const std::stop_token& stop, const H2Settings& settings) {
    const H2Deadline deadline = deadline_in(within);
    if (target.tls) target.tls->application_protocol = "h2";
    IOSWARM_TRY(auto stream, TcpStream::connect(target, deadline, stop));
    auto session = std::make_unique<Session>(std::move(stream), target, settings);
    IOSWARM_DO(session->start());
    return std::unique_ptr<H2Client>(new H2Client(std::move(session)));
}

Result<std::int32_t> H2Client::open(const H2Request& request) {
    return session_->submit(request);
}

Result<std::optional<Bytes>> H2Client::next(std::int32_t id, milliseconds within, const std::stop_token& stop) {
    return session_->next(id, deadline_in(within), stop);
}

Result<H2Status> H2Client::finish(std::int32_t id, milliseconds within, const std::stop_token& stop) {
    const H2Deadline deadline = deadline_in(within);
    for (;;) {
        IOSWARM_TRY(auto message, session_->next(id, deadline, stop));
        if (!message) return session_->take_status(id);
        if (is_over(deadline)) return fail(session_->no_answer());
    }
}

Result<H2Answer> H2Client::call(const H2Request& request, const std::stop_token& stop) {
    const H2Deadline deadline = deadline_in(request.deadline);
    IOSWARM_TRY(const auto id, open(request));
    H2Answer answer;
    for (;;) {
        auto message = session_->next(id, deadline, stop);
        if (!message) {
            cancel(id);
            return fail(std::move(message).error());
        }
        if (!*message) break;
        answer.messages.push_back(std::move(**message));
        if (!is_over(deadline)) continue;
        cancel(id);
        return fail(session_->no_answer());
    }
    answer.status = session_->take_status(id);
    return answer;
}

void H2Client::cancel(std::int32_t id) {
    session_->cancel(id);
}

bool H2Client::has_spoken() const noexcept {
    return session_->has_spoken();
}

}  // namespace ioswarm::proto
