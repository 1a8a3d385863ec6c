// SPDX-License-Identifier: Apache-2.0
#include "core/net/http_exchange.hpp"

// cpp-httplib is used as a parser and a printer over a buffer, not as a server: its own accept loop keeps a
// thread for each connection and sets its time limits for each read, so that a few clients which send a byte
// now and then hold it up for hours.

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>
#include <httplib.h>
#include <strings.h>

namespace ioswarm {
namespace {

/// What httplib reads from and writes to.
class BufferStream final : public httplib::Stream {
  public:
    BufferStream(std::string_view in, const std::string& remote_ip) : in_(in), remote_ip_(remote_ip) {}

    bool is_readable() const override { return !in_.empty(); }
    bool is_writable() const override { return true; }
    ssize_t read(char* data, std::size_t size) override {
        const std::size_t count = std::min(size, in_.size());
        std::memcpy(data, in_.data(), count);
        in_.remove_prefix(count);
        return static_cast<ssize_t>(count);
    }
    ssize_t write(const char* data, std::size_t size) override {
        out_.append(data, size);
        return static_cast<ssize_t>(size);
    }
    void get_remote_ip_and_port(std::string& ip, int& port) const override {
        ip = remote_ip_;
        port = 0;
    }
    void get_local_ip_and_port(std::string& ip, int& port) const override {
        ip.clear();
        port = 0;
    }
    socket_t socket() const override { return INVALID_SOCKET; }

    std::string take() { return std::move(out_); }

  private:
    std::string_view in_;
    const std::string& remote_ip_;
    std::string out_;
};

std::string error_body(std::string_view message) {
    return fmt::format("{{\"error\":\"{}\"}}\n", message);
}

/// A method of WebDAV or of somebody's own: httplib would call the request malformed.
bool is_other_method(std::string_view word) {
    constexpr std::array<std::string_view, 10> kKnown{"GET",     "HEAD",    "POST",  "PUT",   "DELETE",
                                                      "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI"};
    constexpr std::size_t kLongest = 32;
    const bool is_word = !word.empty() && word.size() <= kLongest &&
                         std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    return is_word && std::find(kKnown.begin(), kKnown.end(), word) == kKnown.end();
}

bool is_same_name(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

/// The request line and those headers alone. Lines end where httplib ends them, at each line feed: none may
/// hide another header from us.
std::string with_headers(std::string_view head, const std::vector<std::string>& names) {
    const auto take_line = [&head] {
        const std::string_view line = head.substr(0, head.find('\n'));
        head.remove_prefix(std::min(line.size() + 1, head.size()));
        return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
    };
    std::string out(take_line());
    out += "\r\n";
    while (!head.empty()) {
        const std::string_view line = take_line();
        const std::string_view name = line.substr(0, line.find(':'));
        const bool is_wanted = std::any_of(
            names.begin(), names.end(), [&](const std::string& wanted) { return is_same_name(name, wanted); });
        if (is_wanted && name.size() < line.size()) out.append(line).append("\r\n");
    }
    return out + "\r\n";
}

HttpRequest to_request(const httplib::Request& from) {
    return HttpRequest{from.method, from.path, HttpFields(from.params.begin(), from.params.end()),
                       HttpFields(from.headers.begin(), from.headers.end())};
}

void fill(const HttpReply& reply, httplib::Response& response) {
    response.status = reply.status;
    for (const auto& [name, value] : reply.headers)
        response.set_header(name, value);
    // A 204 has no body and names no type.
    if (reply.status != 204) response.set_content(reply.body, reply.content_type);
}

}  // namespace

class HttpExchange::Parser final : public httplib::Server {
  public:
    explicit Parser(HttpServer::Handler handler) {
        // Before any routing of httplib's own and before it would read a body.
        set_pre_routing_handler([handler = std::move(handler)](const auto& request, auto& response) {
            fill(handler(to_request(request)), response);
            return HandlerResponse::Handled;
        });
        set_exception_handler(
            [](const auto&, auto& response, const std::exception_ptr&) { response.status = 500; });
        set_error_handler([](const httplib::Request&, httplib::Response& response) {
            if (!response.body.empty()) return;
            response.set_content(error_body(response.status >= 500 ? "internal error" : "bad request"),
                                 "application/json");
        });
    }

    std::string answer(std::string_view head, const std::string& remote_ip) {
        BufferStream stream(head, remote_ip);
        bool closed = false;
        process_request(stream, true, closed, {});
        return stream.take();
    }
};

HttpExchange::HttpExchange(HttpServer::Handler handler, std::vector<std::string> headers)
    : headers_(std::move(headers)), parser_(std::make_unique<Parser>(std::move(handler))) {}
HttpExchange::~HttpExchange() = default;

std::string HttpExchange::answer(std::string_view head, const std::string& remote_ip) {
    if (is_other_method(head.substr(0, head.find(' ')))) {
        return http_error_answer(405, "Method Not Allowed", "method not allowed");
    }
    return parser_->answer(with_headers(head, headers_), remote_ip);
}

std::string http_error_answer(int status, std::string_view reason, std::string_view message) {
    const std::string body = error_body(message);
    return fmt::format(
        "HTTP/1.1 {} {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        status, reason, body.size(), body);
}

}  // namespace ioswarm
