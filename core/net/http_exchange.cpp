// SPDX-License-Identifier: Apache-2.0
#include "core/net/http_exchange.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>

namespace ioswarm {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kMaxTargetBytes = 8'192;

HttpReply error_of(int status, std::string_view message) {
    return HttpReply{status, fmt::format("{{\"error\":\"{}\"}}\n", message), "application/json", {}};
}

bool is_defined_method(http::verb method) {
    using http::verb;
    constexpr std::array kDefined{verb::get,     verb::head,    verb::post,  verb::put,  verb::delete_,
                                  verb::connect, verb::options, verb::trace, verb::patch};
    return std::find(kDefined.begin(), kDefined.end(), method) != kDefined.end();
}

/// Replaces "%41" by "A". A percent sign that no two hexadecimal digits follow stays as it is.
std::string percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = 0;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(&text[i + 1], &text[i + 1] + 2, byte, 16).ptr == &text[i + 1] + 2) {
            out += static_cast<char>(byte);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

/// Parses a query such as "a=1&b=2". Only in a query does a plus sign mean a space.
HttpFields parse_query(std::string query) {
    std::replace(query.begin(), query.end(), '+', ' ');
    HttpFields out;
    for (std::string_view rest = query; !rest.empty();) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        if (pair.empty()) continue;
        const std::string_view name = pair.substr(0, pair.find('='));
        const std::string_view value = pair.substr(std::min(name.size() + 1, pair.size()));
        out.emplace_back(percent_decode(name), percent_decode(value));
    }
    return out;
}

HttpRequest to_request(const http::request<http::empty_body>& from, const std::vector<std::string>& names) {
    const std::string_view target(from.target().data(), from.target().size());
    const std::string_view path = target.substr(0, target.find('?'));
    HttpRequest out{from.method_string(),
                    percent_decode(path),
                    parse_query(std::string(target.substr(std::min(path.size() + 1, target.size())))),
                    {},
                    {}};
    for (const auto& field : from) {
        const auto is_this = [&](const std::string& name) {
            return boost::beast::iequals(name, field.name_string());
        };
        if (std::any_of(names.begin(), names.end(), is_this))
            out.headers.emplace_back(field.name_string(), field.value());
    }
    return out;
}

HttpAnswer print(HttpReply reply, unsigned version, bool keep_alive, bool is_head) {
    http::response<http::string_body> response;
    response.version(version);
    response.result(static_cast<unsigned>(reply.status));
    for (const auto& [name, value] : reply.headers)
        response.insert(name, value);
    response.keep_alive(keep_alive);
    // A 204 has no body, so it has no type and no length (RFC 9110 8.6 and 15.3.5). A 304 has none either; its
    // length would be that of the copy that the client already has.
    if (reply.status != 204 && reply.status != 304) {
        response.set(http::field::content_type, reply.content_type);
        response.content_length(reply.body.size());
        if (!is_head) response.body() = std::move(reply.body);
    }
    HttpAnswer out{{}, keep_alive};
    http::response_serializer<http::string_body> printer(response);
    boost::system::error_code failure;
    while (!printer.is_done() && !failure) {
        printer.next(failure, [&](auto&, const auto& buffers) {
            for (const auto part : boost::beast::buffers_range_ref(buffers))
                out.bytes.append(static_cast<const char*>(part.data()), part.size());
            printer.consume(boost::beast::buffer_bytes(buffers));
        });
    }
    return out;
}

}  // namespace

HttpExchange::HttpExchange(HttpServer::Handler handler, std::vector<std::string> headers)
    : handler_(std::move(handler)), headers_(std::move(headers)) {}

HttpAnswer HttpExchange::answer(std::string_view head, const IpBytes& peer) const {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(head.size() + 1));  // the server has checked the size
    parser.body_limit(boost::none);                                    // because no body is read
    boost::system::error_code failure;
    if (parser.put(boost::asio::buffer(head), failure) != head.size() || failure)
        return http_refusal(400, "bad request");
    const auto& request = parser.get();
    if (request.target().size() > kMaxTargetBytes) return http_refusal(414, "the address is too long");
    // Beast takes a request with an encoding that it does not know for one without a body. Bytes of that body
    // must not be read as the next request.
    const bool has_body = !parser.is_done() || request.count(http::field::transfer_encoding) > 0;
    const auto print_reply = [&](HttpReply reply) {
        return print(std::move(reply), request.version(), request.keep_alive() && !has_body,
                     request.method() == http::verb::head);
    };
    if (!is_defined_method(request.method())) return print_reply(error_of(405, "method not allowed"));
    try {
        HttpRequest asked = to_request(request, headers_);
        asked.peer = peer;
        return print_reply(handler_(asked));
    } catch (...) {  // no exception may end the server; the client must not see its text
        return print_reply(error_of(500, "internal error"));
    }
}

HttpAnswer http_refusal(int status, std::string_view message) {
    return print(error_of(status, message), 11, false, false);
}

const std::string* HttpRequest::header(std::string_view name) const {
    const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& field) {
        return boost::beast::iequals({field.first.data(), field.first.size()}, {name.data(), name.size()});
    });
    return found == headers.end() ? nullptr : &found->second;
}

std::string HttpRequest::header_list(std::string_view name) const {
    std::string out;
    for (const auto& [field, value] : headers) {
        if (!boost::beast::iequals({field.data(), field.size()}, {name.data(), name.size()})) continue;
        if (!out.empty()) out += ',';
        out += value;
    }
    return out;
}

const std::string* HttpRequest::parameter(std::string_view name) const {
    const auto found =
        std::find_if(query.begin(), query.end(), [&](const auto& field) { return field.first == name; });
    return found == query.end() ? nullptr : &found->second;
}

}  // namespace ioswarm
