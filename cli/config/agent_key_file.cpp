// SPDX-License-Identifier: Apache-2.0
#include "cli/config/agent_key_file.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>

#include "cli/config/secret_file.hpp"
#include "cli/config/value.hpp"
#include "core/base/try.hpp"
#include "core/model/agent_id.hpp"

namespace ioswarm::cli {
namespace {

/// Room for the keys of more agents than a coordinator takes.
constexpr std::size_t kMaxKeyFileBytes = std::size_t{4} << 20;

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r";
    const std::size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

Error no_keys(const std::string& name, std::string why) {
    return {ErrorCode::config, "cannot read the agent's key", name, std::move(why),
            "make one: ioswarm keygen --agent ID --secret-file FILE --output KEYFILE"};
}

}  // namespace

Result<std::vector<AgentKey>> parse_agent_keys(std::string_view text, const std::string& name) {
    constexpr std::string_view kAgentLine = "Agent:";
    constexpr std::string_view kKeyLine = "API Key:";
    std::vector<AgentKey> out;
    std::string agent_id;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = without_blanks(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) continue;
        if (line.starts_with(kAgentLine)) {
            agent_id = without_blanks(line.substr(kAgentLine.size()));
            if (!is_valid_agent_id(agent_id))
                return fail(no_keys(name, fmt::format("line {}: no agent id", number)));
            continue;
        }
        if (line.starts_with(kKeyLine)) line = without_blanks(line.substr(kKeyLine.size()));
        if (!is_agent_key(line))
            return fail(no_keys(
                name, fmt::format("line {} is not an agent's key, which is iosw_ and 64 hex digits", number)));
        out.push_back({std::exchange(agent_id, {}), std::string(line)});
    }
    if (out.empty()) return fail(no_keys(name, "there is no key in it"));
    return out;
}

Status write_key_file(const std::string& path, std::string_view text) {
    const std::string what = "cannot write the keys";
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return fail(ErrorCode::io, what, path, "the file exists", "name another file, or remove this one");
    if (fd < 0) return fail(errno_error(errno, what, path));
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t written = write(fd, text.data() + done, text.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) break;
        done += static_cast<std::size_t>(written);
    }
    const bool complete = done == text.size() && fsync(fd) == 0;
    const int failure = errno == 0 ? EIO : errno;
    close(fd);
    if (complete) return {};
    unlink(path.c_str());
    return fail(errno_error(failure, what, path));
}

Result<std::vector<AgentKey>> read_agent_keys(const std::string& path,
                                              const std::optional<std::string>& credentials_directory) {
    IOSWARM_TRY(const auto content, read_private_file(path, kMaxKeyFileBytes, credentials_directory));
    return parse_agent_keys(content.text(), path);
}

Result<AgentKey> read_agent_key(const std::string& path,
                                const std::optional<std::string>& credentials_directory) {
    IOSWARM_TRY(auto keys, read_agent_keys(path, credentials_directory));
    if (keys.size() > 1)
        return fail(
            no_keys(path, fmt::format("the file has the keys of {} agents, and one is needed", keys.size())));
    return std::move(keys.front());
}

}  // namespace ioswarm::cli
