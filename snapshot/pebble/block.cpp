// SPDX-License-Identifier: Apache-2.0
#include "snapshot/pebble/block.hpp"

#include <snappy.h>
#include <zstd.h>

#include <fmt/format.h>

#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot::pebble {
namespace {

constexpr std::uint8_t kStored = 0;
constexpr std::uint8_t kSnappy = 1;
constexpr std::uint8_t kZstd = 7;
/// A limit: the largest record fills a block of its own.
constexpr std::uint64_t kMaxBlockBytes = (65ULL << 20) + kMaxKeyBytes;
/// A limit. Snappy cannot compress by more than a factor of 22, so a higher ratio than this means damage.
constexpr std::uint64_t kMaxSnappyRatio = 64;

bool unsnap(BytesView stored, Bytes& out, std::string& why) {
    const char* input = reinterpret_cast<const char*>(stored.data());
    std::size_t size = 0;
    if (!snappy::GetUncompressedLength(input, stored.size(), &size) || size > kMaxBlockBytes ||
        size > stored.size() * kMaxSnappyRatio) {
        why = fmt::format("a snappy block of {} bytes claims {}", stored.size(), size);
        return false;
    }
    out.resize(size);
    if (snappy::RawUncompress(input, stored.size(), reinterpret_cast<char*>(out.data()))) return true;
    why = "damaged snappy data";
    return false;
}

bool unzstd(BytesView stored, Bytes& out, std::string& why) {
    FieldReader fields(stored);
    const auto size = fields.uvarint();
    if (!size || *size > kMaxBlockBytes) {
        why = "a zstd block with an impossible length";
        return false;
    }
    out.resize(static_cast<std::size_t>(*size));
    const BytesView frame = *fields.bytes(fields.left());
    const std::size_t got = ZSTD_decompress(out.data(), out.size(), frame.data(), frame.size());
    if (ZSTD_isError(got) == 0 && got == out.size()) return true;
    why = "a zstd block has another size than it says";
    return false;
}

}  // namespace

std::optional<Handle> take_handle(FieldReader& fields) noexcept {
    const auto offset = fields.uvarint();
    const auto length = offset ? fields.uvarint() : std::nullopt;
    if (!length) return std::nullopt;
    return Handle{*offset, *length};
}

bool decompress_block(std::uint8_t type, BytesView stored, Bytes& out, std::string& why) {
    switch (type) {
        case kStored:
            out.assign(stored.begin(), stored.end());
            return true;
        case kSnappy:
            return unsnap(stored, out, why);
        case kZstd:
            return unzstd(stored, out, why);
        default:
            why = fmt::format("compression type {}", type);
            return false;
    }
}

bool BlockReader::reset(Bytes bytes) {
    bytes_ = std::move(bytes);
    at_ = entry_at_ = 0;
    next_restart_ = 0;
    key_.clear();
    value_ = {};
    error_.clear();
    if (bytes_.size() < 8) return broken("a block too short for its restart points");
    restarts_ = u32_at(bytes_, bytes_.size() - 4);
    if (restarts_ == 0 || restarts_ > bytes_.size() / 4 - 1)
        return broken(fmt::format("{} restart points", restarts_));
    entries_end_ = bytes_.size() - 4 * (std::size_t{restarts_} + 1);
    return u32_at(bytes_, entries_end_) == 0 || broken("the first restart point is not the block's start");
}

bool BlockReader::next() {
    const auto restart_at = [&](std::uint32_t i) { return u32_at(bytes_, entries_end_ + 4 * std::size_t{i}); };
    if (at_ == entries_end_) {
        // Only a block without entries may have a restart point at which no entry begins.
        if (next_restart_ < restarts_ && !(entries_end_ == 0 && restarts_ == 1))
            return broken("a restart point behind the last entry");
        return false;
    }
    entry_at_ = at_;
    const BytesView rest = BytesView(bytes_).subspan(at_, entries_end_ - at_);
    FieldReader fields(rest);
    const auto shared = fields.uvarint32();
    const auto unshared = shared ? fields.uvarint32() : std::nullopt;
    const auto value_size = unshared ? fields.uvarint32() : std::nullopt;
    const auto key_tail = value_size ? fields.bytes(*unshared) : std::nullopt;
    const auto value = key_tail ? fields.bytes(*value_size) : std::nullopt;
    if (!value) return broken("an entry passes the end of its block");
    if (*shared > key_.size()) return broken("an entry shares more than the key before it has");
    if (next_restart_ < restarts_ && restart_at(next_restart_) <= at_) {
        if (restart_at(next_restart_) != at_ || *shared != 0)
            return broken("a restart point inside an entry, or out of order");
        ++next_restart_;
    }
    if (std::size_t{*shared} + *unshared > kMaxKeyBytes + kTrailerBytes) return broken("a key over the bound");
    key_.resize(*shared);
    key_.insert(key_.end(), key_tail->begin(), key_tail->end());
    value_ = *value;
    at_ += rest.size() - fields.left();
    return true;
}

}  // namespace ioswarm::snapshot::pebble
