// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/model/messages.hpp"

namespace ioswarm::test {

/// A diff as a node makes it: the entries, `Account`/`currentHeight` last, and the true digest.
[[nodiscard]] StateDiff true_diff(std::uint64_t height, std::vector<StateDiffEntry> entries);

/// A diff's JSON as the reference's store has it.
[[nodiscard]] std::string reference_json(const StateDiff& diff);
[[nodiscard]] Bytes gzipped(std::string_view text);
/// Eight bytes, big-endian: a key of the store.
[[nodiscard]] Bytes height_key(std::uint64_t height);
/// Eight bytes, little-endian: a node's `Account`/`currentHeight`.
[[nodiscard]] Bytes height_value(std::uint64_t height);

/// Makes a BoltDB file with one bucket; records come in key order.
void write_bolt_bucket(const std::string& path, std::string_view bucket,
                       const std::vector<std::pair<Bytes, Bytes>>& records);
/// A diff store of the reference.
void write_reference_store(const std::string& path, const std::vector<StateDiff>& diffs);

}  // namespace ioswarm::test
