// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot/snapshot_facts.hpp"

#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/crypto/sha256.hpp"
#include "snapshot/reader.hpp"

namespace ioswarm::cli {
namespace {

/// A hostile file may name a new namespace in every entry. Real files have a few.
constexpr std::size_t kMaxNamespaces = 10'000;

/// Passes bytes on, counts and digests them.
class CountedBytes final : public snapshot::RawBytes {
  public:
    CountedBytes(std::unique_ptr<snapshot::RawBytes> from, std::uint64_t& bytes, Sha256& digest)
        : from_(std::move(from)), bytes_(bytes), digest_(digest) {}
    Result<BytesView> next() override {
        auto piece = from_->next();
        if (!piece) return piece;
        digest_.update(*piece);
        bytes_ += piece->size();
        return piece;
    }

  private:
    const std::unique_ptr<snapshot::RawBytes> from_;
    std::uint64_t& bytes_;
    Sha256& digest_;
};

}  // namespace

Result<SnapshotFacts> read_facts(const std::string& name, std::uint64_t size,
                                 std::unique_ptr<snapshot::RawBytes> bytes,
                                 std::optional<std::uint64_t> max_bytes) {
    SnapshotFacts out;
    Sha256 digest;
    IOSWARM_TRY(
        const auto reader,
        snapshot::SnapshotReader::open(
            name, snapshot::GzipReader::open(
                      name, size, std::make_unique<CountedBytes>(std::move(bytes), out.bytes, digest))));
    for (;;) {
        IOSWARM_TRY(const auto entry, reader->next());
        if (!entry) break;
        if (out.namespaces.size() < kMaxNamespaces || out.namespaces.count(entry->name) != 0)
            ++out.namespaces[std::string(entry->name)];
        if (max_bytes && out.bytes > *max_bytes) {
            return fail(ErrorCode::resource_exhausted, "cannot read the snapshot", name,
                        fmt::format("more bytes come than the {} of its description", *max_bytes));
        }
    }
    out.height = reader->height();
    out.entries = reader->entries();
    out.payload_sha256 = to_hex(reader->digest().view());
    out.sha256 = to_hex(digest.finish().view());
    return out;
}

}  // namespace ioswarm::cli
