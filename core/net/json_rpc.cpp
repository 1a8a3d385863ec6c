// SPDX-License-Identifier: Apache-2.0
#include "core/net/json_rpc.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace ioswarm {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxMessage = 512;
constexpr std::size_t kMaxData = std::size_t{64} << 10U;

/// Checks kMaxRpcDepth and kMaxRpcValues by counting brackets and commas outside of strings. Without this check
/// a few bytes of text could need a hundred times as much memory when parsed, and deep nesting could overflow
/// the stack.
bool within_bounds(std::string_view text) noexcept {
    std::size_t depth = 0;
    std::size_t values = 1;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            if (c == '"') in_string = false;
            continue;
        }
        if (c == '"') in_string = true;
        if (c == ',' || c == '[' || c == '{') ++values;
        if ((c == '[' || c == '{') && ++depth > kMaxRpcDepth) return false;
        if ((c == ']' || c == '}') && depth > 0) --depth;
    }
    return values <= kMaxRpcValues;
}

RpcError read_error(const Json& object) {
    RpcError error;
    if (!object.is_object()) return error;
    if (const auto code = object.find("code"); code != object.end() && code->is_number_integer()) {
        constexpr std::int64_t kLow = std::numeric_limits<std::int32_t>::min();
        constexpr std::int64_t kHigh = std::numeric_limits<std::int32_t>::max();
        error.code = code->is_number_unsigned()
                         ? static_cast<std::int64_t>(std::min<std::uint64_t>(code->get<std::uint64_t>(), kHigh))
                         : std::clamp(code->get<std::int64_t>(), kLow, kHigh);
    }
    if (const auto message = object.find("message"); message != object.end() && message->is_string()) {
        error.message = message->get_ref<const std::string&>().substr(0, kMaxMessage);
    }
    if (const auto data = object.find("data"); data != object.end() && !data->is_null()) {
        std::string text = data->is_string() ? data->get<std::string>()
                                             : data->dump(-1, ' ', false, Json::error_handler_t::replace);
        if (text.size() <= kMaxData) error.data = std::move(text);
    }
    return error;
}

Error bad_answer(std::string why) {
    return {ErrorCode::bad_data, "cannot read a JSON-RPC answer", {}, std::move(why), {}};
}

Result<RpcReply> read_reply(Json& answer) {
    RpcReply reply;
    if (const auto error = answer.find("error"); error != answer.end() && !error->is_null()) {
        reply.kind = RpcReply::Kind::error;
        reply.error = read_error(*error);
        return reply;
    }
    const auto result = answer.find("result");
    if (result == answer.end()) {
        return fail(bad_answer("it has neither result nor error"));
    }
    if (result->is_null()) return reply;
    if (result->is_string()) {
        reply.kind = RpcReply::Kind::text;
        reply.value = std::move(result->get_ref<std::string&>());
    } else {
        reply.kind = RpcReply::Kind::json;
        reply.value = result->dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    return reply;
}

Error whole_batch_error(const RpcError& error) {
    const bool too_large = error.message.find("batch too large") != std::string::npos;
    return {too_large ? ErrorCode::invalid_argument : ErrorCode::unavailable,
            "cannot get a JSON-RPC batch answered",
            {},
            error.message.empty() ? "one error object came instead of the list" : error.message,
            {}};
}

std::optional<std::size_t> index_of(const Json& answer, std::uint64_t first_id, std::size_t count) {
    if (!answer.is_object()) return std::nullopt;
    const auto id = answer.find("id");
    if (id == answer.end() || !id->is_number_unsigned()) return std::nullopt;
    const std::uint64_t value = id->get<std::uint64_t>();
    if (value < first_id || value - first_id >= count) return std::nullopt;
    return static_cast<std::size_t>(value - first_id);
}

std::vector<Result<RpcReply>> read_tree(Json& tree, std::uint64_t first_id, std::size_t count) {
    const auto all = [count](Error error) {
        return std::vector<Result<RpcReply>>(count, fail(std::move(error)));
    };
    if (tree.is_object()) {
        const auto error = tree.find("error");
        if (error != tree.end() && error->is_object()) return all(whole_batch_error(read_error(*error)));
    }
    if (!tree.is_array()) {
        return all(bad_answer("it is not a list of answers"));
    }
    std::vector<Result<RpcReply>> replies(count, fail(bad_answer("the batch has no answer to this request")));
    std::vector<bool> seen(count, false);
    for (Json& answer : tree) {
        const auto index = index_of(answer, first_id, count);
        if (!index) {
            return all(bad_answer("the batch has an answer to an id that was not requested"));
        }
        replies[*index] =
            seen[*index] ? fail(bad_answer("the batch has two answers to this request")) : read_reply(answer);
        seen[*index] = true;
    }
    return replies;
}

}  // namespace

std::string rpc_params(std::initializer_list<std::string_view> texts) {
    std::string out = "[";
    for (const std::string_view text : texts) {
        if (out.size() > 1) out += ',';
        out.append("\"").append(text).append("\"");
    }
    return out + "]";
}

std::vector<Result<RpcReply>> read_rpc_batch(std::string_view text, std::uint64_t first_id, std::size_t count) {
    const auto bad = [count](std::string why) {
        return std::vector<Result<RpcReply>>(count, fail(bad_answer(std::move(why))));
    };
    if (!within_bounds(text)) return bad("it is nested too deeply or has too many values");
    Json tree = Json::parse(text, nullptr, false);
    if (tree.is_discarded()) return bad("it is not JSON");
    return read_tree(tree, first_id, count);
}

Result<RpcReply> read_rpc_answer(std::string_view text, std::uint64_t id) {
    if (!within_bounds(text)) return fail(bad_answer("it is nested too deeply or has too many values"));
    Json tree = Json::parse(text, nullptr, false);
    if (tree.is_discarded()) return fail(bad_answer("it is not JSON"));
    if (tree.is_array()) return std::move(read_tree(tree, id, 1).front());
    if (!tree.is_object()) return fail(bad_answer("it is not an object"));
    // An error may have no id, if the server refused the request before it had read the id.
    const auto error = tree.find("error");
    const bool refused = error != tree.end() && error->is_object();
    if (!refused && !index_of(tree, id, 1)) return fail(bad_answer("it is the answer to another request"));
    return read_reply(tree);
}

}  // namespace ioswarm
