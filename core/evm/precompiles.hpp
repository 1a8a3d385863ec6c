// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/evm/outcome.hpp"
#include "core/evm/rules.hpp"

namespace ioswarm::evm {

/// The number of a precompiled contract (the low bytes of its address: 1 to 0x11, 0x8001, 0x8002); nothing for
/// any other address under these rules.
[[nodiscard]] std::optional<unsigned> precompile_id(const Rules& rules, const Address& address) noexcept;
/// Every precompiled contract under these rules.
[[nodiscard]] std::vector<Address> precompile_addresses(const Rules& rules);

/// What a call costs; the largest number when it fits into no 64 bits.
[[nodiscard]] std::uint64_t precompile_gas(unsigned id, BytesView input) noexcept;
/// Runs it; the gas is paid. `output` is set on success only. Failure none, precompile or not_simulated: bn254
/// pairing, point evaluation and BLS12-381 on input that is not refused by its length, scrypt that wants more
/// than 64 MiB, and numbers of more than 64 KiB for modexp.
[[nodiscard]] Failure run_precompile(unsigned id, BytesView input, Bytes& output);

}  // namespace ioswarm::evm
