// SPDX-License-Identifier: Apache-2.0
#include "core/sim/l4_state.hpp"

#include <algorithm>
#include <array>

#include "core/crypto/keccak.hpp"
#include "core/model/state_digest.hpp"

namespace ioswarm::sim {

namespace {

constexpr std::uint32_t kDelete = 1;

void hash_number(Keccak256& hash, std::uint64_t number) {
    std::array<std::uint8_t, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
    hash.update(bytes);
}

void hash_bytes(Keccak256& hash, BytesView bytes) {
    hash_number(hash, bytes.size());
    hash.update(bytes);
}

Error refused(ErrorCode code, std::uint64_t height, std::string why) {
    return {code, "cannot apply the state diff", std::to_string(height), std::move(why), {}};
}

}  // namespace

std::size_t L4State::size() const noexcept {
    std::size_t out = 0;
    for (const auto& [ns, entries] : spaces_)
        out += entries.size();
    return out;
}

Status L4State::apply(const StateDiff& diff) {
    if (diff.height != height_ + 1) {
        return fail(refused(ErrorCode::failed_precondition, diff.height,
                            "the state is at " + std::to_string(height_) + " and needs the one after"));
    }
    const auto known = [](const StateDiffEntry& entry) { return entry.write_type <= kDelete; };
    if (!std::all_of(diff.entries.begin(), diff.entries.end(), known))
        return fail(
            refused(ErrorCode::bad_data, diff.height, "a write type is neither put (0) nor delete (1)"));
    if (!has_true_digest(diff))
        return fail(refused(ErrorCode::bad_data, diff.height, "its digest is not that of its entries"));
    for (const StateDiffEntry& entry : diff.entries) {
        if (entry.write_type != kDelete) {
            spaces_[entry.ns][entry.key] = entry.value;
            continue;
        }
        const auto space = spaces_.find(entry.ns);
        if (space == spaces_.end()) continue;  // deleting a missing key is not an error: nodes do it
        space->second.erase(entry.key);
        if (space->second.empty()) spaces_.erase(space);
    }
    height_ = diff.height;
    return {};
}

void L4State::load(std::string_view ns, BytesView key, BytesView value) {
    auto space = spaces_.find(ns);
    if (space == spaces_.end()) space = spaces_.emplace(ns, Entries{}).first;
    space->second[to_bytes(key)] = to_bytes(value);
}

Hash256 L4State::hash() const {
    Keccak256 hash;
    hash_number(hash, height_);
    for (const auto& [ns, entries] : spaces_) {
        hash_bytes(hash, as_bytes(ns));
        hash_number(hash, entries.size());
        for (const auto& [key, value] : entries) {
            hash_bytes(hash, key);
            hash_bytes(hash, value);
        }
    }
    return hash.finish();
}

}  // namespace ioswarm::sim
