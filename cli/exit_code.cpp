// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_code.hpp"

namespace ioswarm::cli {

ExitCode exit_code_for(ErrorCode code, Concerns concerns) noexcept {
    const bool is_file = code == ErrorCode::not_found || code == ErrorCode::io;
    if (concerns == Concerns::output && is_file) return ExitCode::cannot_create;
    if (concerns == Concerns::secret && is_file) return ExitCode::io;
    if (concerns == Concerns::peer && code == ErrorCode::bad_data) return ExitCode::protocol;
    switch (code) {
        case ErrorCode::usage:
            return ExitCode::usage;
        case ErrorCode::invalid_argument:
        case ErrorCode::out_of_range:
        case ErrorCode::failed_precondition:
        case ErrorCode::bad_data:
        case ErrorCode::data_loss:
            return ExitCode::bad_data;
        case ErrorCode::unavailable:
            return ExitCode::unavailable;
        case ErrorCode::not_found:
            return ExitCode::no_input;
        case ErrorCode::io:
            return ExitCode::io;
        case ErrorCode::resource_exhausted:
        case ErrorCode::aborted:
        case ErrorCode::timed_out:
        case ErrorCode::try_again:
            return ExitCode::try_again;
        case ErrorCode::unauthenticated:
        case ErrorCode::permission_denied:
            return ExitCode::permission;
        case ErrorCode::config:
            return ExitCode::configuration;
        case ErrorCode::cancelled:
            return ExitCode::interrupted;
        case ErrorCode::failed_check:
            return ExitCode::failed_check;
        case ErrorCode::internal:
            return ExitCode::internal;
    }
    return ExitCode::internal;
}

std::string_view describe(ExitCode code) noexcept {
    switch (code) {
        case ExitCode::ok:
            return "success";
        case ExitCode::failed_check:
            return "a check failed, or a second signal forced the end";
        case ExitCode::warned:
            return "only warnings, and --strict was given";
        case ExitCode::usage:
            return "wrong command line";
        case ExitCode::bad_data:
            return "bad data";
        case ExitCode::no_input:
            return "a named file, agent, transaction or block does not exist";
        case ExitCode::unavailable:
            return "something needed is not available";
        case ExitCode::internal:
            return "internal error";
        case ExitCode::cannot_create:
            return "an output file cannot be created";
        case ExitCode::io:
            return "input or output failed, or a key or secret is missing";
        case ExitCode::try_again:
            return "busy or timed out, try again";
        case ExitCode::protocol:
            return "the answer of the server or the node violates the protocol";
        case ExitCode::permission:
            return "permission denied";
        case ExitCode::configuration:
            return "wrong configuration";
        case ExitCode::interrupted:
            return "ended by SIGINT";
        case ExitCode::terminated:
            return "ended by SIGTERM";
    }
    return "unknown";
}

}  // namespace ioswarm::cli
