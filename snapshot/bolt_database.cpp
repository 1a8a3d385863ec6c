// SPDX-License-Identifier: Apache-2.0
#include "snapshot/bolt_database.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "core/base/text.hpp"
#include "snapshot/bolt_tree.hpp"

namespace ioswarm::snapshot {
namespace {

using namespace bolt;

/// A node has some twenty namespaces, and one a contract-staking contract.
constexpr std::size_t kMaxBuckets = 10'000;
/// The name of the one bucket of files from before namespaces: a 20-byte hash.
constexpr std::size_t kLegacyNameBytes = 20;

/// Where a bucket's records are: a tree of its own, or a leaf inside the value that names it.
struct Bucket {
    std::uint64_t root = 0;
    std::optional<Page> inline_page;
};

bool less(BytesView a, BytesView b) noexcept {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

/// Records of one bucket, in key order, nested buckets left out.
class BucketCursor final : public NamespaceCursor {
  public:
    BucketCursor(const File& file, const Bucket& bucket) : file_(file) {
        if (bucket.inline_page) {
            page_ = &*bucket.inline_page;
        } else {
            walker_.emplace(file, bucket.root);
        }
    }

    bool next(EntryView& entry) override {
        while (status_) {
            if (page_ == nullptr || index_ == page_->header.count) {
                if (!turn_page()) return false;
                continue;
            }
            auto element = file_.element(*page_, index_);
            if (!element) return stop(element.error());
            if (has_previous_ && !less(previous_, element->key)) {
                return stop(file_.corrupt(page_->id, kPageHeaderSize + index_ * kElementSize,
                                          "the keys are not in order"));
            }
            previous_.assign(element->key.begin(), element->key.end());
            has_previous_ = true;
            ++index_;
            if (element->flags == kLeafIsBucket) {
                if (is_bucket(element->value)) continue;
                return stop(file_.corrupt(page_->id, kPageHeaderSize + (index_ - 1) * kElementSize,
                                          "an element that says it is a bucket is none"));
            }
            entry = {element->key, element->value};
            return true;
        }
        return false;
    }

    const Status& status() const override { return status_; }

  private:
    bool stop(Error error) {
        status_ = fail(std::move(error));
        return false;
    }

    /// A value without this shape came to its flag by damage, and would be lost without a word.
    [[nodiscard]] bool is_bucket(BytesView value) const noexcept {
        if (value.size() < kBucketHeaderSize) return false;
        const std::uint64_t root = u64_at(value, 0);
        if (root != 0) return value.size() == kBucketHeaderSize && root >= 2 && root < file_.page_count();
        if (value.size() < kBucketHeaderSize + kPageHeaderSize) return false;
        const PageHeader page = page_header(value.subspan(kBucketHeaderSize));
        return page.id == 0 && page.flags == leaf_page &&
               page.count <= (value.size() - kBucketHeaderSize - kPageHeaderSize) / kElementSize;
    }

    bool turn_page() {
        if (!walker_) return false;
        auto page = walker_->next();
        if (!page) return stop(page.error());
        page_ = *page;
        index_ = 0;
        return page_ != nullptr;
    }

    const File& file_;
    std::optional<LeafWalker> walker_;  // nothing for an inline bucket
    const Page* page_ = nullptr;
    std::uint32_t index_ = 0;
    Bytes previous_;
    bool has_previous_ = false;
    Status status_;
};

class BoltDatabase final : public StateDatabase {
  public:
    explicit BoltDatabase(std::unique_ptr<File> file) : file_(std::move(file)) {}

    Status read_buckets() {
        LeafWalker walker(*file_, file_->root_page());
        for (;;) {
            auto page = walker.next();
            if (!page) return fail(page.error());
            if (*page == nullptr) break;
            for (std::uint32_t i = 0; i < (*page)->header.count; ++i) {
                if (auto added = add_bucket(**page, i); !added) return added;
            }
        }
        if (buckets_.size() == 1 && buckets_.begin()->first.size() == kLegacyNameBytes &&
            buckets_.begin()->first != "staking_contract_meta") {
            return fail(
                ErrorCode::bad_data, "cannot export", file_->path(),
                "the file is of the layout before namespaces: one bucket, named by a hash",
                "start the node once with a current version, so that it brings the file to today's layout");
        }
        return {};
    }

    std::string_view kind() const override { return "boltdb"; }
    std::uint64_t size_bytes() const override { return file_->size_bytes(); }
    void release_lock() override { file_->release_lock(); }

    Result<std::vector<std::string>> namespaces() override {
        std::vector<std::string> names;
        for (const auto& [name, bucket] : buckets_)
            names.push_back(name);
        return names;
    }

    Result<std::unique_ptr<NamespaceCursor>> open_namespace(std::string_view name) override {
        auto bucket = bucket_of(name);
        if (!bucket) return fail(bucket.error());
        return std::make_unique<BucketCursor>(*file_, **bucket);
    }

    Result<Bytes> get(std::string_view name, BytesView key) override {
        auto bucket = bucket_of(name);
        if (!bucket) return fail(bucket.error());
        if ((*bucket)->inline_page) {
            BucketCursor cursor(*file_, **bucket);
            for (EntryView entry; cursor.next(entry);) {
                if (std::equal(entry.key.begin(), entry.key.end(), key.begin(), key.end()))
                    return to_bytes(entry.value);
            }
            if (!cursor.status()) return fail(cursor.status().error());
        } else {
            auto found = find(*file_, (*bucket)->root, key);
            if (!found) return fail(found.error());
            if (*found && (*found)->flags == 0) return std::move((*found)->value);
        }
        return fail(ErrorCode::not_found, "no such key",
                    fmt::format("{}/{}", name, escape_for_display(as_text(key))));
    }

  private:
    Status add_bucket(const Page& page, std::uint32_t index) {
        auto element = file_->element(page, index);
        if (!element) return fail(element.error());
        const std::size_t at = kPageHeaderSize + std::size_t{index} * kElementSize;
        if (element->flags != kLeafIsBucket)
            return {};  // a plain key beside the buckets belongs to no namespace
        if (buckets_.size() == kMaxBuckets) return fail(file_->corrupt(page.id, at, "too many buckets"));
        if (element->value.size() < kBucketHeaderSize) {
            return fail(file_->corrupt(page.id, at, "a bucket without its header"));
        }
        Bucket bucket;
        bucket.root = u64_at(element->value, 0);
        if (bucket.root == 0) {
            Page inlined;
            inlined.id = page.id;
            inlined.bytes = to_bytes(element->value.subspan(kBucketHeaderSize));
            if (inlined.bytes.size() < kPageHeaderSize) {
                return fail(file_->corrupt(page.id, at, "an inline bucket without its page"));
            }
            inlined.header = page_header(inlined.bytes);
            const std::size_t room = (inlined.bytes.size() - kPageHeaderSize) / kElementSize;
            if (inlined.header.flags != leaf_page || inlined.header.count > room) {
                return fail(file_->corrupt(page.id, at, "an inline bucket that is no leaf, or is cut short"));
            }
            bucket.inline_page = std::move(inlined);
        }
        buckets_.insert_or_assign(std::string(as_text(element->key)), std::move(bucket));
        return {};
    }

    Result<const Bucket*> bucket_of(std::string_view name) const {
        const auto it = buckets_.find(name);
        if (it != buckets_.end()) return &it->second;
        std::string known;
        for (const auto& [other, bucket] : buckets_)
            known += (known.empty() ? "" : ", ") + escape_for_display(other);
        return fail(ErrorCode::not_found, "no such namespace", std::string(name), "the file holds: " + known);
    }

    std::unique_ptr<File> file_;
    std::map<std::string, Bucket, std::less<>> buckets_;
};

}  // namespace

Result<std::unique_ptr<StateDatabase>> open_bolt(const std::string& path,
                                                 std::chrono::milliseconds lock_timeout) {
    auto file = File::open(path, lock_timeout);
    if (!file) return fail(file.error());
    auto database = std::make_unique<BoltDatabase>(std::move(*file));
    if (auto buckets = database->read_buckets(); !buckets) return fail(buckets.error());
    return database;
}

}  // namespace ioswarm::snapshot
