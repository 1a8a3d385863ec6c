// SPDX-License-Identifier: Apache-2.0
#include "snapshot/writer.hpp"

#include <fmt/format.h>

#include "snapshot/format.hpp"
#include "snapshot/state_database.hpp"

namespace ioswarm::snapshot {
namespace {

void append(Bytes& out, BytesView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

template <typename Int>
void append_big_endian(Bytes& out, Int value) {
    for (std::size_t i = sizeof(Int); i-- > 0;)
        out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

}  // namespace

SnapshotWriter::SnapshotWriter(std::uint64_t height, const ParallelGzip::Settings& settings,
                               ParallelGzip::Sink sink)
    : gzip_(settings, std::move(sink)) {
    append(head_, as_bytes(kSnapshotMagic));
    append_big_endian(head_, kSnapshotVersion);
    append_big_endian(head_, height);
    header_written_ = gzip_.append(head_);
}

Status SnapshotWriter::add(std::string_view name, BytesView key, BytesView value) {
    if (!header_written_) return header_written_;
    if (name.empty() || name.size() > kMaxNamespaceBytes || key.size() > kMaxKeyBytes ||
        value.size() > kMaxValueBytes) {
        return fail(ErrorCode::resource_exhausted, "cannot write a snapshot entry", std::string(name),
                    fmt::format("a namespace of {} bytes, a key of {}, a value of {}: over the format's bounds",
                                name.size(), key.size(), value.size()));
    }
    head_.clear();
    head_.push_back(kEntryMarker);
    head_.push_back(static_cast<std::uint8_t>(name.size()));
    append(head_, as_bytes(name));
    append_big_endian(head_, static_cast<std::uint32_t>(key.size()));
    append(head_, key);
    append_big_endian(head_, static_cast<std::uint32_t>(value.size()));
    ++entries_;
    if (auto appended = gzip_.append(head_); !appended) return appended;
    return gzip_.append(value);
}

Result<Hash256> SnapshotWriter::finish() {
    if (!header_written_) return fail(header_written_.error());
    if (auto end = gzip_.append(Bytes{kEndMarker}); !end) return fail(end.error());
    auto digest = gzip_.digest();
    if (!digest) return digest;
    Bytes trailer;
    append_big_endian(trailer, entries_);
    append(trailer, digest->view());
    append(trailer, as_bytes(kSnapshotEndMagic));
    if (auto appended = gzip_.append(trailer); !appended) return fail(appended.error());
    if (auto finished = gzip_.finish(); !finished) return fail(finished.error());
    return digest;
}

}  // namespace ioswarm::snapshot
