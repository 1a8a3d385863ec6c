// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace ioswarm {

/// What kind of failure an Error is. Closed: the rim maps each to an exit code (cli/exit_code.hpp) and each
/// that can reach an agent to a gRPC status (proto/agent_port/call_status.hpp).
enum class ErrorCode {
    invalid_argument,     ///< a peer or caller sent something outside what is allowed
    unauthenticated,      ///< no or wrong credentials
    permission_denied,    ///< known, but may not
    not_found,            ///< the named thing does not exist
    out_of_range,         ///< the named height lies outside what is held
    resource_exhausted,   ///< a bound was reached: rate, size, count
    failed_precondition,  ///< not in this state (not registered, wrong chain)
    aborted,              ///< replaced by a newer one of the same kind
    unavailable,          ///< a peer or service cannot be reached now; trying again may help
    timed_out,            ///< no answer within the time given; whether it took effect is unknown
    cancelled,            ///< stopped on request
    try_again,            ///< somebody else holds it now (lock, second run)
    bad_data,             ///< a file or an answer is not what its format says
    data_loss,            ///< something durable is missing or was altered
    io,                   ///< the operating system failed to read or write
    config,               ///< the configuration is wrong
    usage,                ///< the command line is wrong
    failed_check,         ///< everything ran, and the answer is no
    internal,             ///< a bug
};

/// A failure as a value. Printed as `what: which: why` with `hint` on a line of its own.
struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string what;   ///< what failed, a verb phrase: "cannot open the ledger"
    std::string which;  ///< which thing: a path, a field, a height; may be empty
    std::string why;    ///< the cause; may be empty
    std::string hint;   ///< what to do about it; may be empty

    /// "what: which: why", leaving out what is empty.
    [[nodiscard]] std::string text() const;
};

/// Value or Error. Libraries return it; nothing in them throws on purpose.
template <typename T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string what, std::string which = {},
                                                std::string why = {}, std::string hint = {}) {
    return tl::unexpected<Error>(
        Error{code, std::move(what), std::move(which), std::move(why), std::move(hint)});
}

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

/// Error for a failed system call; `why` is strerror(error_number).
[[nodiscard]] Error errno_error(int error_number, std::string what, std::string which = {});

/// snake_case name of a code, for logs and --json.
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

}  // namespace ioswarm
