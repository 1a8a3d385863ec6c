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

// Fields of web3 answers, which come from outside: whatever is not what it should be becomes nothing or an
// error.

namespace ioswarm::proto {

/// Error bad_data: the answer cannot be read. `which` names the method or the field.
[[nodiscard]] Error web3_bad(std::string which, std::string why);

/// What a refusal of the node means. Error out_of_range: the node does not keep the state of the height that
/// was asked for; unavailable: anything else.
[[nodiscard]] Error web3_refused(const std::string& method, const RpcError& error);
/// The text of the object or list that a reply holds. Errors: that of the reply; web3_refused(); not_found:
/// null; bad_data.
[[nodiscard]] Result<std::string_view> web3_json_text(const Result<RpcReply>& reply, const std::string& method);
/// The object that a reply holds. Errors as above.
[[nodiscard]] Result<nlohmann::json> web3_object(const Result<RpcReply>& reply, const std::string& method);

/// A number of at most 256 bits, or of 64, in web3's form ("0x1f"); nothing when the field is missing or no
/// such number.
[[nodiscard]] std::optional<U256> web3_quantity(const nlohmann::json& object, const char* field);
[[nodiscard]] std::optional<std::uint64_t> web3_quantity64(const nlohmann::json& object, const char* field);

/// A hash or an address in hexadecimal.
template <typename Fixed>
[[nodiscard]] std::optional<Fixed> web3_fixed(const nlohmann::json& value) {
    return value.is_string() ? fixed_from_hex<Fixed>(value.get_ref<const std::string&>()) : std::nullopt;
}

}  // namespace ioswarm::proto
