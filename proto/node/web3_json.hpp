// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"
#include "core/net/json_rpc.hpp"

// Reads fields of web3 answers. The answers are untrusted: a field of the wrong type or form gives an empty
// value or an error.

namespace ioswarm::proto {

/// Returns an error that says that the node's answer cannot be read. Its code is bad_data. `which` is the name
/// of the web3 method, or of the field whose value is wrong.
[[nodiscard]] Error web3_bad(std::string which, std::string why);

/// Converts an RPC error of the node: to out_of_range if the node does not keep the state at the requested
/// height, to unavailable otherwise.
[[nodiscard]] Error web3_refused(const std::string& method, const RpcError& error);
/// Returns the JSON text of a reply whose result is an object or a list. Errors: that of the reply; those of
/// web3_refused(); not_found (the result is null); bad_data.
[[nodiscard]] Result<std::string_view> web3_json_text(const Result<RpcReply>& reply, const std::string& method);
/// Returns a reply whose result is a text. Errors: that of the reply; those of web3_refused(); bad_data.
[[nodiscard]] Result<std::string_view> web3_text(const Result<RpcReply>& reply, const std::string& method);
/// Parses a reply whose result is an object. Errors are those of web3_json_text().
[[nodiscard]] Result<nlohmann::json> web3_object(const Result<RpcReply>& reply, const std::string& method);

/// Reads a number of at most 256 bits from a field of a web3 answer. web3 writes numbers in hex: 31 is "0x1f".
/// Returns nothing if there is no such field, if its value is no hex number, or if the number is larger.
[[nodiscard]] std::optional<U256> web3_quantity(const nlohmann::json& object, const char* field);
/// The same for a number of at most 64 bits.
[[nodiscard]] std::optional<std::uint64_t> web3_quantity64(const nlohmann::json& object, const char* field);

/// Reads a hash or an address in hexadecimal. Empty if the value has another form.
template <typename Fixed>
[[nodiscard]] std::optional<Fixed> web3_fixed(const nlohmann::json& value) {
    return value.is_string() ? fixed_from_hex<Fixed>(value.get_ref<const std::string&>()) : std::nullopt;
}

}  // namespace ioswarm::proto
