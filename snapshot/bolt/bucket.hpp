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

/// The place of a bucket's records: a separate tree, or a leaf inside the value that names the bucket.
struct Bucket {
    std::uint64_t root = 0;
    std::optional<Page> inline_page;
};
using Buckets = std::map<std::string, Bucket, std::less<>>;

/// The top-level buckets. Errors: bad_data, io.
[[nodiscard]] Result<Buckets> read_buckets(const File& file);

/// The lowest and the highest key of a bucket; nothing when it is empty. Errors: bad_data, io.
[[nodiscard]] Result<std::optional<std::pair<Bytes, Bytes>>> edge_keys(const File& file, const Bucket& bucket);

/// The records of one bucket in key order, without nested buckets. File and bucket must outlive it.
class BucketCursor final : public NamespaceCursor {
  public:
    BucketCursor(const File& file, const Bucket& bucket);

    bool next(EntryView& entry) override;
    const Status& status() const override { return status_; }
    /// The page of the record that next() returned last, for messages.
    [[nodiscard]] std::uint64_t page_id() const noexcept { return page_ == nullptr ? 0 : page_->id; }

  private:
    bool stop(Error error);
    [[nodiscard]] bool is_bucket(BytesView value) const noexcept;
    bool turn_page();

    const File& file_;
    std::optional<LeafWalker> walker_;  // nothing when the bucket is inline
    const Page* page_ = nullptr;
    std::uint32_t index_ = 0;
    Bytes previous_;
    bool has_previous_ = false;
    Status status_;
};

}  // namespace ioswarm::snapshot::bolt
