// SPDX-License-Identifier: Apache-2.0
#include "proto/grpc/log.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include <grpc/support/log.h>

namespace ioswarm::proto {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kWarnEvery{10};

/// Where gRPC's messages go. It is global because gRPC's hook is a plain function without an argument for our
/// data.
struct Target {
    std::mutex mutex;
    Log log;
    std::optional<steady_clock::time_point> warned_at;
    std::uint64_t left_out = 0;
};

Target& target() {
    // Never destroyed, because gRPC's threads may log until the process has ended.
    static Target* const only = new Target;
    return *only;
}

std::string_view name_of(const char* path) {
    const std::string_view file = path == nullptr ? "" : path;
    return file.substr(file.rfind('/') + 1);
}

void take(gpr_log_func_args* said) {
    Target& to = target();
    std::uint64_t left_out = 0;
    Log log;
    {
        const std::lock_guard lock(to.mutex);
        log = to.log;
        if (said->severity == GPR_LOG_SEVERITY_ERROR) {
            const auto now = steady_clock::now();
            if (to.warned_at && now - *to.warned_at < kWarnEvery) {
                ++to.left_out;
                return;
            }
            to.warned_at = now;
            left_out = std::exchange(to.left_out, 0);
        }
    }
    if (said->severity != GPR_LOG_SEVERITY_ERROR) {
        return log.debug("gRPC: {} ({}:{})", said->message, name_of(said->file), said->line);
    }
    if (left_out == 0) return log.warn("gRPC: {} ({}:{})", said->message, name_of(said->file), said->line);
    log.warn("gRPC: {} ({}:{}); {} lines were left out before", said->message, name_of(said->file), said->line,
             left_out);
}

}  // namespace

void send_grpc_log_to(const Log& log) {
    {
        Target& to = target();
        const std::lock_guard lock(to.mutex);
        to.log = log.of(LogModule::grpc);
        to.warned_at.reset();
        to.left_out = 0;
    }
    gpr_set_log_function(take);
    if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
}

}  // namespace ioswarm::proto
