// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "snapshot/bolt/tree.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot::bolt {

/// Where a bucket's records are: a tree of its own, or a leaf inside the value that names it.
struct Bucket {
    std::uint64_t root = 0;
    std::optional<Page> inline_page;
};
using Buckets = std::map<std::string, Bucket, std::less<>>;

/// The buckets of the root. Errors: bad_data, io.
[[nodiscard]] Result<Buckets> read_buckets(const File& file);

/// Lowest and highest key of a bucket, nothing when it is empty. Errors: bad_data, io.
[[nodiscard]] Result<std::optional<std::pair<Bytes, Bytes>>> edge_keys(const File& file, const Bucket& bucket);

/// Records of one bucket, in key order, nested buckets left out. File and bucket must outlive it.
class BucketCursor final : public NamespaceCursor {
  public:
    BucketCursor(const File& file, const Bucket& bucket);

    bool next(EntryView& entry) override;
    const Status& status() const override { return status_; }
    /// Of the record that next() gave last, for messages.
    [[nodiscard]] std::uint64_t page_id() const noexcept { return page_ == nullptr ? 0 : page_->id; }

  private:
    bool stop(Error error);
    [[nodiscard]] bool is_bucket(BytesView value) const noexcept;
    bool turn_page();

    const File& file_;
    std::optional<LeafWalker> walker_;  // nothing for an inline bucket
    const Page* page_ = nullptr;
    std::uint32_t index_ = 0;
    Bytes previous_;
    bool has_previous_ = false;
    Status status_;
};

}  // namespace ioswarm::snapshot::bolt
