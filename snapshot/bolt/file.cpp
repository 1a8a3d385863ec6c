// SPDX-License-Identifier: Apache-2.0
#include "snapshot/bolt/file.hpp"

#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "snapshot/store/lock_holder.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot::bolt {
namespace {

/// bbolt splits a node at two keys. So a page with overflow holds few values, and we allow two of the largest.
/// A larger value means a corrupt file, or one that does not fit into the export's memory limit.
constexpr std::uint64_t kMaxPageBytes = 2 * static_cast<std::uint64_t>(kMaxValueBytes);
/// One call of posix_fadvise(WILLNEED) silently fetches no more than the device's read-ahead, 128 KiB by
/// default.
constexpr std::size_t kPrefetchBytes = std::size_t{128} * 1024;

std::uint64_t fnv1a64(BytesView bytes) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325;
    for (const std::uint8_t byte : bytes)
        hash = (hash ^ byte) * 0x100000001b3;
    return hash;
}

struct Meta {
    std::uint32_t page_size = 0;
    std::uint64_t root = 0;
    std::uint64_t high_water = 0;
    std::uint64_t txid = 0;
};

/// Parses a meta page; `bytes` is everything after the page header. Returns nothing when it is not valid, and
/// sets `why`.
std::optional<Meta> parse_meta(BytesView bytes, std::string& why) {
    if (u32_at(bytes, 0) != kMagic) {
        why = fmt::format("magic is {:08x}, not {:08x}", u32_at(bytes, 0), kMagic);
        return std::nullopt;
    }
    if (u32_at(bytes, 4) != kVersion) {
        why = fmt::format("version is {}, not {}", u32_at(bytes, 4), kVersion);
        return std::nullopt;
    }
    if (fnv1a64(bytes.first(kMetaChecksumAt)) != u64_at(bytes, kMetaChecksumAt)) {
        why = "the checksum is wrong";
        return std::nullopt;
    }
    const Meta meta{u32_at(bytes, 8), u64_at(bytes, 16), u64_at(bytes, 40), u64_at(bytes, 48)};
    if (meta.page_size < kMinPageSize || meta.page_size > kMaxPageSize ||
        (meta.page_size & (meta.page_size - 1)) != 0) {
        why = fmt::format("the page size is {}", meta.page_size);
        return std::nullopt;
    }
    return meta;
}

}  // namespace

Error File::corrupt(std::uint64_t page_id, std::size_t offset_in_page, std::string why) const {
    return Error{ErrorCode::bad_data, "corrupt BoltDB file", path_,
                 fmt::format("page {}: offset {:#x}: {}", page_id, page_id * page_size_ + offset_in_page, why),
                 "take a new copy of trie.db while the node is stopped, or with --snapshot-copy"};
}

Result<std::unique_ptr<File>> File::open(const std::string& path, const LockWait& wait, WhichState which) {
    IOSWARM_TRY(auto opened, open_file(path, kReadOnly, "cannot open the state file"));
    const int fd = opened.get();
    std::unique_ptr<File> file(new File(path, std::move(opened), which));
    struct stat info {};
    if (::fstat(fd, &info) != 0) return fail(errno_error(errno, "cannot read the state file", path));
    if (!S_ISREG(info.st_mode)) {
        return fail(ErrorCode::bad_data, "cannot read the state file", path, "it is not a regular file");
    }
    IOSWARM_DO(file->lock(wait));
    // Read the size only now: under the lock nobody extends the file.
    if (::fstat(fd, &info) != 0) return fail(errno_error(errno, "cannot read the state file", path));
    file->size_ = static_cast<std::uint64_t>(info.st_size);
    IOSWARM_DO(file->read_meta());
    // Pages are read in random order, so the kernel's read-ahead would fetch pages that nobody wants.
    // prefetch() names those that are wanted.
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    return file;
}

Status File::release_lock() {
    if (!locked_) return {};
    Status same = check_unchanged();
    ::flock(file_.get(), LOCK_UN);
    locked_ = false;
    return same;
}

Status File::check_unchanged() const {
    Descriptor again(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
    if (!again) return fail(errno_error(errno, "cannot examine the state file again", path_));
    File now(path_, std::move(again), which_);
    struct stat info {};
    if (::fstat(file_.get(), &info) != 0)
        return fail(errno_error(errno, "cannot examine the state file again", path_));
    now.size_ = static_cast<std::uint64_t>(info.st_size);
    IOSWARM_DO(now.read_meta());
    if (now.txid_ == txid_ && now.root_ == root_) return {};
    return fail(ErrorCode::bad_data, "the BoltDB file was changed while it was read", path_,
                fmt::format("it was at transaction {}, and is at {}", txid_, now.txid_),
                "read a copy that is finished, or the file itself while the node is stopped");
}

Status File::lock(const LockWait& wait) {
    // flock(2) has no wait with a timeout, so try again and again.
    while (::flock(file_.get(), LOCK_SH | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK) return fail(errno_error(errno, "cannot lock the state file", path_));
        if (wait.is_over()) {
            return fail(
                ErrorCode::try_again, "the state file is in use", path_, describe_flock_holder(file_.get()),
                "stop the node, or export from a copy (--snapshot-copy on a file system with reflinks)");
        }
        IOSWARM_DO(wait.pause(path_));
    }
    locked_ = true;
    return {};
}

Status File::read_at(std::uint64_t offset, std::span<std::uint8_t> out) const {
    auto got = ioswarm::read_at(file_.get(), out, offset, "cannot read", path_);
    if (!got) {
        got.error().what = fmt::format("cannot read at offset {:#x}", offset);
        return fail(std::move(got).error());
    }
    if (*got == out.size()) return {};
    return fail(
        ErrorCode::bad_data, "truncated BoltDB file", path_,
        fmt::format("it ends at {:#x}, inside what is to be read at offset {:#x}", offset + *got, offset),
        "take a new copy of trie.db while the node is stopped");
}

Status File::read_meta() {
    std::optional<Meta> best;
    std::optional<Meta> other;
    std::string why = "the file is too short";
    std::array<std::uint8_t, kPageHeaderSize + kMetaSize> buffer{};
    const auto look_at = [&](std::uint64_t offset) -> Status {
        if (offset + buffer.size() > size_) return {};
        IOSWARM_DO(read_at(offset, buffer));
        std::string reason;
        const auto meta = parse_meta(BytesView(buffer).subspan(kPageHeaderSize), reason);
        if (offset == 0 && !meta) why = reason;
        // The second meta page starts at the offset of one page size. Bytes at another offset only look like a
        // meta page.
        if (!meta || (offset != 0 && offset != meta->page_size)) return {};
        if (best && best->txid >= meta->txid) {
            other = meta;
        } else {
            other = std::exchange(best, meta);
        }
        return {};
    };
    IOSWARM_DO(look_at(0));
    if (best) {
        IOSWARM_DO(look_at(best->page_size));
    } else {
        for (std::uint64_t offset = kMinPageSize; offset <= kMaxPageSize && !best; offset *= 2) {
            IOSWARM_DO(look_at(offset));
        }
    }
    if (!best) {
        return fail(ErrorCode::bad_data, "not a BoltDB file", path_, "no valid meta page: " + why,
                    "name the node's trie.db (a file, or the directory of a PebbleDB)");
    }
    if (which_ == WhichState::before) {
        if (!other)
            return fail(ErrorCode::not_found, "no earlier state", path_, "its other meta page is not valid");
        best = other;
    }
    page_size_ = best->page_size;
    root_ = best->root;
    high_water_ = best->high_water;
    txid_ = best->txid;
    if (high_water_ > size_ / page_size_) {
        return fail(ErrorCode::bad_data, "truncated BoltDB file", path_,
                    fmt::format("its meta page counts {} pages of {} bytes, the file has {}", high_water_,
                                page_size_, size_ / page_size_),
                    "take a new copy of trie.db while the node is stopped");
    }
    return {};
}

Status File::read(std::uint64_t id, Page& page) const {
    if (id < 2 || id >= high_water_) {
        return fail(corrupt(id, 0, fmt::format("no such page: pages 2 to {} are in use", high_water_ - 1)));
    }
    page.bytes.resize(page_size_);
    IOSWARM_DO(read_at(id * page_size_, page.bytes));
    page.id = id;
    page.header = page_header(page.bytes);
    if (page.header.id != id) return fail(corrupt(id, 0, fmt::format("it says it is page {}", page.header.id)));
    if (page.header.flags != branch_page && page.header.flags != leaf_page) {
        return fail(
            corrupt(id, 8, fmt::format("flags {:#x} are neither a branch nor a leaf", page.header.flags)));
    }
    const std::uint64_t pages = std::uint64_t{page.header.overflow} + 1;
    if (pages > high_water_ - id || pages * page_size_ > kMaxPageBytes) {
        return fail(corrupt(id, 12, fmt::format("an overflow of {} pages does not fit", page.header.overflow)));
    }
    if (pages > 1) {
        page.bytes.resize(pages * page_size_);
        const auto rest = std::span(page.bytes).subspan(page_size_);
        IOSWARM_DO(read_at((id + 1) * page_size_, rest));
    }
    const std::size_t room = (page.bytes.size() - kPageHeaderSize) / kElementSize;
    if (page.header.count > room) {
        return fail(corrupt(id, 10, fmt::format("{} elements do not fit, {} would", page.header.count, room)));
    }
    return check_layout(page);
}

/// bbolt writes the elements first, then keys and values one after another without a gap. After the header of
/// an empty page there are zeros. So this check finds any wrong count, position or size in a corrupt file.
Status File::check_layout(const Page& page) const {
    const BytesView bytes = page.bytes;
    const std::uint32_t count = page.header.count;
    if (count == 0) {
        const BytesView behind = bytes.subspan(kPageHeaderSize, kElementSize);
        if (std::all_of(behind.begin(), behind.end(), [](std::uint8_t byte) { return byte == 0; })) return {};
        return fail(corrupt(page.id, 10, "the page has no elements, but its data is not empty"));
    }
    const bool leaf = page.header.flags == leaf_page;
    std::uint64_t wanted = kPageHeaderSize + std::uint64_t{count} * kElementSize;
    // element() reports an element that does not fit into the page.
    for (std::uint32_t i = 0; i < count && wanted <= bytes.size(); ++i) {
        const std::size_t at = kPageHeaderSize + std::size_t{i} * kElementSize;
        if (at + u32_at(bytes, at + (leaf ? 4 : 0)) != wanted) {
            if (i == 0)
                return fail(corrupt(page.id, 10,
                                    fmt::format("{} elements, and the first key does not follow them", count)));
            return fail(corrupt(page.id, at, fmt::format("element {} does not follow the one before it", i)));
        }
        wanted += std::uint64_t{u32_at(bytes, at + (leaf ? 8 : 4))} + (leaf ? u32_at(bytes, at + 12) : 0);
    }
    return {};
}

void File::prefetch(const std::vector<std::uint64_t>& ids) const {
    const std::size_t most = kPrefetchBytes / page_size_;
    for (std::size_t i = 0; i < ids.size();) {
        std::size_t end = i + 1;
        while (end < ids.size() && end - i < most && ids[end] == ids[end - 1] + 1)
            ++end;
        ::posix_fadvise(file_.get(), static_cast<off_t>(ids[i] * page_size_),
                        static_cast<off_t>((end - i) * page_size_), POSIX_FADV_WILLNEED);
        i = end;
    }
}

Result<Element> File::element(const Page& page, std::uint32_t index) const {
    const BytesView bytes = page.bytes;
    const std::size_t at = kPageHeaderSize + std::size_t{index} * kElementSize;
    const bool leaf = page.header.flags == leaf_page;
    const std::size_t elements_end = kPageHeaderSize + std::size_t{page.header.count} * kElementSize;
    const std::uint64_t position = at + std::uint64_t{u32_at(bytes, at + (leaf ? 4 : 0))};
    const std::uint64_t key_size = u32_at(bytes, at + (leaf ? 8 : 4));
    const std::uint64_t value_size = leaf ? u32_at(bytes, at + 12) : 0;
    if (position < elements_end || position > bytes.size()) {
        return fail(corrupt(page.id, at,
                            fmt::format("element {}: its data is at {} of {}", index, position, bytes.size())));
    }
    if (key_size > kMaxKeyBytes || key_size > bytes.size() - position) {
        return fail(
            corrupt(page.id, at, fmt::format("element {}: a key of {} bytes does not fit", index, key_size)));
    }
    if (value_size > kMaxValueBytes || value_size > bytes.size() - position - key_size) {
        return fail(corrupt(page.id, at,
                            fmt::format("element {}: a value of {} bytes does not fit", index, value_size)));
    }
    Element element;
    element.key = bytes.subspan(position, key_size);
    if (leaf) {
        element.flags = u32_at(bytes, at);
        if (element.flags > kLeafIsBucket) {
            return fail(
                corrupt(page.id, at, fmt::format("element {}: unknown flags {:#x}", index, element.flags)));
        }
        element.value = bytes.subspan(position + key_size, value_size);
    } else {
        element.child = u64_at(bytes, at + 8);
    }
    return element;
}

}  // namespace ioswarm::snapshot::bolt
