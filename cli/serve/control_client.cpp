// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/control_client.hpp"

#include <cerrno>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/serve/control_api.hpp"
#include "cli/settlement/data_dir_owner.hpp"
#include "core/base/try.hpp"
#include "core/net/http_client.hpp"

namespace ioswarm::cli {
namespace {

constexpr const char* kCannotAsk = "cannot ask serve";
constexpr std::chrono::seconds kAnswerTime{10};
constexpr std::chrono::seconds kReloadTime{40};
constexpr std::size_t kMaxAnswer = std::size_t{64} << 20U;  // 10,000 agents need 3 MiB

Error not_running(const std::string& socket) {
    return {
        ErrorCode::unavailable,
        "serve is not running",
        {},
        fmt::format("nobody answers at {}", socket),
        "start it (systemctl start ioswarm). If it runs with another data directory, give the same --config "
        "files or the same --data-dir that it has"};
}

/// An error that serve answered with: {"error": "text"} or {"error": {"code", "message", "hint"}}.
Error refusal(int status, const nlohmann::ordered_json& document) {
    Error out{ErrorCode::failed_precondition, "serve refused", {}, fmt::format("HTTP status {}", status), {}};
    if (status == 404) out.code = ErrorCode::not_found;
    const auto error = document.find("error");
    if (error == document.end()) return out;
    if (error->is_string()) out.why = error->get<std::string>();
    if (!error->is_object()) return out;
    const auto text = [&](const char* name) {
        const auto found = error->find(name);
        return found != error->end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    out.what = text("message");
    out.why.clear();
    out.hint = text("hint");
    for (const ErrorCode code : {ErrorCode::config, ErrorCode::timed_out}) {
        if (text("code") == to_string(code)) out.code = code;
    }
    return out;
}

}  // namespace

ControlClient::ControlClient(std::string data_dir, std::string command)
    : data_dir_(std::move(data_dir)), socket_(data_dir_ + "/" + kControlSocket), command_(std::move(command)) {}

Status ControlClient::check_socket() const {
    struct stat info {};
    if (::stat(socket_.c_str(), &info) == 0 && ::access(socket_.c_str(), R_OK | W_OK) == 0) return {};
    const int why = errno;
    if (why == ENOENT || why == ENOTDIR) return fail(not_running(socket_));
    if (why != EACCES) return fail(errno_error(why, kCannotAsk, socket_));
    const bool known = ::stat(data_dir_.c_str(), &info) == 0;
    return fail(ErrorCode::permission_denied, kCannotAsk, socket_,
                "only the user that serve runs as may ask it",
                fmt::format("run it as that user: sudo -u {} {}", known ? user_name(info.st_uid) : "ioswarm",
                            command_));
}

Result<std::string> ControlClient::get(const std::string& path) const {
    return ask(Method::get, path, kAnswerTime);
}

Result<std::string> ControlClient::post(const std::string& path) const {
    return ask(Method::post, path, kReloadTime);
}

Result<std::string> ControlClient::ask(Method method, const std::string& path,
                                       std::chrono::seconds patience) const {
    IOSWARM_DO(check_socket());
    HttpSettings settings;
    settings.total_timeout = patience;
    settings.max_response_bytes = kMaxAnswer;
    settings.unix_socket = socket_;
    IOSWARM_TRY(auto client, HttpClient::create("http://serve" + path, std::move(settings)));
    auto answer = method == Method::get ? client->get() : client->post("");
    if (!answer && answer.error().code == ErrorCode::unavailable) return fail(not_running(socket_));
    if (!answer) {
        Error error = std::move(answer).error();
        error.what = kCannotAsk;
        error.which = socket_;
        return fail(std::move(error));
    }
    const auto document = nlohmann::ordered_json::parse(answer->body, nullptr, false);
    if (document.is_discarded() || !document.is_object()) {
        return fail(ErrorCode::bad_data, kCannotAsk, socket_, "its answer is not a JSON document",
                    "is another program listening there?");
    }
    if (answer->status != 200) return fail(refusal(answer->status, document));
    return std::move(answer->body);
}

}  // namespace ioswarm::cli
