// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/model/messages.hpp"

namespace ioswarm::test {

/// A diff as a node makes it: the entries, then `Account`/`currentHeight`, and a right digest.
[[nodiscard]] StateDiff true_diff(std::uint64_t height, std::vector<StateDiffEntry> entries);

/// A diff as JSON, in the form in which iotex-core's diff store holds it.
[[nodiscard]] std::string reference_json(const StateDiff& diff);
[[nodiscard]] Bytes gzipped(std::string_view text);
/// A key of the store: eight bytes, big-endian.
[[nodiscard]] Bytes height_key(std::uint64_t height);
/// The value of a node's `Account`/`currentHeight`: eight bytes, little-endian.
[[nodiscard]] Bytes height_value(std::uint64_t height);

/// Writes a BoltDB file with one bucket. The records must be in key order.
void write_bolt_bucket(const std::string& path, std::string_view bucket,
                       const std::vector<std::pair<Bytes, Bytes>>& records);
/// Writes a diff store in iotex-core's format.
void write_reference_store(const std::string& path, const std::vector<StateDiff>& diffs);

}  // namespace ioswarm::test
