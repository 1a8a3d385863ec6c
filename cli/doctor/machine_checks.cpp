// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <fmt/format.h>

#include "cli/doctor/doctor.hpp"
#include "cli/serve/settings.hpp"
#include "core/base/descriptor.hpp"
#include "core/base/text.hpp"
#include "core/net/http_client.hpp"

namespace ioswarm::cli::doctor {
namespace {

/// Tries to listen as serve would. Returns 0 or the errno of the failure.
int try_listen(const std::string& address, std::uint16_t port) {
    sockaddr_storage storage{};
    socklen_t size = 0;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    if (::inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        size = sizeof(sockaddr_in);
    } else if (::inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        size = sizeof(sockaddr_in6);
    } else {
        return EINVAL;
    }
    const Descriptor socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return errno;
    const int yes = 1;  // a connection that ended a moment ago does not keep the port
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0) return errno;
    return ::listen(socket.get(), 1) == 0 ? 0 : errno;
}

int try_port(const std::string& address, std::uint16_t port) {
    if (!address.empty()) return try_listen(address, port);
    const int both = try_listen("::", port);
    return both == EAFNOSUPPORT || both == EADDRNOTAVAIL ? try_listen("0.0.0.0", port) : both;
}

/// Whether a serve of this configuration runs: its monitoring API says that it is alive.
bool is_serving(const ServeConfig& config) {
    if (config.swarm_api_port == 0) return false;
    HttpSettings settings;
    settings.connect_timeout = settings.total_timeout = std::chrono::seconds(2);
    settings.max_response_bytes = 64 * 1024;
    auto client = HttpClient::create(
        "http://" + reachable(config.listen, static_cast<std::uint16_t>(config.swarm_api_port)) + "/livez",
        settings);
    if (!client) return false;
    const auto answer = (*client)->get();
    return answer && answer->status == 200 && answer->body.starts_with("ok");
}

void report_port(CheckReport& report, std::string_view key, const std::string& address, std::uint16_t port) {
    const int error = try_port(address, port);
    const std::string where = fmt::format("{} {}", key, port);
    switch (error) {
        case 0:
            report.ok(where + " is free");
            return;
        case EADDRINUSE:
            if (is_serving(report.config())) {
                report.ok(where + " is in use, and ioswarm serve is running");
                return;
            }
            report.fail(where + " is in use by another program", "serve cannot start",
                        fmt::format("see which one: ss -tlnp 'sport = :{}'; or set another {}", port, key));
            return;
        case EACCES:
            report.fail(where + " may not be used by this user", "ports below 1024 are reserved for root",
                        fmt::format("set {} to a higher port", key));
            return;
        case EADDRNOTAVAIL:
            report.fail(fmt::format("listen {} is not an address of this machine", address),
                        "serve cannot start", "see the machine's addresses: ip address; correct listen");
            return;
        default:
            report.fail(fmt::format("{}: {}", where, std::strerror(error)), "serve cannot start",
                        "set another " + std::string(key));
    }
}

/// The folder itself, or the nearest one above it that exists. For a relative path that is "." at last.
std::filesystem::path existing_part(std::filesystem::path path) {
    std::error_code failed;
    while (!path.empty() && !std::filesystem::exists(path, failed) && path != path.parent_path())
        path = path.parent_path();
    return path.empty() ? std::filesystem::path(".") : path;
}

constexpr double kMiB = 1024.0 * 1024.0;
constexpr double kTooLittleMiB = 200;  // the ledger stops when it cannot write
constexpr double kLittleMiB = 2048;    // some days of state diffs and of the ledger's growth

void report_space(CheckReport& report, const std::string& folder) {
    struct statvfs info {};
    const std::string place = existing_part(folder).string();
    if (::statvfs(place.c_str(), &info) != 0) {
        report.not_checked(fmt::format("{}: {}", place, std::strerror(errno)));
        return;
    }
    const double free = static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize) / kMiB;
    const std::string what = fmt::format("{:.1f} GiB are free for {}", free / 1024, folder);
    const std::string why = "serve stops accepting work when its ledger and its diffs cannot be written";
    const std::string next = "make room, or set dataDir to a larger disk";
    if (free < kTooLittleMiB) {
        report.fail(what, why, next);
    } else if (free < kLittleMiB) {
        report.warn(what, why, next);
    } else {
        report.ok(what);
    }
}

}  // namespace

void check_ports(CheckReport& report) {
    const ServeConfig& config = report.config();
    const auto address = bind_address(config, report.subject.insecure_bind);
    if (!address) {
        report.not_checked("the configuration's listen address is refused");
        return;
    }
    report_port(report, "grpcPort", *address, static_cast<std::uint16_t>(config.grpc_port));
    if (config.swarm_api_port != 0)
        report_port(report, "swarmApiPort", *address, static_cast<std::uint16_t>(config.swarm_api_port));
}

void check_data_dir(CheckReport& report) {
    const std::string& dir = report.config().data_dir;
    struct stat info {};
    if (::stat(dir.c_str(), &info) != 0) {
        if (errno != ENOENT) {
            report.add(CheckState::fail,
                       explain_data_dir(errno_error(errno, "cannot examine dataDir", dir), dir));
            return;
        }
        const std::string parent = existing_part(dir).string();
        if (::access(parent.c_str(), W_OK | X_OK) == 0) {
            report.ok(fmt::format("{} does not exist yet; serve makes it", dir));
        } else {
            report.fail(
                fmt::format("{} does not exist, and this user may not make it in {}", dir, parent),
                "serve keeps the ledger there",
                fmt::format("install -d -m 700 -o ioswarm -g ioswarm {}; with the systemd unit, systemd "
                            "makes it",
                            dir));
        }
        return;
    }
    if (!S_ISDIR(info.st_mode)) {
        report.fail(dir + " is not a directory", "serve keeps the ledger there", "set another dataDir");
    } else if (::access(dir.c_str(), R_OK | W_OK | X_OK) != 0) {
        const Error error{
            ErrorCode::permission_denied, fmt::format("this user may not write to {}", dir), {}, {}, {}};
        report.add(CheckState::fail, explain_data_dir(error, dir));
    } else if ((info.st_mode & 0077) != 0) {
        report.warn(fmt::format("{} has mode {:04o}", dir, static_cast<unsigned>(info.st_mode & 07777)),
                    "other users of this machine may look into the ledger", fmt::format("chmod 700 {}", dir));
    } else {
        report.ok(fmt::format("{} can be written", dir));
    }
}

void check_free_space(CheckReport& report) {
    const ServeConfig& config = report.config();
    report_space(report, config.data_dir);
    if (config.diff_store_path.empty() || !config.diff_store_enabled) return;
    report_space(report, std::filesystem::path(config.diff_store_path).parent_path().string());
}

void check_clock(CheckReport& report) {
    constexpr std::chrono::seconds kMaxAhead{5};  // a block's time is the time at which it was proposed
    const auto now = report.subject.now();
    if (report.tip && report.tip->time > now + kMaxAhead) {
        const auto behind = std::chrono::duration_cast<std::chrono::seconds>(report.tip->time - now);
        report.fail(fmt::format("the node's newest block is {} in the future", go_duration(behind)),
                    "this machine's clock is slow, or the node's is fast; ages and epochs are then wrong",
                    "timedatectl set-ntp true");
        return;
    }
    timex state{};
    const int answer = ::adjtimex(&state);
    if (answer < 0) {
        report.not_checked(
            fmt::format("the kernel does not say whether the clock is set: {}", std::strerror(errno)),
            "compare it by hand: timedatectl");
    } else if (answer == TIME_ERROR || (state.status & STA_UNSYNC) != 0) {
        report.warn("no time service keeps this machine's clock",
                    "a clock that drifts makes fresh blocks look old, and certificates look expired",
                    "timedatectl set-ntp true; inside a container, look at the host's clock");
    } else {
        report.ok(fmt::format("a time service keeps the clock, to within {} ms", state.maxerror / 1000));
    }
}

}  // namespace ioswarm::cli::doctor
