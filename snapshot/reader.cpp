// SPDX-License-Identifier: Apache-2.0
#include "snapshot/reader.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include <fmt/format.h>

#include "core/base/byte_order.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/crypto/sha256.hpp"
#include "snapshot/format.hpp"
#include "snapshot/gzip/gzip.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot {
namespace {

/// A value is read in steps of this size. So a wrong length in a corrupt file costs no more memory than the
/// stream really has.
constexpr std::size_t kGrowBytes = std::size_t{1024} * 1024;

std::uint64_t big_endian(BytesView bytes) noexcept {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : bytes)
        value = value << 8 | byte;
    return value;
}

}  // namespace

struct SnapshotReader::State {
    std::string path;
    std::unique_ptr<ByteStream> stream;
    BytesView piece;
    std::uint64_t piece_offset = 0;  // offset of the piece in the uncompressed stream
    std::size_t position = 0;        // position of the next byte in the piece
    std::size_t hashed = 0;          // number of bytes of the piece that are hashed
    Sha256 hash;
    bool hashing = true;
    std::uint64_t height = 0;
    std::uint64_t entries = 0;
    Hash256 digest;
    bool done = false;
    // What the order of the entries is checked with.
    std::string last_name;
    Bytes last_key;
    std::set<std::string, std::less<>> names;  // all namespaces so far
    // Storage for an entry that is spread over several pieces.
    std::string name;
    Bytes key;
    Bytes value;

    [[nodiscard]] std::uint64_t offset() const noexcept { return piece_offset + position; }

    [[nodiscard]] Error corrupt(std::string why) const {
        return Error{ErrorCode::bad_data, "broken snapshot", path, std::move(why),
                     "get the file again, or export a new one"};
    }

    void hash_what_was_taken() {
        if (hashing) hash.update(piece.subspan(hashed, position - hashed));
        hashed = position;
    }

    /// Copies `out.size()` bytes. Returns false at the end of the stream.
    Result<bool> take(std::span<std::uint8_t> out) {
        std::size_t done_bytes = 0;
        while (done_bytes < out.size()) {
            if (position == piece.size()) {
                hash_what_was_taken();
                IOSWARM_TRY(auto next, stream->next());
                piece_offset += piece.size();
                piece = next;
                position = hashed = 0;
                if (piece.empty()) return false;
            }
            const std::size_t part = std::min(out.size() - done_bytes, piece.size() - position);
            std::memcpy(out.data() + done_bytes, piece.data() + position, part);
            position += part;
            done_bytes += part;
        }
        return true;
    }

    /// Returns the next entry if all of it is in the piece and nothing is wrong with it. No byte is copied
    /// then.
    std::optional<Entry> entry_in_piece() {
        const BytesView rest = piece.subspan(position);
        if (rest.size() < 2 || rest[0] != kEntryMarker) return std::nullopt;
        const std::size_t key_at = 2 + std::size_t{rest[1]} + 4;
        if (rest.size() < key_at) return std::nullopt;
        const std::uint64_t key_size = big_endian(rest.subspan(key_at - 4, 4));
        if (key_size > kMaxKeyBytes || rest.size() < key_at + key_size + 4) return std::nullopt;
        const std::size_t value_at = key_at + key_size + 4;
        const std::uint64_t value_size = big_endian(rest.subspan(value_at - 4, 4));
        if (value_size > kMaxValueBytes || rest.size() - value_at < value_size) return std::nullopt;
        position += value_at + value_size;
        return Entry{as_text(rest.subspan(2, rest[1])), rest.subspan(key_at, key_size),
                     rest.subspan(value_at, value_size)};
    }

    Status need(std::span<std::uint8_t> out, std::string_view what) {
        const std::uint64_t at = offset();
        IOSWARM_TRY(auto taken, take(out));
        if (!taken) return fail(corrupt(fmt::format("it ends inside {} at byte {}", what, at)));
        return {};
    }

    template <std::size_t Size>
    Result<std::uint64_t> number(std::string_view what) {
        std::array<std::uint8_t, Size> bytes;
        IOSWARM_DO(need(bytes, what));
        return big_endian(bytes);
    }

    Status sized(Bytes& out, std::size_t bound, std::string_view what) {
        const std::uint64_t at = offset();
        IOSWARM_TRY(auto length, number<4>(what));
        if (length > bound) {
            return fail(corrupt(
                fmt::format("{} of {} bytes at byte {}, over the bound of {}", what, length, at, bound)));
        }
        out.clear();
        while (out.size() < length) {
            const std::size_t from = out.size();
            out.resize(std::min<std::size_t>(from + kGrowBytes, static_cast<std::size_t>(length)));
            IOSWARM_DO(need(std::span(out).subspan(from), what));
        }
        return {};
    }

    /// Checks that an entry may come after the one before it: the keys of a namespace come in order, as in the
    /// node's database, and each namespace in one piece. `at` is the offset of the entry.
    Status check_place(const Entry& entry, std::uint64_t at) {
        if (entries != 0 && entry.name == last_name) {
            if (!bytes_less(last_key, entry.key)) {
                return fail(corrupt(fmt::format("a key of {} at byte {} does not come after the one before it",
                                                escape_for_display(last_name), at)));
            }
        } else {
            IOSWARM_DO(begin_namespace(entry.name, at));
        }
        last_key.assign(entry.key.begin(), entry.key.end());
        return {};
    }

    Status begin_namespace(std::string_view begun, std::uint64_t at) {
        if (begun.empty()) return fail(corrupt(fmt::format("the namespace at byte {} has no name", at)));
        if (names.size() == kMaxSnapshotNamespaces)
            return fail(corrupt(fmt::format("it has more than {} namespaces", kMaxSnapshotNamespaces)));
        last_name = begun;
        if (names.insert(last_name).second) return {};
        return fail(corrupt(fmt::format("the namespace {} comes in two parts, the second at byte {}",
                                        escape_for_display(last_name), at)));
    }

    Status read_header() {
        std::array<std::uint8_t, kSnapshotHeaderSize> header;
        IOSWARM_DO(need(header, "the header"));
        const BytesView view = header;
        if (as_text(view.first(8)) != kSnapshotMagic) return fail(corrupt("it does not begin with IOSWSNAP"));
        if (const std::uint64_t version = big_endian(view.subspan(8, 4)); version != kSnapshotVersion) {
            return fail(corrupt(fmt::format("version {}, only {} is known", version, kSnapshotVersion)));
        }
        height = big_endian(view.subspan(12, 8));
        return {};
    }

    Status read_trailer() {
        hash_what_was_taken();
        const Hash256 computed = hash.finish();
        hashing = false;
        std::array<std::uint8_t, kSnapshotTrailerSize> trailer;
        IOSWARM_DO(need(trailer, "the trailer"));
        const BytesView view = trailer;
        if (const std::uint64_t count = big_endian(view.first(8)); count != entries) {
            return fail(corrupt(fmt::format("the trailer counts {} entries, there are {}", count, entries)));
        }
        if (as_text(view.subspan(40, 8)) != kSnapshotEndMagic) return fail(corrupt("the end magic is wrong"));
        digest = *Hash256::from(view.subspan(8, 32));
        if (digest != computed) {
            return fail(corrupt(fmt::format("the digest is {}, the content's is {}", to_hex(digest.view()),
                                            to_hex(computed.view()))));
        }
        std::array<std::uint8_t, 1> more;
        IOSWARM_TRY(auto taken, take(more));
        if (taken) return fail(corrupt("bytes follow the trailer"));
        done = true;
        return {};
    }
};

SnapshotReader::SnapshotReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
SnapshotReader::~SnapshotReader() = default;

Result<std::unique_ptr<SnapshotReader>> SnapshotReader::open(const std::string& path) {
    IOSWARM_TRY(auto gzip, GzipReader::open(path));
    return open(path, std::move(gzip));
}

Result<std::unique_ptr<SnapshotReader>> SnapshotReader::open(const std::string& path,
                                                             std::unique_ptr<ByteStream> stream) {
    auto state = std::make_unique<State>();
    state->path = path;
    state->stream = std::move(stream);
    IOSWARM_DO(state->read_header());
    return std::unique_ptr<SnapshotReader>(new SnapshotReader(std::move(state)));
}

Result<std::optional<SnapshotReader::Entry>> SnapshotReader::next() {
    State& s = *state_;
    if (s.done) return std::optional<Entry>();
    const std::uint64_t at = s.offset();
    if (const auto entry = s.entry_in_piece()) {
        IOSWARM_DO(s.check_place(*entry, at));
        ++s.entries;
        return entry;
    }
    IOSWARM_TRY(auto marker, s.number<1>("an entry's marker"));
    if (marker == kEndMarker) {
        IOSWARM_DO(s.read_trailer());
        return std::optional<Entry>();
    }
    if (marker != kEntryMarker) return fail(s.corrupt(fmt::format("marker {} at byte {}", marker, at)));
    IOSWARM_TRY(auto name_size, s.number<1>("a namespace's length"));
    s.name.resize(static_cast<std::size_t>(name_size));
    const auto name_bytes = std::span(reinterpret_cast<std::uint8_t*>(s.name.data()), s.name.size());
    IOSWARM_DO(s.need(name_bytes, "a namespace"));
    IOSWARM_DO(s.sized(s.key, kMaxKeyBytes, "a key"));
    IOSWARM_DO(s.sized(s.value, kMaxValueBytes, "a value"));
    const Entry entry{s.name, s.key, s.value};
    IOSWARM_DO(s.check_place(entry, at));
    ++s.entries;
    return entry;
}

std::uint64_t SnapshotReader::height() const noexcept {
    return state_->height;
}
std::uint64_t SnapshotReader::entries() const noexcept {
    return state_->entries;
}
std::uint64_t SnapshotReader::raw_bytes() const noexcept {
    return state_->offset();
}
std::uint64_t SnapshotReader::compressed_bytes() const noexcept {
    return state_->stream->compressed_bytes();
}
std::uint64_t SnapshotReader::file_size() const noexcept {
    return state_->stream->file_size();
}
const Hash256& SnapshotReader::digest() const noexcept {
    return state_->digest;
}

}  // namespace ioswarm::snapshot
