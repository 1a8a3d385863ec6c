// SPDX-License-Identifier: Apache-2.0
#include "snapshot/writer.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/text.hpp"
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

/// The format has no place for anything larger, so a second try would fail too.
Status check_bounds(std::string_view name, BytesView key, BytesView value) {
    const auto refuse = [&](std::string why) {
        return fail(ErrorCode::bad_data, "cannot write a snapshot entry", escape_for_display(name),
                    std::move(why));
    };
    const auto over = [](std::string_view what, std::size_t size, std::size_t bound) {
        return fmt::format("{} of {} bytes, and the format takes at most {}", what, size, bound);
    };
    if (name.empty()) return refuse("its namespace has no name");
    if (name.size() > kMaxNamespaceBytes) return refuse(over("its namespace", name.size(), kMaxNamespaceBytes));
    if (key.size() > kMaxKeyBytes) return refuse(over("a key", key.size(), kMaxKeyBytes));
    if (value.size() > kMaxValueBytes) return refuse(over("a value", value.size(), kMaxValueBytes));
    return {};
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
    IOSWARM_DO(check_bounds(name, key, value));
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
