// SPDX-License-Identifier: Apache-2.0
#include "snapshot/writer.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "snapshot/format.hpp"
#include "snapshot/store/state_database.hpp"

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

std::uint8_t* put(std::uint8_t* at, BytesView bytes) {
    return std::copy(bytes.begin(), bytes.end(), at);
}

std::uint8_t* put_size(std::uint8_t* at, std::size_t size) {
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = static_cast<std::uint8_t>(size >> shift);
    return at;
}

/// Writes all of an entry except its value.
std::uint8_t* put_head(std::uint8_t* at, std::string_view name, BytesView key, std::size_t value_size) {
    *at++ = kEntryMarker;
    *at++ = static_cast<std::uint8_t>(name.size());
    at = put(at, as_bytes(name));
    at = put(put_size(at, key.size()), key);
    return put_size(at, value_size);
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
    ++entries_;
    const std::size_t head_size = 2 + name.size() + 4 + key.size() + 4;
    if (std::uint8_t* const at = gzip_.extend(head_size + value.size())) {
        put(put_head(at, name, key, value.size()), value);
        return {};
    }
    head_.resize(head_size);
    put_head(head_.data(), name, key, value.size());
    IOSWARM_DO(gzip_.append(head_));
    return gzip_.append(value);
}

Result<Hash256> SnapshotWriter::finish() {
    if (!header_written_) return fail(header_written_.error());
    IOSWARM_DO(gzip_.append(Bytes{kEndMarker}));
    auto digest = gzip_.digest();
    if (!digest) return digest;
    Bytes trailer;
    append_big_endian(trailer, entries_);
    append(trailer, digest->view());
    append(trailer, as_bytes(kSnapshotEndMagic));
    IOSWARM_DO(gzip_.append(trailer));
    IOSWARM_DO(gzip_.finish());
    return digest;
}

}  // namespace ioswarm::snapshot
