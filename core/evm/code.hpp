// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/base/bytes.hpp"

namespace ioswarm::evm {

/// Marks the bytes of code that a jump may go to: one bit per byte.
using JumpMap = std::vector<std::uint64_t>;
/// Fills `map` for `code`: it marks each JUMPDEST (0x5b) that is not part of the data of a PUSH.
void map_jumps(BytesView code, JumpMap& map);

/// Enough padding for a PUSH32 at the last byte of code to read past its end.
inline constexpr std::size_t kCodePadding = 33;

/// An account's code. It is analysed once, shared by everyone who runs it, and never changes.
class Code {
  public:
    explicit Code(BytesView bytes);

    [[nodiscard]] BytesView bytes() const noexcept { return BytesView(padded_).first(size_); }
    /// The code, followed by kCodePadding zeros.
    [[nodiscard]] const std::uint8_t* padded() const noexcept { return padded_.data(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// keccak256 of the code.
    [[nodiscard]] const Hash256& hash() const noexcept { return hash_; }
    [[nodiscard]] const JumpMap& jumps() const noexcept { return jumps_; }
    /// EIP-7702: the account that a delegation names (the code is ef0100 and 20 bytes of address).
    [[nodiscard]] const std::optional<Address>& delegate() const noexcept { return delegate_; }

  private:
    Bytes padded_;
    std::size_t size_;
    Hash256 hash_;
    JumpMap jumps_;
    std::optional<Address> delegate_;
};

using CodePtr = std::shared_ptr<const Code>;

/// The code that delegates to `account`.
[[nodiscard]] Bytes delegation_to(const Address& account);

}  // namespace ioswarm::evm
