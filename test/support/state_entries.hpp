// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/base/bytes.hpp"

namespace ioswarm::test {

/// Called for each entry in key order. The views are valid during the call only.
using StateSink = std::function<void(BytesView key, BytesView value)>;

/// The three namespaces of a snapshot.
inline constexpr std::string_view kStateNamespaces[] = {"Account", "Code", "Contract"};
inline constexpr std::uint64_t kMadeUpHeight = 46'006'460;

/// Makes entries like a node's, with about `bytes` bytes of keys and values. Equal seeds give equal entries:
/// accounts (protobuf with decimal balances, code hashes for contracts, currentHeight), code under its own hash
/// (with repeated words), and trie nodes (branches of hashes, leaves that are mostly zero words).
void state_entries(std::string_view name, std::uint64_t bytes, std::uint64_t seed, const StateSink& sink);

}  // namespace ioswarm::test
