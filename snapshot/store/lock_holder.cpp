// SPDX-License-Identifier: Apache-2.0
#include "snapshot/store/lock_holder.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "core/base/text.hpp"

namespace ioswarm::snapshot {

std::string describe_process(long pid) {
    std::ifstream comm(fmt::format("/proc/{}/comm", pid));
    std::string name;
    if (std::getline(comm, name) && !name.empty())
        return fmt::format("process {} ({})", pid, escape_for_display(name));
    return fmt::format("process {}", pid);
}

std::string describe_flock_holder(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) == 0) {
        // A line of /proc/locks: "1: FLOCK  ADVISORY  WRITE 4711 fd:01:1234567 0 EOF"
        const std::string file =
            fmt::format("{:02x}:{:02x}:{}", major(info.st_dev), minor(info.st_dev), info.st_ino);
        std::ifstream locks("/proc/locks");
        for (std::string line; std::getline(locks, line);) {
            std::istringstream words(line);
            std::string number, kind, mode, access, where;
            long pid = 0;
            if (words >> number >> kind >> mode >> access >> pid >> where && kind == "FLOCK" &&
                access == "WRITE" && where == file && pid > 0) {
                return "held by " + describe_process(pid);
            }
        }
    }
    return "held by another process";
}

}  // namespace ioswarm::snapshot
