// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/base/bytes.hpp"

namespace ioswarm::test {

/// Gets entries in key order; views are valid during the call.
using StateSink = std::function<void(BytesView key, BytesView value)>;

/// The three namespaces of a snapshot.
inline constexpr std::string_view kStateNamespaces[] = {"Account", "Code", "Contract"};
inline constexpr std::uint64_t kMadeUpHeight = 46'006'460;

/// Entries like a node's, about `bytes` of keys and values, the same for each seed: accounts (protobuf, decimal
/// balances, hashes for contracts' ones, currentHeight), code under its own hash (words that come again), trie
/// nodes (branches of hashes, leaves of mostly zero words).
void state_entries(std::string_view name, std::uint64_t bytes, std::uint64_t seed, const StateSink& sink);

}  // namespace ioswarm::test
