// SPDX-License-Identifier: Apache-2.0
#include "snapshot/pebble/log.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "snapshot/pebble/format.hpp"

namespace ioswarm::snapshot::pebble {
namespace {

constexpr std::uint64_t kBlockSize = std::uint64_t{32} << 10;
constexpr std::size_t kManifestHeader = 7;  // crc u32 · length u16 · type u8
constexpr std::size_t kWalHeader = 11;      // the same, then log number u32

enum class Part { full = 1, first = 2, middle = 3, last = 4 };

/// A chunk's header as written, whether sound or not.
struct Chunk {
    std::uint32_t crc = 0;
    std::uint16_t length = 0;
    std::uint8_t type = 0;
    std::uint32_t number = 0;  // in a WAL only
};

class LogReader {
  public:
    LogReader(const std::string& path, BytesView file, bool wal, std::uint32_t number)
        : path_(path), file_(file), wal_(wal), number_(number), header_(wal ? kWalHeader : kManifestHeader) {}

    Result<LogContent> read() {
        while (!ended_) {
            IOSWARM_DO(read_chunk());
        }
        if (wal_ && (content_.end == LogEnd::broken || content_.end == LogEnd::stale)) {
            content_.more_behind = lies_behind(content_.end_offset);
        }
        return std::move(content_);
    }

  private:
    [[nodiscard]] std::uint64_t left_in_block(std::uint64_t at) const { return kBlockSize - at % kBlockSize; }

    [[nodiscard]] Chunk chunk_at(std::uint64_t at) const {
        const BytesView bytes = file_.subspan(static_cast<std::size_t>(at));
        Chunk chunk{u32_at(bytes, 0), static_cast<std::uint16_t>(bytes[4] | bytes[5] << 8), bytes[6], 0};
        if (wal_) chunk.number = u32_at(bytes, 7);
        return chunk;
    }

    [[nodiscard]] bool fits(std::uint64_t at, const Chunk& chunk) const {
        return header_ + chunk.length <= left_in_block(at) && header_ + chunk.length <= file_.size() - at;
    }

    [[nodiscard]] bool is_sound(std::uint64_t at, const Chunk& chunk) const {
        return fits(at, chunk) && masked_crc(file_.subspan(static_cast<std::size_t>(at) + 6,
                                                           header_ - 6 + chunk.length)) == chunk.crc;
    }

    [[nodiscard]] bool is_end_mark(std::uint64_t at) const {
        if (file_.size() < kWalHeader || at > file_.size() - kWalHeader || left_in_block(at) < kWalHeader)
            return false;
        const Chunk chunk = chunk_at(at);
        return chunk.crc == 0 && chunk.length == 0 && chunk.type == 5 && chunk.number == number_ + 1;
    }

    void end(LogEnd how, std::string why = {}) {
        ended_ = true;
        // An end inside of a record is always a break.
        if (in_record_ && how != LogEnd::broken) {
            why = "it ends inside a record";
            content_.torn_tail = how == LogEnd::file_end;
            how = LogEnd::broken;
        }
        if (in_record_) content_.records.pop_back();  // an unfinished record is not part of the content
        content_.end = how;
        content_.end_offset = at_;
        content_.why = std::move(why);
    }

    [[nodiscard]] bool zeros_to_the_end() const {
        const BytesView rest = file_.subspan(static_cast<std::size_t>(at_));
        return std::all_of(rest.begin(), rest.end(), [](std::uint8_t b) { return b == 0; });
    }

    Status read_chunk() {
        if (at_ == file_.size()) {
            end(LogEnd::file_end);
            return {};
        }
        const std::uint64_t left = left_in_block(at_);
        if (left < header_) return skip_tail(left);
        if (file_.size() - at_ < header_) {
            content_.torn_tail = true;
            end(LogEnd::broken, "a chunk's header is cut short");
            return {};
        }
        const Chunk chunk = chunk_at(at_);
        if (wal_ && is_end_mark(at_)) {
            end(LogEnd::end_mark);
            return {};
        }
        // In these versions a WAL has the chunk types 5 to 8, and a MANIFEST 1 to 4.
        const bool type_known = wal_ ? chunk.type >= 5 && chunk.type <= 8 : chunk.type >= 1 && chunk.type <= 4;
        if (wal_ && type_known && static_cast<std::uint32_t>(chunk.number - number_) >= 1U << 31) {
            end(LogEnd::stale);
            return {};
        }
        if (!type_known || !is_sound(at_, chunk)) {
            content_.torn_tail = zeros_to_the_end() || at_ + header_ + chunk.length >= file_.size();
            end(LogEnd::broken,
                type_known ? "a chunk's checksum is wrong" : fmt::format("no chunk has type {}", chunk.type));
            return {};
        }
        if (wal_ && chunk.number != number_) {
            return corrupt(fmt::format("a chunk of log {}, this is {}", chunk.number, number_));
        }
        return take(chunk);
    }

    Status skip_tail(std::uint64_t left) {
        const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(left, file_.size() - at_));
        const BytesView tail = file_.subspan(static_cast<std::size_t>(at_), count);
        if (!std::all_of(tail.begin(), tail.end(), [](std::uint8_t b) { return b == 0; })) {
            end(LogEnd::broken, "the end of a block is not zero");
            return {};
        }
        at_ += count;
        return {};
    }

    Status take(const Chunk& chunk) {
        const auto part = static_cast<Part>(wal_ ? chunk.type - 4 : chunk.type);
        const bool begins = part == Part::full || part == Part::first;
        if (begins == in_record_) {
            return corrupt(begins ? "a record begins inside another" : "a record continues that never began");
        }
        if (begins) content_.records.push_back({{}, at_});
        const BytesView payload = file_.subspan(static_cast<std::size_t>(at_) + header_, chunk.length);
        Bytes& record = content_.records.back().payload;
        record.insert(record.end(), payload.begin(), payload.end());
        in_record_ = part == Part::first || part == Part::middle;
        at_ += header_ + chunk.length;
        return {};
    }

    [[nodiscard]] Status corrupt(std::string why) const {
        return fail(fault(wal_ ? Fault::wal_corrupt : Fault::manifest_corrupt, path_, at_, std::move(why)));
    }

    /// True when valid parts of this log follow the break. An interrupted write never leaves such parts, so the
    /// file is then damaged.
    [[nodiscard]] bool lies_behind(std::uint64_t broken_at) const {
        if (file_.size() < kWalHeader) return false;
        if (is_end_mark(file_.size() - kWalHeader)) return true;
        if (file_.size() - broken_at >= kWalHeader && left_in_block(broken_at) >= kWalHeader) {
            std::uint64_t next = broken_at + kWalHeader + chunk_at(broken_at).length;
            if (left_in_block(next) < kWalHeader) next += left_in_block(next);
            if (is_end_mark(next)) return true;
        }
        const std::uint8_t wanted[4] = {
            static_cast<std::uint8_t>(number_), static_cast<std::uint8_t>(number_ >> 8),
            static_cast<std::uint8_t>(number_ >> 16), static_cast<std::uint8_t>(number_ >> 24)};
        // Real logs have almost no false matches. A hostile file full of them must not cost more than a few
        // passes.
        std::uint64_t budget = 16 * static_cast<std::uint64_t>(file_.size()) + kBlockSize;
        auto from =
            file_.begin() + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(broken_at + 8, file_.size()));
        for (;;) {
            from = std::search(from, file_.end(), std::begin(wanted), std::end(wanted));
            if (from == file_.end()) return false;
            const auto at = static_cast<std::uint64_t>(from - file_.begin()) - 7;
            ++from;
            if (left_in_block(at) < kWalHeader || file_.size() - at < kWalHeader) continue;
            const Chunk chunk = chunk_at(at);
            if (chunk.type < 5 || chunk.type > 8) continue;
            if (is_sound(at, chunk) || chunk.length > budget) return true;
            budget -= chunk.length;
        }
    }

    const std::string& path_;
    const BytesView file_;
    const bool wal_;
    const std::uint32_t number_;
    const std::size_t header_;
    std::uint64_t at_ = 0;
    bool in_record_ = false;
    bool ended_ = false;
    LogContent content_;
};

}  // namespace

Result<LogContent> read_wal(const std::string& path, BytesView file, std::uint32_t number) {
    LogReader reader(path, file, true, number);
    return reader.read();
}

Result<LogContent> read_manifest_log(const std::string& path, BytesView file) {
    LogReader reader(path, file, false, 0);
    return reader.read();
}

}  // namespace ioswarm::snapshot::pebble
