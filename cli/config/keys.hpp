// SPDX-License-Identifier: Apache-2.0
#pragma once

// The one table of configuration keys. Reading files, environment and flags, `config show`, `config check`,
// --help and the test of the manual pages all come from it.

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "cli/config/serve_config.hpp"
#include "core/base/result.hpp"

namespace ioswarm::cli {

/// Where a key's value goes; the alternative is also its type.
using KeyField = std::variant<bool ServeConfig::*, std::uint64_t ServeConfig::*, Decimal ServeConfig::*,
                              std::chrono::milliseconds ServeConfig::*, std::string ServeConfig::*>;

/// What a value of the type is further held to.
enum class KeyForm {
    any,
    path,       ///< text without a NUL
    ip,         ///< an IPv4 or IPv6 address
    host_port,  ///< host:port, [v6]:port
    http_url,   ///< http:// or https://
    http_urls,  ///< such URLs with commas between; in a file also a list
    address,    ///< io1… or 0x…
    key_hex,    ///< 32 bytes in hex
    agent_id,   ///< 1 to 128 visible ASCII characters
    choice,     ///< one of `choices`
    networks,   ///< IP addresses and networks (192.0.2.0/24) with commas between
};

struct KeyRow {
    std::string_view name;  ///< as in the file; a dot stands for a nested map
    KeyField field;
    std::string_view fallback;    ///< the default, as it would stand in a file
    std::string_view value_name;  ///< for --help: "PORT"
    std::string_view help;        ///< one line, with the unit
    std::uint64_t min = 0;        ///< of numbers; of durations in milliseconds
    std::uint64_t max = UINT64_MAX;
    KeyForm form = KeyForm::any;
    std::string_view choices = {};  ///< separated by '|'
    bool secret = false;            ///< never shown
    std::string_view flag = {};     ///< only where it does not follow from the name
};

[[nodiscard]] std::span<const KeyRow> config_keys();

/// "--grpc-port" for grpcPort, "--node-grpc" for node.grpc.
[[nodiscard]] std::string flag_name(const KeyRow& key);
/// "IOSWARM_GRPC_PORT" for grpcPort, "IOSWARM_NODE_GRPC" for node.grpc.
[[nodiscard]] std::string environment_name(const KeyRow& key);
/// "a number from 1 to 16", "true or false", …: for errors and the manual.
[[nodiscard]] std::string describe_type(const KeyRow& key);

/// Puts `text` into the key's field of `config` when it is of the right type and within its range. The error
/// (config) says what is expected and quotes the text, unless the key is secret; its `which` is empty.
[[nodiscard]] Status assign(const KeyRow& key, std::string_view text, ServeConfig& config);

}  // namespace ioswarm::cli
