// SPDX-License-Identifier: Apache-2.0
#pragma once

// The only table of configuration keys. Reading files, environment and flags, `config show`, `config check`,
// --help and the test of the manual pages all use it.

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "cli/config/serve_config.hpp"
#include "core/base/result.hpp"

namespace ioswarm::cli {

/// The member of ServeConfig that holds a key's value. The alternative also gives the value's type.
using KeyField = std::variant<bool ServeConfig::*, std::uint64_t ServeConfig::*, Decimal ServeConfig::*,
                              std::chrono::milliseconds ServeConfig::*, std::string ServeConfig::*>;

/// Additional checks on a key's value.
enum class KeyForm {
    any,
    path,        ///< text without a NUL character
    ip,          ///< an IPv4 or IPv6 address
    host_port,   ///< host:port, [v6]:port
    http_url,    ///< http:// or https://
    http_urls,   ///< such URLs, separated by commas; a file may also have a list
    address,     ///< io1… or 0x…
    key_hex,     ///< 32 bytes in hex
    agent_id,    ///< 1 to 128 visible ASCII characters
    choice,      ///< one of `choices`
    log_levels,  ///< a level, or levels of modules: "info,agent_port=debug"
    time,        ///< a time as in RFC 3339
    networks,    ///< IP addresses and networks (192.0.2.0/24), separated by commas
};

struct KeyRow {
    std::string_view name;  ///< as in the file; a dot separates nested keys
    KeyField field;
    std::string_view fallback;    ///< the default, as it would be written in a file
    std::string_view value_name;  ///< for --help, for example "PORT"
    std::string_view help;        ///< one line, with the unit
    std::uint64_t min = 0;        ///< smallest number; milliseconds for durations
    std::uint64_t max = UINT64_MAX;
    KeyForm form = KeyForm::any;
    std::string_view choices = {};  ///< separated by '|'
    bool secret = false;            ///< never shown in output
    std::string_view flag = {};     ///< only if it cannot be derived from the name
};

[[nodiscard]] std::span<const KeyRow> config_keys();
/// The place of the key with this name among config_keys().
[[nodiscard]] std::optional<std::size_t> index_of_key(std::string_view name);

/// For example "--grpc-port" for grpcPort, "--node-grpc" for node.grpc.
[[nodiscard]] std::string flag_name(const KeyRow& key);
/// For example "IOSWARM_GRPC_PORT" for grpcPort, "IOSWARM_NODE_GRPC" for node.grpc.
[[nodiscard]] std::string environment_name(const KeyRow& key);
/// For errors and the manual, for example "a number from 1 to 16" or "true or false".
[[nodiscard]] std::string describe_type(const KeyRow& key);

/// Checks the type and range of `text` and stores it in the key's field of `config`. The error (config) says
/// what is expected, and quotes the text unless the key is secret. Its `which` is empty.
[[nodiscard]] Status assign(const KeyRow& key, std::string_view text, ServeConfig& config);

}  // namespace ioswarm::cli
