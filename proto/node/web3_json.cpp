// SPDX-License-Identifier: Apache-2.0
#include "proto/node/web3_json.hpp"

#include <limits>
#include <utility>

#include "core/base/try.hpp"

namespace ioswarm::proto {

Error web3_bad(std::string which, std::string why) {
    return {ErrorCode::bad_data, "cannot read the node's web3 answer", std::move(which), std::move(why), {}};
}

Error web3_refused(const std::string& method, const RpcError& error) {
    // "failed to get block at height N: not exist in DB", "... at height N: not supported": the node does not
    // keep the state at height N.
    const bool height = error.message.find("at height") != std::string::npos;
    return {height ? ErrorCode::out_of_range : ErrorCode::unavailable,
            "the node refused a web3 request",
            method,
            error.message,
            {}};
}

Result<std::string_view> web3_json_text(const Result<RpcReply>& reply, const std::string& method) {
    if (!reply) return fail(reply.error());
    if (reply->kind == RpcReply::Kind::error) return fail(web3_refused(method, reply->error));
    if (reply->kind == RpcReply::Kind::null)
        return fail(ErrorCode::not_found, "the node has no such block or transaction", method);
    if (reply->kind != RpcReply::Kind::json)
        return fail(web3_bad(method, "a text where an object or a list is due"));
    return std::string_view(reply->value);
}

Result<std::string_view> web3_text(const Result<RpcReply>& reply, const std::string& method) {
    if (!reply) return fail(reply.error());
    if (reply->kind == RpcReply::Kind::error) return fail(web3_refused(method, reply->error));
    if (reply->kind != RpcReply::Kind::text) return fail(web3_bad(method, "not a text"));
    return std::string_view(reply->value);
}

Result<nlohmann::json> web3_object(const Result<RpcReply>& reply, const std::string& method) {
    IOSWARM_TRY(const auto text, web3_json_text(reply, method));
    nlohmann::json out = nlohmann::json::parse(text, nullptr, false);
    if (!out.is_object()) return fail(web3_bad(method, "not an object"));
    return out;
}

std::optional<U256> web3_quantity(const nlohmann::json& object, const char* field) {
    const auto found = object.find(field);
    if (found == object.end() || !found->is_string()) return std::nullopt;
    return u256_from_quantity(found->get_ref<const std::string&>());
}

std::optional<std::uint64_t> web3_quantity64(const nlohmann::json& object, const char* field) {
    const auto value = web3_quantity(object, field);
    if (!value || *value > std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
    return static_cast<std::uint64_t>(*value);
}

}  // namespace ioswarm::proto
