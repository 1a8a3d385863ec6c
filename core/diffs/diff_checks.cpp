// SPDX-License-Identifier: Apache-2.0
#include "core/diffs/diff_checks.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "core/base/text.hpp"
#include "core/model/state_digest.hpp"

namespace ioswarm {
namespace {

constexpr std::array<std::string_view, 13> kNamespaces{"Account",
                                                       "Code",
                                                       "Contract",
                                                       "_meta",
                                                       "System",
                                                       "Rewarding",
                                                       "Candidate",
                                                       "CandsMap",
                                                       "Bucket",
                                                       "Staking",
                                                       "StakingView",
                                                       "Preimage",
                                                       "staking_contract_meta"};

}  // namespace

bool is_known_namespace(std::string_view name) noexcept {
    return std::find(kNamespaces.begin(), kNamespaces.end(), name) != kNamespaces.end() ||
           name.starts_with("cs_bucket_");
}

std::string_view nearest_namespace(std::string_view name) {
    constexpr std::size_t kMaxTypos = 2;
    constexpr std::size_t kLongest = 64;  // longer than any namespace; bounds the cost of the comparison
    if (is_known_namespace(name) || name.size() > kLongest) return {};
    const auto in_lower_case = [](std::string_view text) {
        std::string out(text);
        std::transform(out.begin(), out.end(), out.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return out;
    };
    const std::string wanted = in_lower_case(name);
    std::string_view best;
    std::size_t best_distance = std::min(kMaxTypos, name.size() / 2) + 1;
    for (const std::string_view known : kNamespaces) {
        const std::size_t distance = edit_distance(wanted, in_lower_case(known), best_distance);
        if (distance < best_distance) {
            best = known;
            best_distance = distance;
        }
    }
    return best;
}

void DiffChecks::Fault::add(std::string what) {
    if (count++ == 0) first = std::move(what);
}

void DiffChecks::take(const StateDiff& diff) {
    ++diffs_;
    entries_ += diff.entries.size();
    for (const StateDiffEntry& entry : diff.entries) {
        constexpr std::size_t kShown = 64;
        if (!is_known_namespace(entry.ns)) {
            namespaces_.add(fmt::format("'{}' at height {}", entry.ns.substr(0, kShown), diff.height));
        }
        if (entry.write_type > 1) {
            write_types_.add(fmt::format("{} at height {}", entry.write_type, diff.height));
        }
    }
    if (diff.height != expected_)
        heights_.add(fmt::format("{} came where {} was next", diff.height, expected_));
    if (!has_true_digest(diff)) digests_.add(fmt::format("at height {}", diff.height));
    if (diff.height > tip_ && diff.height > last_) ++live_;
    last_ = std::max(last_, diff.height);
    expected_ = diff.height + 1;
}

DiffChecks::Finding DiffChecks::finding(const char* name, const Fault& fault, std::string good) const {
    if (diffs_ == 0) return {name, false, "no diff came"};
    if (fault.count == 0) return {name, true, std::move(good)};
    return {name, false, fmt::format("{} wrong, first {}", fault.count, fault.first)};
}

std::vector<DiffChecks::Finding> DiffChecks::findings() const {
    return {
        finding("namespaces", namespaces_, fmt::format("{} entries, all in known ones", entries_)),
        finding("write_types", write_types_, "all 0 or 1"),
        finding("heights", heights_, fmt::format("{} to {}, each once", from_, last_)),
        finding("digests", digests_, fmt::format("{} of {} right", diffs_, diffs_)),
        {"catch_up", caught_up(),
         caught_up()
             ? fmt::format("{} to {}", from_, tip_)
             : fmt::format("ended at {}, {} was wanted", last_ == 0 ? "nothing" : fmt::to_string(last_), tip_)},
        {"live", live_ > 0, fmt::format("{} diffs after height {}", live_, tip_)},
    };
}

}  // namespace ioswarm
