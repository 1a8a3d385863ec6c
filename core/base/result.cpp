// SPDX-License-Identifier: Apache-2.0
#include "core/base/result.hpp"

#include <cerrno>
#include <system_error>

namespace ioswarm {

std::string Error::text() const {
    std::string out = what;
    for (const std::string* part : {&which, &why}) {
        if (part->empty()) continue;
        if (!out.empty()) out += ": ";
        out += *part;
    }
    return out;
}

Error errno_error(int error_number, std::string what, std::string which) {
    ErrorCode code = ErrorCode::io;
    if (error_number == ENOENT || error_number == ENOTDIR) code = ErrorCode::not_found;
    if (error_number == EACCES || error_number == EPERM) code = ErrorCode::permission_denied;
    if (error_number == EAGAIN) code = ErrorCode::try_again;
    return Error{code, std::move(what), std::move(which), std::generic_category().message(error_number), {}};
}

std::string_view to_string(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::invalid_argument:
            return "invalid_argument";
        case ErrorCode::unauthenticated:
            return "unauthenticated";
        case ErrorCode::permission_denied:
            return "permission_denied";
        case ErrorCode::not_found:
            return "not_found";
        case ErrorCode::out_of_range:
            return "out_of_range";
        case ErrorCode::resource_exhausted:
            return "resource_exhausted";
        case ErrorCode::failed_precondition:
            return "failed_precondition";
        case ErrorCode::aborted:
            return "aborted";
        case ErrorCode::unavailable:
            return "unavailable";
        case ErrorCode::timed_out:
            return "timed_out";
        case ErrorCode::cancelled:
            return "cancelled";
        case ErrorCode::try_again:
            return "try_again";
        case ErrorCode::bad_data:
            return "bad_data";
        case ErrorCode::data_loss:
            return "data_loss";
        case ErrorCode::io:
            return "io";
        case ErrorCode::config:
            return "config";
        case ErrorCode::usage:
            return "usage";
        case ErrorCode::failed_check:
            return "failed_check";
        case ErrorCode::internal:
            return "internal";
    }
    return "unknown";
}

}  // namespace ioswarm
