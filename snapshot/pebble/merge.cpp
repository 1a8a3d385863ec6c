// SPDX-License-Identifier: Apache-2.0
#include "snapshot/pebble/merge.hpp"

#include <algorithm>

namespace ioswarm::snapshot::pebble {
namespace {

/// std::push_heap puts the largest element on top, but the smallest record must come next.
bool later(const Source* a, const Source* b) noexcept {
    return compare(a->key(), b->key()) > 0;
}

}  // namespace

MergedRecords::MergedRecords(std::vector<std::unique_ptr<Source>> sources, std::vector<RangeDeletion> deletions)
    : sources_(std::move(sources)), deletions_(std::move(deletions)) {
    std::sort(deletions_.begin(), deletions_.end(),
              [](const RangeDeletion& a, const RangeDeletion& b) { return compare(a.start, b.start) < 0; });
}

bool MergedRecords::advance(Source* source) {
    if (source->next()) {
        heap_.push_back(source);
        std::push_heap(heap_.begin(), heap_.end(), later);
        return true;
    }
    if (!source->status()) status_ = source->status();
    return static_cast<bool>(status_);
}

bool MergedRecords::advance_last() {
    Source* source = last_;
    last_ = nullptr;
    return source == nullptr || advance(source);
}

bool MergedRecords::next() {
    if (!status_) return false;
    if (!started_) {
        started_ = true;
        for (const auto& source : sources_) {
            if (!advance(source.get())) return false;
        }
    }
    for (;;) {
        if (!advance_last() || heap_.empty()) return false;
        std::pop_heap(heap_.begin(), heap_.end(), later);
        last_ = heap_.back();
        heap_.pop_back();
        const InternalKey& version = last_->key();
        if (any_ && compare(key_, version.user) == 0) continue;  // older than the version that was used
        any_ = true;
        key_.assign(version.user.begin(), version.user.end());
        if (version.kind() == kind_delete || version.kind() == kind_single_delete || is_deleted(version))
            continue;
        value_ = last_->value();
        return true;
    }
}

bool MergedRecords::is_deleted(const InternalKey& key) {
    while (next_deletion_ < deletions_.size() && compare(deletions_[next_deletion_].start, key.user) <= 0) {
        active_.push_back(&deletions_[next_deletion_++]);
    }
    if (active_.empty()) return false;
    std::erase_if(active_, [&](const RangeDeletion* deletion) {
        if (compare(key.user, deletion->end) >= 0) return true;
        if (!deletion->last) return false;
        const int order = compare(key.user, *deletion->last);
        return order > 0 || (order == 0 && !deletion->last_included);
    });
    return std::any_of(active_.begin(), active_.end(),
                       [&](const RangeDeletion* deletion) { return deletion->sequence > key.sequence(); });
}

}  // namespace ioswarm::snapshot::pebble
