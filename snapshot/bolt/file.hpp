// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/descriptor.hpp"
#include "core/base/result.hpp"
#include "snapshot/bolt/format.hpp"
#include "snapshot/store/lock_wait.hpp"

namespace ioswarm::snapshot::bolt {

/// A page with its overflow, copied completely into our memory.
struct Page {
    std::uint64_t id = 0;
    PageHeader header;
    Bytes bytes;  ///< (overflow + 1) · page size bytes
};

/// One entry of a branch or leaf page. The views point into the page.
struct Element {
    std::uint32_t flags = 0;  ///< in leaves only
    BytesView key;
    BytesView value;          ///< in leaves only
    std::uint64_t child = 0;  ///< in branches only
};

/// Selects one of the file's two meta pages. bbolt writes them in turn, one per transaction.
enum class WhichState {
    newest,  ///< the one of the later transaction, which a node opens
    /// The other one: the previous state. The newest transaction did not overwrite its pages.
    before,
};

/// The file: its meta page, and its other pages one at a time. It reads with pread into our own buffers. So if
/// somebody truncates or rewrites the file meanwhile, the result is an error and never a signal. Everything
/// that it returns was checked against the bounds of the file.
class File {
  public:
    /// Takes a shared flock, waiting as long as `wait` allows (a running node holds an exclusive one). Errors:
    /// not_found, permission_denied, io, try_again (the text names the holder), cancelled, bad_data. With
    /// `before`, not_found also means that there is no second valid meta page.
    [[nodiscard]] static Result<std::unique_ptr<File>> open(const std::string& path, const LockWait& wait,
                                                            WhichState which = WhichState::newest);
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::uint32_t page_size() const noexcept { return page_size_; }
    [[nodiscard]] std::uint64_t size_bytes() const noexcept { return size_; }
    [[nodiscard]] std::uint64_t root_page() const noexcept { return root_; }
    /// The number of pages in use (the high-water mark of the meta page).
    [[nodiscard]] std::uint64_t page_count() const noexcept { return high_water_; }

    /// Reads page `id` into `page`, whose buffer is reused. It must be a branch or a leaf. Errors: bad_data
    /// (the text names page and offset), io.
    [[nodiscard]] Status read(std::uint64_t id, Page& page) const;
    /// Asks the kernel to fetch these pages (ascending ids) in the background. It is only a hint, so errors are
    /// ignored.
    void prefetch(const std::vector<std::uint64_t>& ids) const;
    /// Releases the lock. Error bad_data: a program that ignores the lock, such as a copy that is still being
    /// made, has changed the file since it was opened. The data that was read may then mix two states.
    [[nodiscard]] Status release_lock();

    /// Returns element `index` of a page. Error bad_data when it is outside of the page or above a limit.
    [[nodiscard]] Result<Element> element(const Page& page, std::uint32_t index) const;
    /// Makes a bad_data error for a byte of a page: "page 17: offset 0x11010: why".
    [[nodiscard]] Error corrupt(std::uint64_t page_id, std::size_t offset_in_page, std::string why) const;

  private:
    File(std::string path, Descriptor file, WhichState which)
        : path_(std::move(path)), file_(std::move(file)), which_(which) {}
    [[nodiscard]] Status lock(const LockWait& wait);
    [[nodiscard]] Status read_meta();
    [[nodiscard]] Status check_unchanged() const;
    [[nodiscard]] Status check_layout(const Page& page) const;
    [[nodiscard]] Status read_at(std::uint64_t offset, std::span<std::uint8_t> out) const;

    std::string path_;
    Descriptor file_;
    WhichState which_;
    bool locked_ = false;
    std::uint64_t size_ = 0;
    std::uint32_t page_size_ = 0;
    std::uint64_t root_ = 0;
    std::uint64_t high_water_ = 0;
    std::uint64_t txid_ = 0;
};

}  // namespace ioswarm::snapshot::bolt
