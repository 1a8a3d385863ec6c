// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "snapshot/pebble/source.hpp"

namespace ioswarm::snapshot::pebble {

/// The content of the database: the newest version of each user key, if that is a value and no newer range
/// deletion covers it. Merges any number of sources with a heap. Its memory does not grow with the data.
class MergedRecords {
  public:
    MergedRecords(std::vector<std::unique_ptr<Source>> sources, std::vector<RangeDeletion> deletions);

    [[nodiscard]] bool next();
    /// Key and value are valid until next().
    [[nodiscard]] BytesView key() const noexcept { return key_; }
    [[nodiscard]] BytesView value() const noexcept { return value_; }
    [[nodiscard]] const Status& status() const noexcept { return status_; }

  private:
    [[nodiscard]] bool advance(Source* source);
    [[nodiscard]] bool advance_last();
    [[nodiscard]] bool is_deleted(const InternalKey& key);

    std::vector<std::unique_ptr<Source>> sources_;
    std::vector<Source*> heap_;             // the source with the smallest key is on top
    Source* last_ = nullptr;                // the source of the current record; it must still be moved on
    std::vector<RangeDeletion> deletions_;  // sorted by start
    std::size_t next_deletion_ = 0;
    std::vector<const RangeDeletion*> active_;  // those that cover the current key
    Bytes key_;
    BytesView value_;
    bool any_ = false;
    bool started_ = false;
    Status status_;
};

}  // namespace ioswarm::snapshot::pebble
