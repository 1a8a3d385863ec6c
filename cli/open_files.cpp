// SPDX-License-Identifier: Apache-2.0
#include "cli/open_files.hpp"

#include <limits>

#include <sys/resource.h>

#include <fmt/format.h>

namespace ioswarm::cli {

std::uint64_t raise_open_file_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<std::uint64_t>::max();
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)::setrlimit(RLIMIT_NOFILE, &limit);
        (void)::getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;  // RLIM_INFINITY is the largest number, so it needs no special case
}

std::optional<std::string> open_files_warning(std::uint64_t max_agents, std::uint64_t limit) {
    // Cannot overflow: maxAgents is at most 2^32-1.
    const std::uint64_t needed = kFilesForTheRest + kFilesPerAgent * max_agents;
    if (needed <= limit) return std::nullopt;
    const std::uint64_t fit = limit > kFilesForTheRest ? (limit - kFilesForTheRest) / kFilesPerAgent : 0;
    return fmt::format(
        "maxAgents is {}, but the process may open {} files, which is enough for about {} agents: those beyond "
        "cannot connect (hint: set LimitNOFILE={} in the systemd unit, or raise 'ulimit -Hn')",
        max_agents, limit, fit, needed);
}

}  // namespace ioswarm::cli
