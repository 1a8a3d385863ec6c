// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "snapshot/bolt/format.hpp"
#include "snapshot/store/lock_wait.hpp"

namespace ioswarm::snapshot::bolt {

/// A page with its overflow, read whole into memory of ours.
struct Page {
    std::uint64_t id = 0;
    PageHeader header;
    Bytes bytes;  ///< (overflow + 1) · page size
};

/// One entry of a branch or leaf page; views point into the page.
struct Element {
    std::uint32_t flags = 0;  ///< leaf only
    BytesView key;
    BytesView value;          ///< leaf only
    std::uint64_t child = 0;  ///< branch only
};

/// Which of the file's two meta pages counts: bbolt writes them in turn, one per transaction.
enum class WhichState {
    newest,  ///< of the higher transaction: what a node opens
    before,  ///< the other one: the state before, whose pages the newest transaction did not write over
};

/// The file: its meta, and its pages one at a time. Reads with pread into own buffers, so that a file truncated
/// or rewritten under us is an error and never a signal. Everything it gives was checked against the file's
/// bounds.
class File {
  public:
    /// Takes a shared flock, waiting for it as `wait` says (a node holds an exclusive one while it runs).
    /// Errors: not_found, permission_denied, io, try_again (names the holder), cancelled, bad_data.
    /// `before` where there is no second valid meta: not_found.
    [[nodiscard]] static Result<std::unique_ptr<File>> open(const std::string& path, const LockWait& wait,
                                                            WhichState which = WhichState::newest);
    ~File();
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::uint32_t page_size() const noexcept { return page_size_; }
    [[nodiscard]] std::uint64_t size_bytes() const noexcept { return size_; }
    [[nodiscard]] std::uint64_t root_page() const noexcept { return root_; }
    /// Pages in use: the meta's high-water mark.
    [[nodiscard]] std::uint64_t page_count() const noexcept { return high_water_; }

    /// Reads page `id` into `page` (whose buffer is reused): a branch or a leaf, nothing else.
    /// Error bad_data names page and offset; io.
    [[nodiscard]] Status read(std::uint64_t id, Page& page) const;
    /// Asks the kernel to fetch these pages (ids ascending) while we do something else. A hint: errors are
    /// ignored.
    void prefetch(const std::vector<std::uint64_t>& ids) const;
    /// Drops the lock. Error bad_data: a writer that heeds no lock, such as a copy that is still being made,
    /// has changed the file since it was opened, so that what was read may be of two states.
    [[nodiscard]] Status release_lock();

    /// Element `index` of a page; Error bad_data when it lies outside the page or passes a bound.
    [[nodiscard]] Result<Element> element(const Page& page, std::uint32_t index) const;
    /// bad_data at a byte of a page: "page 17: offset 0x11010: why".
    [[nodiscard]] Error corrupt(std::uint64_t page_id, std::size_t offset_in_page, std::string why) const;

  private:
    File(std::string path, int fd, WhichState which) : path_(std::move(path)), fd_(fd), which_(which) {}
    [[nodiscard]] Status lock(const LockWait& wait);
    [[nodiscard]] Status read_meta();
    [[nodiscard]] Status check_unchanged() const;
    [[nodiscard]] Status check_layout(const Page& page) const;
    [[nodiscard]] Status read_at(std::uint64_t offset, std::span<std::uint8_t> out) const;

    std::string path_;
    int fd_;
    WhichState which_;
    bool locked_ = false;
    std::uint64_t size_ = 0;
    std::uint32_t page_size_ = 0;
    std::uint64_t root_ = 0;
    std::uint64_t high_water_ = 0;
    std::uint64_t txid_ = 0;
};

}  // namespace ioswarm::snapshot::bolt
