// SPDX-License-Identifier: Apache-2.0
#include "snapshot/bolt/bucket.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "core/base/byte_order.hpp"
#include "core/base/try.hpp"

namespace ioswarm::snapshot::bolt {
namespace {

/// A limit. A node has about twenty namespaces, plus one per contract-staking contract.
constexpr std::size_t kMaxBuckets = 10'000;

Status add_bucket(const File& file, const Page& page, std::uint32_t index, Buckets& buckets) {
    IOSWARM_TRY(auto element, file.element(page, index));
    const std::size_t at = kPageHeaderSize + std::size_t{index} * kElementSize;
    if (element.flags != kLeafIsBucket) return {};  // a plain key among the buckets is in no namespace
    if (buckets.size() == kMaxBuckets) return fail(file.corrupt(page.id, at, "too many buckets"));
    if (element.value.size() < kBucketHeaderSize) {
        return fail(file.corrupt(page.id, at, "a bucket without its header"));
    }
    Bucket bucket;
    bucket.root = u64_at(element.value, 0);
    if (bucket.root == 0) {
        Page inlined;
        inlined.id = page.id;
        inlined.bytes = to_bytes(element.value.subspan(kBucketHeaderSize));
        if (inlined.bytes.size() < kPageHeaderSize) {
            return fail(file.corrupt(page.id, at, "an inline bucket without its page"));
        }
        inlined.header = page_header(inlined.bytes);
        const std::size_t room = (inlined.bytes.size() - kPageHeaderSize) / kElementSize;
        if (inlined.header.flags != leaf_page || inlined.header.count > room) {
            return fail(file.corrupt(page.id, at, "an inline bucket that is not a leaf, or is cut short"));
        }
        bucket.inline_page = std::move(inlined);
    }
    if (bucket.root == file.root_page())
        return fail(file.corrupt(page.id, at, "a bucket that contains itself"));
    buckets.insert_or_assign(std::string(as_text(element.key)), std::move(bucket));
    return {};
}

/// Returns the first or the last leaf of a tree.
Result<Page> edge_leaf(const File& file, std::uint64_t root, bool last) {
    Page page;
    std::uint64_t id = root;
    for (std::size_t depth = 0; depth <= kMaxDepth; ++depth) {
        IOSWARM_DO(file.read(id, page));
        if (page.header.flags == leaf_page) return page;
        if (page.header.count == 0) return fail(file.corrupt(id, 10, "a branch without children"));
        IOSWARM_TRY(auto child, file.element(page, last ? page.header.count - 1U : 0U));
        id = child.child;
    }
    return fail(file.corrupt(root, 0, "the tree is too deep, or a cycle"));
}

}  // namespace

Result<Buckets> read_buckets(const File& file) {
    Buckets buckets;
    LeafWalker walker(file, file.root_page());
    for (;;) {
        IOSWARM_TRY(auto page, walker.next());
        if (page == nullptr) return buckets;
        for (std::uint32_t i = 0; i < page->header.count; ++i) {
            IOSWARM_DO(add_bucket(file, *page, i, buckets));
        }
    }
}

Result<std::optional<std::pair<Bytes, Bytes>>> edge_keys(const File& file, const Bucket& bucket) {
    std::pair<Bytes, Bytes> keys;
    for (const bool last : {false, true}) {
        IOSWARM_TRY(auto page, bucket.inline_page ? Result<Page>(*bucket.inline_page)
                                                  : edge_leaf(file, bucket.root, last));
        if (page.header.count == 0) return std::optional<std::pair<Bytes, Bytes>>();
        IOSWARM_TRY(auto element, file.element(page, last ? page.header.count - 1U : 0U));
        (last ? keys.second : keys.first) = to_bytes(element.key);
    }
    return keys;
}

BucketCursor::BucketCursor(const File& file, const Bucket& bucket) : file_(file) {
    if (bucket.inline_page) {
        page_ = &*bucket.inline_page;
    } else {
        walker_.emplace(file, bucket.root);
    }
}

bool BucketCursor::next(EntryView& entry) {
    while (status_) {
        if (page_ == nullptr || index_ == page_->header.count) {
            if (!turn_page()) return false;
            continue;
        }
        auto element = file_.element(*page_, index_);
        if (!element) return stop(element.error());
        if (has_previous_ && !bytes_less(previous_, element->key)) {
            return stop(
                file_.corrupt(page_->id, kPageHeaderSize + index_ * kElementSize, "the keys are not in order"));
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

bool BucketCursor::stop(Error error) {
    status_ = fail(std::move(error));
    return false;
}

/// Checks that a value flagged as a bucket has the form of one. Otherwise the flag is damage, and without this
/// check the value would be lost silently.
bool BucketCursor::is_bucket(BytesView value) const noexcept {
    if (value.size() < kBucketHeaderSize) return false;
    const std::uint64_t root = u64_at(value, 0);
    if (root != 0) return value.size() == kBucketHeaderSize && root >= 2 && root < file_.page_count();
    if (value.size() < kBucketHeaderSize + kPageHeaderSize) return false;
    const PageHeader page = page_header(value.subspan(kBucketHeaderSize));
    return page.id == 0 && page.flags == leaf_page &&
           page.count <= (value.size() - kBucketHeaderSize - kPageHeaderSize) / kElementSize;
}

bool BucketCursor::turn_page() {
    if (!walker_) return false;
    auto page = walker_->next();
    if (!page) return stop(page.error());
    page_ = *page;
    index_ = 0;
    return page_ != nullptr;
}

}  // namespace ioswarm::snapshot::bolt
