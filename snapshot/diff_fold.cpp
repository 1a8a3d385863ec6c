// SPDX-License-Identifier: Apache-2.0
#include "snapshot/diff_fold.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/base/byte_order.hpp"
#include "core/base/descriptor.hpp"
#include "core/base/try.hpp"

namespace ioswarm::snapshot {
namespace {

constexpr const char* kCannotReadFold = "cannot read back what was folded";
constexpr const char* kTemporary = "temporary file";
constexpr std::size_t kPieceBytes = std::size_t{1024} * 1024;
constexpr std::size_t kFlushBytes = std::size_t{1024} * 1024;
constexpr std::size_t kMinReadBytes = std::size_t{16} * 1024;
constexpr std::size_t kMaxReadBytes = std::size_t{1024} * 1024;
/// Size of a write's head in the file: key size u32, value size u32, and a u8 that is 1 for a deletion. Key and
/// value follow. The byte order is native, because the file never leaves this process.
constexpr std::size_t kHeadBytes = 9;

bool equal(BytesView a, BytesView b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// Decodes the record at `at`. Records have the same form in memory and in the file.
struct Record {
    BytesView key;
    BytesView value;
    bool is_delete = false;
    std::size_t size = 0;
};

Record record_at(const std::uint8_t* at) noexcept {
    std::uint32_t key_size = 0;
    std::uint32_t value_size = 0;
    std::memcpy(&key_size, at, sizeof key_size);
    std::memcpy(&value_size, at + 4, sizeof value_size);
    const BytesView bytes(at + kHeadBytes, std::size_t{key_size} + value_size);
    return {bytes.first(key_size), bytes.subspan(key_size), at[8] != 0, kHeadBytes + bytes.size()};
}

/// The first eight bytes as a number that sorts like the key. Short keys are filled up with zeros.
std::uint64_t prefix_of(BytesView key) noexcept {
    std::uint64_t prefix = 0;
    for (std::size_t i = 0; i < 8; ++i)
        prefix = prefix << 8 | (i < key.size() ? key[i] : 0U);
    return prefix;
}

/// Sorted writes. All writes of a run are older, or all are newer, than those of another run.
class Run {
  public:
    virtual ~Run() = default;
    /// Moves to the next write. At the end write() is null.
    [[nodiscard]] virtual Status advance() = 0;
    [[nodiscard]] const DiffFold::Write* write() const noexcept { return at_end_ ? nullptr : &write_; }

  protected:
    DiffFold::Write write_;
    bool at_end_ = false;
};

class FileRun final : public Run {
  public:
    FileRun(int fd, std::uint64_t begin, std::uint64_t end, std::size_t buffer_bytes)
        : fd_(fd), offset_(begin), end_(end), buffer_bytes_(buffer_bytes) {}

    Status advance() override {
        if (position_ == buffer_.size() && offset_ == end_) {
            at_end_ = true;
            return {};
        }
        IOSWARM_DO(have(kHeadBytes));
        std::uint32_t key_size = 0;
        std::uint32_t value_size = 0;
        std::memcpy(&key_size, buffer_.data() + position_, sizeof key_size);
        std::memcpy(&value_size, buffer_.data() + position_ + 4, sizeof value_size);
        IOSWARM_DO(have(kHeadBytes + key_size + value_size));
        const Record record = record_at(buffer_.data() + position_);
        write_ = {record.key, record.value, record.is_delete};
        position_ += record.size;
        return {};
    }

  private:
    /// Makes sure that this many bytes from position_ on are in the buffer.
    Status have(std::size_t bytes) {
        if (buffer_.size() - position_ >= bytes) return {};
        buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(position_));
        position_ = 0;
        const std::size_t from = buffer_.size();
        const std::uint64_t more =
            std::min<std::uint64_t>(std::max(bytes, buffer_bytes_) - from, end_ - offset_);
        buffer_.resize(from + static_cast<std::size_t>(more));
        IOSWARM_TRY(const auto got,
                    read_at(fd_, std::span(buffer_).subspan(from), offset_, kCannotReadFold, kTemporary));
        offset_ += got;
        if (got < more || buffer_.size() < bytes) return fail(errno_error(EIO, kCannotReadFold, kTemporary));
        return {};
    }

    const int fd_;
    std::uint64_t offset_;  // file offset of the bytes that follow the buffer
    const std::uint64_t end_;
    const std::size_t buffer_bytes_;
    Bytes buffer_;
    std::size_t position_ = 0;
};

/// A run in memory: sorted references, with each key once.
template <typename Ref>
class HeldRun final : public Run {
  public:
    explicit HeldRun(const std::vector<Ref>& refs) : refs_(refs) {}

    Status advance() override {
        at_end_ = next_ == refs_.size();
        if (at_end_) return {};
        const Record record = record_at(refs_[next_++].record);
        write_ = {record.key, record.value, record.is_delete};
        return {};
    }

  private:
    const std::vector<Ref>& refs_;
    std::size_t next_ = 0;
};

/// Merges runs. If several runs have a key, the newest run's write counts.
class FoldCursor final : public DiffFold::Cursor {
  public:
    explicit FoldCursor(std::vector<std::unique_ptr<Run>> runs) : runs_(std::move(runs)) {}

    Result<const DiffFold::Write*> next() override {
        if (!started_) {
            started_ = true;
            for (auto& run : runs_) {
                IOSWARM_DO(run->advance());
            }
        } else {
            for (Run* run : taken_) {
                IOSWARM_DO(run->advance());
            }
        }
        taken_.clear();
        for (auto& run : runs_) {
            const DiffFold::Write* write = run->write();
            if (write == nullptr) continue;
            if (!taken_.empty() && bytes_less(taken_.front()->write()->key, write->key)) continue;
            if (!taken_.empty() && !equal(taken_.front()->write()->key, write->key)) taken_.clear();
            taken_.push_back(run.get());
        }
        return taken_.empty() ? nullptr : taken_.back()->write();
    }

  private:
    std::vector<std::unique_ptr<Run>> runs_;  // oldest first
    std::vector<Run*> taken_;                 // the runs whose current key is the one that was returned last
    bool started_ = false;
};

}  // namespace

DiffFold::DiffFold(std::size_t memory_bytes, std::string folder)
    : memory_bytes_(memory_bytes), folder_(folder.empty() ? "." : std::move(folder)) {}

DiffFold::~DiffFold() = default;

std::uint8_t* DiffFold::Arena::take(std::size_t size) {
    if (size > room) {
        room = std::max(size, kPieceBytes);
        // Do not use make_unique: it would fill the memory with zeros that are overwritten at once.
        pieces.emplace_back(new std::uint8_t[room]);
        next = pieces.back().get();
    }
    std::uint8_t* at = next;
    next += size;
    room -= size;
    bytes += size + sizeof(Ref);
    return at;
}

Status DiffFold::add(const StateDiffEntry& entry) {
    auto at = held_.find(entry.ns);
    if (at == held_.end()) {
        if (held_.size() + sections_.size() >= kMaxNamespaces)
            return fail(ErrorCode::bad_data, "cannot fold the diffs", {}, "they name too many namespaces");
        at = held_.try_emplace(entry.ns).first;
    }
    const auto key_size = static_cast<std::uint32_t>(entry.key.size());
    const auto value_size = static_cast<std::uint32_t>(entry.value.size());
    std::uint8_t* record = arena_.take(kHeadBytes + entry.key.size() + entry.value.size());
    std::memcpy(record, &key_size, sizeof key_size);
    std::memcpy(record + 4, &value_size, sizeof value_size);
    record[8] = entry.write_type == 1 ? 1 : 0;
    std::copy(entry.key.begin(), entry.key.end(), record + kHeadBytes);
    std::copy(entry.value.begin(), entry.value.end(), record + kHeadBytes + entry.key.size());
    at->second.push_back({prefix_of(entry.key), record});
    return arena_.bytes > memory_bytes_ / 2 ? make_room() : Status();
}

/// Sorts by key and keeps only the last write of each key.
void DiffFold::keep_last(std::vector<Ref>& refs) {
    const auto same = [](const Ref& a, const Ref& b) {
        return a.prefix == b.prefix && equal(record_at(a.record).key, record_at(b.record).key);
    };
    std::stable_sort(refs.begin(), refs.end(), [](const Ref& a, const Ref& b) {
        return a.prefix != b.prefix ? a.prefix < b.prefix
                                    : bytes_less(record_at(a.record).key, record_at(b.record).key);
    });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < refs.size(); ++i) {
        if (i + 1 < refs.size() && same(refs[i], refs[i + 1])) continue;
        refs[kept++] = refs[i];
    }
    refs.resize(kept);
}

/// Makes room in memory. Half of it is for records, a quarter for the copy that a compaction makes, and the
/// rest for sorting.
Status DiffFold::make_room() {
    std::size_t left = 0;
    for (auto& [name, refs] : held_) {
        keep_last(refs);
        for (const Ref& ref : refs)
            left += record_at(ref.record).size + sizeof(Ref);
    }
    if (left > memory_bytes_ / 4) return spill();
    compact();
    return {};
}

void DiffFold::compact() {
    Arena fresh;
    for (auto& [name, refs] : held_) {
        for (Ref& ref : refs) {
            const std::size_t size = record_at(ref.record).size;
            std::uint8_t* copy = fresh.take(size);
            std::memcpy(copy, ref.record, size);
            ref.record = copy;
        }
        refs.shrink_to_fit();
    }
    arena_ = std::move(fresh);
}

Status DiffFold::open_file() {
    constexpr const char* kCannotMake = "cannot make a temporary file";
    if (auto opened = ioswarm::open_file(folder_, O_TMPFILE | O_RDWR, kCannotMake, 0600)) {
        file_ = *std::move(opened);
        return {};
    }
    // Not every file system supports O_TMPFILE.
    std::string name = folder_ + "/.ioswarm-fold-XXXXXX";
    file_.reset(::mkostemp(name.data(), O_CLOEXEC));
    if (!file_) return fail(errno_error(errno, kCannotMake, folder_));
    ::unlink(name.c_str());
    return {};
}

Status DiffFold::flush() {
    IOSWARM_DO(write_all(file_.get(), buffer_, "cannot write a temporary file", folder_));
    buffer_.clear();
    return {};
}

Status DiffFold::spill() {
    if (!file_) {
        IOSWARM_DO(open_file());
    }
    for (const auto& [name, refs] : held_) {
        Section section{file_bytes_, 0};
        for (const Ref& ref : refs) {
            const BytesView record(ref.record, record_at(ref.record).size);
            buffer_.insert(buffer_.end(), record.begin(), record.end());
            file_bytes_ += record.size();
            if (buffer_.size() < kFlushBytes) continue;
            IOSWARM_DO(flush());
        }
        section.end = file_bytes_;
        sections_[name].push_back(section);
    }
    IOSWARM_DO(flush());
    held_.clear();
    arena_ = Arena();
    ++runs_;
    return {};
}

std::vector<std::string> DiffFold::namespaces() const {
    std::vector<std::string> names;
    for (const auto& [name, writes] : held_)
        names.push_back(name);
    for (const auto& [name, sections] : sections_)
        names.push_back(name);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

std::unique_ptr<DiffFold::Cursor> DiffFold::open(std::string_view name) {
    std::vector<std::unique_ptr<Run>> runs;
    const std::size_t buffer =
        std::clamp(memory_bytes_ / std::max<std::size_t>(runs_, 1), kMinReadBytes, kMaxReadBytes);
    if (const auto it = sections_.find(name); it != sections_.end()) {
        for (const Section& section : it->second)
            runs.push_back(std::make_unique<FileRun>(file_.get(), section.begin, section.end, buffer));
    }
    if (const auto it = held_.find(name); it != held_.end()) {
        keep_last(it->second);
        runs.push_back(std::make_unique<HeldRun<Ref>>(it->second));
    }
    return std::make_unique<FoldCursor>(std::move(runs));
}

}  // namespace ioswarm::snapshot
