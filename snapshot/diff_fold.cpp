// SPDX-License-Identifier: Apache-2.0
#include "snapshot/diff_fold.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace ioswarm::snapshot {
namespace {

/// What a held write takes beside its bytes: node, two buffers, their rounding.
constexpr std::size_t kWriteOverhead = 160;
/// A node has some twenty, and one a contract-staking contract.
constexpr std::size_t kMaxNamespaces = 10'000;
constexpr std::size_t kFlushBytes = 1024 * 1024;
constexpr std::size_t kMinReadBytes = 16 * 1024;
constexpr std::size_t kMaxReadBytes = 1024 * 1024;
/// Of a write in the file: key size u32, value size u32, 1 for a deletion u8; key and value follow. Native order:
/// the file never leaves this process.
constexpr std::size_t kHeadBytes = 9;

bool less(BytesView a, BytesView b) noexcept {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}
bool equal(BytesView a, BytesView b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// Sorted writes of one age.
class Run {
  public:
    virtual ~Run() = default;
    /// Moves on; `write` is null at the end.
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
        if (auto there = have(kHeadBytes); !there) return there;
        std::uint32_t key_size = 0;
        std::uint32_t value_size = 0;
        std::memcpy(&key_size, buffer_.data() + position_, sizeof key_size);
        std::memcpy(&value_size, buffer_.data() + position_ + 4, sizeof value_size);
        write_.is_delete = buffer_[position_ + 8] != 0;
        if (auto there = have(kHeadBytes + key_size + value_size); !there) return there;
        const BytesView bytes = BytesView(buffer_).subspan(position_ + kHeadBytes);
        write_.key = bytes.first(key_size);
        write_.value = bytes.subspan(key_size, value_size);
        position_ += kHeadBytes + key_size + value_size;
        return {};
    }

  private:
    /// So many bytes from position_ on are in the buffer.
    Status have(std::size_t bytes) {
        if (buffer_.size() - position_ >= bytes) return {};
        buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(position_));
        position_ = 0;
        const std::size_t from = buffer_.size();
        const std::uint64_t more = std::min<std::uint64_t>(std::max(bytes, buffer_bytes_) - from, end_ - offset_);
        buffer_.resize(from + static_cast<std::size_t>(more));
        for (std::size_t at = from; at < buffer_.size();) {
            const ssize_t got = ::pread(fd_, buffer_.data() + at, buffer_.size() - at, static_cast<off_t>(offset_));
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return fail(errno_error(got < 0 ? errno : EIO, "cannot read back what was folded", "temporary file"));
            at += static_cast<std::size_t>(got);
            offset_ += static_cast<std::uint64_t>(got);
        }
        if (buffer_.size() < bytes) return fail(errno_error(EIO, "cannot read back what was folded", "temporary file"));
        return {};
    }

    const int fd_;
    std::uint64_t offset_;  // of what follows the buffer
    const std::uint64_t end_;
    const std::size_t buffer_bytes_;
    Bytes buffer_;
    std::size_t position_ = 0;
};

template <typename Writes>
std::vector<const typename Writes::value_type*> sorted(const Writes& writes) {
    std::vector<const typename Writes::value_type*> out;
    out.reserve(writes.size());
    for (const auto& write : writes)
        out.push_back(&write);
    std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
    return out;
}

template <typename Writes>
class HeldRun final : public Run {
  public:
    explicit HeldRun(const Writes& writes) : order_(sorted(writes)) {}

    Status advance() override {
        at_end_ = next_ == order_.size();
        if (at_end_) return {};
        const auto& [key, held] = *order_[next_++];
        write_ = {as_bytes(key), held.value, held.is_delete};
        return {};
    }

  private:
    std::vector<const typename Writes::value_type*> order_;
    std::size_t next_ = 0;
};

}  // namespace

/// Merges runs; of equal keys the newest run's write counts.
class FoldCursor final : public DiffFold::Cursor {
  public:
    explicit FoldCursor(std::vector<std::unique_ptr<Run>> runs) : runs_(std::move(runs)) {}

    Result<const DiffFold::Write*> next() override {
        if (!started_) {
            started_ = true;
            for (auto& run : runs_) {
                if (auto first = run->advance(); !first) return fail(first.error());
            }
        } else {
            for (Run* run : taken_) {
                if (auto moved = run->advance(); !moved) return fail(moved.error());
            }
        }
        taken_.clear();
        for (auto& run : runs_) {
            const DiffFold::Write* write = run->write();
            if (write == nullptr) continue;
            if (!taken_.empty() && less(taken_.front()->write()->key, write->key)) continue;
            if (!taken_.empty() && !equal(taken_.front()->write()->key, write->key)) taken_.clear();
            taken_.push_back(run.get());
        }
        return taken_.empty() ? nullptr : taken_.back()->write();
    }

  private:
    std::vector<std::unique_ptr<Run>> runs_;  // oldest first
    std::vector<Run*> taken_;                 // stand at the key that was given last
    bool started_ = false;
};

DiffFold::DiffFold(std::size_t memory_bytes, std::string folder)
    : memory_bytes_(memory_bytes), folder_(folder.empty() ? "." : std::move(folder)) {}

DiffFold::~DiffFold() {
    if (fd_ >= 0) ::close(fd_);
}

Status DiffFold::add(StateDiffEntry entry) {
    const std::size_t size = entry.key.size() + entry.value.size() + kWriteOverhead;
    auto at = held_.find(entry.ns);
    if (at == held_.end()) {
        if (held_.size() + sections_.size() >= kMaxNamespaces)
            return fail(ErrorCode::bad_data, "cannot fold the diffs", {}, "they name too many namespaces");
        at = held_.try_emplace(entry.ns).first;
    }
    Writes& writes = at->second;
    auto [it, is_new] = writes.try_emplace(std::string(as_text(entry.key)));
    if (!is_new) held_bytes_ -= it->first.size() + it->second.value.size() + kWriteOverhead;
    it->second = {std::move(entry.value), entry.write_type == 1};
    it->second.value.shrink_to_fit();
    held_bytes_ += size;
    return held_bytes_ > memory_bytes_ ? spill() : Status();
}

Status DiffFold::open_file() {
    fd_ = ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd_ >= 0) return {};
    // Not every file system can make a file without a name.
    std::string name = folder_ + "/.ioswarm-fold-XXXXXX";
    fd_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (fd_ < 0) return fail(errno_error(errno, "cannot make a temporary file", folder_));
    ::unlink(name.c_str());
    return {};
}

Status DiffFold::flush() {
    for (std::size_t at = 0; at < buffer_.size();) {
        const ssize_t wrote = ::write(fd_, buffer_.data() + at, buffer_.size() - at);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return fail(errno_error(errno, "cannot write a temporary file", folder_));
        at += static_cast<std::size_t>(wrote);
    }
    buffer_.clear();
    return {};
}

Status DiffFold::spill() {
    if (fd_ < 0) {
        if (auto opened = open_file(); !opened) return opened;
    }
    for (const auto& [name, writes] : held_) {
        if (writes.empty()) continue;
        Section section{file_bytes_, 0};
        for (const auto* write : sorted(writes)) {
            const auto& [key, held] = *write;
            const auto key_size = static_cast<std::uint32_t>(key.size());
            const auto value_size = static_cast<std::uint32_t>(held.value.size());
            const std::size_t at = buffer_.size();
            buffer_.resize(at + kHeadBytes);
            std::memcpy(buffer_.data() + at, &key_size, sizeof key_size);
            std::memcpy(buffer_.data() + at + 4, &value_size, sizeof value_size);
            buffer_[at + 8] = held.is_delete ? 1 : 0;
            const BytesView key_bytes = as_bytes(key);
            buffer_.insert(buffer_.end(), key_bytes.begin(), key_bytes.end());
            buffer_.insert(buffer_.end(), held.value.begin(), held.value.end());
            file_bytes_ += buffer_.size() - at;
            if (buffer_.size() < kFlushBytes) continue;
            if (auto flushed = flush(); !flushed) return flushed;
        }
        section.end = file_bytes_;
        sections_[name].push_back(section);
    }
    if (auto flushed = flush(); !flushed) return flushed;
    held_.clear();
    held_bytes_ = 0;
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

std::unique_ptr<DiffFold::Cursor> DiffFold::open(std::string_view name) const {
    std::vector<std::unique_ptr<Run>> runs;
    const std::size_t buffer = std::clamp(memory_bytes_ / std::max<std::size_t>(runs_, 1), kMinReadBytes, kMaxReadBytes);
    if (const auto it = sections_.find(name); it != sections_.end()) {
        for (const Section& section : it->second)
            runs.push_back(std::make_unique<FileRun>(fd_, section.begin, section.end, buffer));
    }
    if (const auto it = held_.find(name); it != held_.end())
        runs.push_back(std::make_unique<HeldRun<Writes>>(it->second));
    return std::make_unique<FoldCursor>(std::move(runs));
}

}  // namespace ioswarm::snapshot
