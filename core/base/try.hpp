// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "core/base/result.hpp"

// Hands an error on to the caller, in a function that returns a Result or a Status. Errors that need another
// text or code are handled with a plain `if`.

#define IOSWARM_TRY_JOIN(a, b) a##b
#define IOSWARM_TRY_NAME(line) IOSWARM_TRY_JOIN(ioswarm_try_, line)

/// IOSWARM_TRY(const auto size, read_size(file)); declares `size` with the value of a Result, or returns its
/// error. It is two statements, so it needs braces around it. The last argument may contain commas.
#define IOSWARM_TRY(declaration, ...)                                                                       \
    auto IOSWARM_TRY_NAME(__LINE__) = __VA_ARGS__;                                                          \
    if (!IOSWARM_TRY_NAME(__LINE__)) return ::ioswarm::fail(std::move(IOSWARM_TRY_NAME(__LINE__)).error()); \
    declaration = *std::move(IOSWARM_TRY_NAME(__LINE__))

/// IOSWARM_DO(file.write(bytes)); returns the error of a Status, or of a Result whose value nobody needs.
#define IOSWARM_DO(...)                                              \
    do {                                                             \
        if (auto ioswarm_done = __VA_ARGS__; !ioswarm_done)          \
            return ::ioswarm::fail(std::move(ioswarm_done).error()); \
    } while (false)
