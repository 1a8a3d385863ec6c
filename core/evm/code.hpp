// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/base/bytes.hpp"

namespace ioswarm::evm {

/// Marks the places a jump may go to: one bit per byte of code.
using JumpMap = std::vector<std::uint64_t>;
/// Fills `map` for `code`: JUMPDEST (0x5b) outside the data of a PUSH.
void map_jumps(BytesView code, JumpMap& map);

/// How far a PUSH32 at the last byte of code reads past its end.
inline constexpr std::size_t kCodePadding = 33;

/// An account's code, analysed once and shared by everyone who runs it. Never changes.
class Code {
  public:
    explicit Code(BytesView bytes);

    [[nodiscard]] BytesView bytes() const noexcept { return BytesView(padded_).first(size_); }
    /// The bytes, then kCodePadding zeros.
    [[nodiscard]] const std::uint8_t* padded() const noexcept { return padded_.data(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// keccak256 of the bytes.
    [[nodiscard]] const Hash256& hash() const noexcept { return hash_; }
    [[nodiscard]] const JumpMap& jumps() const noexcept { return jumps_; }
    /// EIP-7702: the account named by a delegation (ef0100 and 20 bytes).
    [[nodiscard]] const std::optional<Address>& delegate() const noexcept { return delegate_; }

  private:
    Bytes padded_;
    std::size_t size_;
    Hash256 hash_;
    JumpMap jumps_;
    std::optional<Address> delegate_;
};

using CodePtr = std::shared_ptr<const Code>;

/// The code of a delegation to `account`.
[[nodiscard]] Bytes delegation_to(const Address& account);

}  // namespace ioswarm::evm
