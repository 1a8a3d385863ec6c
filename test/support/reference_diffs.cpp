// SPDX-License-Identifier: Apache-2.0
#include "test/support/reference_diffs.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/model/state_digest.hpp"
#include "snapshot/gzip/gzip.hpp"
#include "test/support/bolt_writer.hpp"

namespace ioswarm::test {

StateDiff true_diff(std::uint64_t height, std::vector<StateDiffEntry> entries) {
    entries.push_back({0, "Account", to_bytes(as_bytes("currentHeight")), height_value(height)});
    StateDiff diff{height, std::move(entries), {}};
    diff.digest = to_bytes(state_digest(diff.entries, DigestRules::current).view());
    return diff;
}

std::string reference_json(const StateDiff& diff) {
    std::string entries;
    for (const StateDiffEntry& entry : diff.entries) {
        // A deletion has no value, and Go writes a missing value as null.
        const std::string value =
            entry.write_type == 1 ? "null" : fmt::format("\"{}\"", to_base64(entry.value));
        entries +=
            fmt::format(R"({}{{"Type":{},"Namespace":"{}","Key":"{}","Value":{}}})", entries.empty() ? "" : ",",
                        entry.write_type, entry.ns, to_base64(entry.key), value);
    }
    return fmt::format(R"({{"Height":{},"Entries":[{}],"DigestBytes":"{}"}})", diff.height, entries,
                       to_base64(diff.digest));
}

Bytes gzipped(std::string_view text) {
    snapshot::MemberCompressor compressor(snapshot::Compression::fast);
    Bytes out;
    compressor.compress(as_bytes(text), out);
    return out;
}

Bytes height_key(std::uint64_t height) {
    Bytes key;
    for (int shift = 56; shift >= 0; shift -= 8)
        key.push_back(static_cast<std::uint8_t>(height >> shift));
    return key;
}

Bytes height_value(std::uint64_t height) {
    Bytes value = height_key(height);
    std::reverse(value.begin(), value.end());
    return value;
}

void write_bolt_bucket(const std::string& path, std::string_view bucket,
                       const std::vector<std::pair<Bytes, Bytes>>& records) {
    BoltWriter writer(path, {});
    auto tree = writer.tree();
    for (const auto& [key, value] : records)
        tree.add(key, value);
    auto root = writer.tree();
    root.add_bucket(bucket, tree);
    writer.commit(root);
}

void write_reference_store(const std::string& path, const std::vector<StateDiff>& diffs) {
    std::vector<std::pair<Bytes, Bytes>> records;
    for (const StateDiff& diff : diffs)
        records.emplace_back(height_key(diff.height), gzipped(reference_json(diff)));
    write_bolt_bucket(path, "diffs", records);
}

}  // namespace ioswarm::test
