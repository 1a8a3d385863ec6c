// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace ioswarm {

/// The kind of failure that an Error describes. The set is closed: cli/exit_code.hpp maps each code to an exit
/// code, and proto/agent_port/call_status.hpp maps each code that can reach an agent to a gRPC status.
enum class ErrorCode {
    invalid_argument,     ///< a peer or caller sent a value that is not allowed
    unauthenticated,      ///< missing or wrong credentials
    permission_denied,    ///< the caller is known but not allowed to do this
    not_found,            ///< the named thing does not exist
    out_of_range,         ///< the height lies outside the range that is held
    resource_exhausted,   ///< a limit was reached: rate, size or count
    failed_precondition,  ///< not possible in the current state (not registered, wrong chain)
    aborted,              ///< replaced by a newer request or stream of the same kind
    unavailable,          ///< a peer or service cannot be reached now; trying again may help
    timed_out,            ///< no answer in time; whether the request took effect is unknown
    cancelled,            ///< stopped on request
    try_again,            ///< somebody else holds it now (a lock, or a second process)
    bad_data,             ///< a file or an answer does not follow its format
    data_loss,            ///< something that was stored durably is missing or was changed
    io,                   ///< the operating system failed to read or write
    config,               ///< the configuration is wrong
    usage,                ///< the command line is wrong
    failed_check,         ///< everything ran, and the check failed
    internal,             ///< a bug
};

/// A failure as a value. It is printed as `what: which: why`, with `hint` on a line of its own.
struct Error {
    ErrorCode code = ErrorCode::internal;
    std::string what;   ///< the operation that failed, as a verb phrase: "cannot open the ledger"
    std::string which;  ///< the object concerned: a path, a field, a height; may be empty
    std::string why;    ///< the cause; may be empty
    std::string hint;   ///< what the user can do about it; may be empty
    /// A finer class than `code`, which only the library that made the error understands; 0: none.
    int kind = 0;

    /// "what: which: why" without the empty parts.
    [[nodiscard]] std::string text() const;
};

/// A value or an Error. Libraries return it and throw nothing on purpose.
template <typename T>
using Result = tl::expected<T, Error>;

/// Success without a value, or an Error.
using Status = Result<void>;

/// Makes an error for a return statement: `return fail(ErrorCode::io, "cannot read", path);`
[[nodiscard]] inline tl::unexpected<Error> fail(ErrorCode code, std::string what, std::string which = {},
                                                std::string why = {}, std::string hint = {}) {
    return tl::unexpected<Error>(
        Error{code, std::move(what), std::move(which), std::move(why), std::move(hint)});
}

[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

/// An Error for a failed system call; `why` is strerror(error_number).
[[nodiscard]] Error errno_error(int error_number, std::string what, std::string which = {});

/// The snake_case name of a code, for logs and --json.
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

}  // namespace ioswarm
