// SPDX-License-Identifier: Apache-2.0
#include "snapshot/compare.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/byte_order.hpp"
#include "core/base/try.hpp"

namespace ioswarm::snapshot {
namespace comparing {
namespace {

constexpr const char* kCannotCompare = "cannot compare";

/// More namespaces than any real snapshot has. A malicious file may name a new one in every entry.
constexpr std::size_t kMaxComparedNamespaces = 1000;

using Names = std::vector<std::string>;

/// One file of a comparison, with its next entry. There is no entry at the end of the file.
struct Side {
    std::unique_ptr<SnapshotReader> reader;
    std::optional<SnapshotReader::Entry> entry;

    Status advance() {
        IOSWARM_TRY(entry, reader->next());
        return {};
    }
};

/// Lists the file's namespaces in their order. Error bad_data: there are too many.
Result<Names> namespaces_of(const std::string& path) {
    IOSWARM_TRY(const auto reader, SnapshotReader::open(path));
    Names names;
    for (;;) {
        IOSWARM_TRY(const auto entry, reader->next());
        if (!entry) return names;
        if (!names.empty() && names.back() == entry->name) continue;
        if (names.size() == kMaxComparedNamespaces)
            return fail(ErrorCode::bad_data, kCannotCompare, path,
                        fmt::format("it has more than {} namespaces", kMaxComparedNamespaces));
        names.emplace_back(entry->name);
    }
}

/// One order that holds for both files: each exports its namespaces in the order that it was asked for.
Result<Names> common_order(const std::string& first, const std::string& second) {
    IOSWARM_TRY(auto order, namespaces_of(first));
    IOSWARM_TRY(const auto others, namespaces_of(second));
    std::size_t next = 0;  // the names of the second file that were looked at come before this index
    for (const std::string& name : others) {
        const auto it = std::find(order.begin(), order.end(), name);
        if (it == order.end()) {
            order.insert(order.begin() + static_cast<std::ptrdiff_t>(next++), name);
            continue;
        }
        const auto at = static_cast<std::size_t>(it - order.begin());
        if (at < next) {
            return fail(ErrorCode::bad_data, kCannotCompare, second,
                        "its namespaces come in another order than the first file's",
                        "export both with the same --namespaces");
        }
        next = at + 1;
    }
    return order;
}

/// Tells which of two entries comes first: by namespace in the common order, then by key.
std::strong_ordering compare_places(const SnapshotReader::Entry& a, const SnapshotReader::Entry& b,
                                    const Names& order) {
    const auto place = [&](std::string_view name) { return std::find(order.begin(), order.end(), name); };
    return a.name == b.name ? compare_bytes(a.key, b.key) : place(a.name) <=> place(b.name);
}

}  // namespace
}  // namespace comparing

Result<Comparison> compare_snapshots(const std::string& first, const std::string& second,
                                     const OnDifference& on_difference) {
    using namespace comparing;
    IOSWARM_TRY(const auto order, common_order(first, second));
    Side a;
    Side b;
    IOSWARM_TRY(a.reader, SnapshotReader::open(first));
    IOSWARM_TRY(b.reader, SnapshotReader::open(second));
    IOSWARM_DO(a.advance());
    IOSWARM_DO(b.advance());
    Comparison out;
    out.height_first = a.reader->height();
    out.height_second = b.reader->height();
    while (a.entry || b.entry) {
        const auto which = !a.entry   ? std::strong_ordering::greater
                           : !b.entry ? std::strong_ordering::less
                                      : compare_places(*a.entry, *b.entry, order);
        if (which < 0) {
            ++out.only_first;
            on_difference(Difference::only_first, *a.entry);
        } else if (which > 0) {
            ++out.only_second;
            on_difference(Difference::only_second, *b.entry);
        } else if (std::ranges::equal(a.entry->value, b.entry->value)) {
            ++out.equal;
        } else {
            ++out.changed;
            on_difference(Difference::changed, *a.entry);
        }
        if (which <= 0) {
            IOSWARM_DO(a.advance());
        }
        if (which >= 0) {
            IOSWARM_DO(b.advance());
        }
    }
    return out;
}

}  // namespace ioswarm::snapshot
