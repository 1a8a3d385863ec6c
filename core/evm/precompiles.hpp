// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/evm/outcome.hpp"
#include "core/evm/rules.hpp"
#include "core/evm/run_limits.hpp"

namespace ioswarm::evm {

/// The number of a precompiled contract, which is the last bytes of its address: 1 to 0x11, 0x8001, 0x8002.
/// Nothing when the address is not precompiled under these rules.
[[nodiscard]] std::optional<unsigned> precompile_id(const Rules& rules, const Address& address) noexcept;
/// The addresses of all precompiled contracts under these rules.
[[nodiscard]] std::vector<Address> precompile_addresses(const Rules& rules);

/// The price of a call in gas; the largest number if the price does not fit into 64 bits.
[[nodiscard]] std::uint64_t precompile_gas(unsigned id, BytesView input) noexcept;
/// An estimate of the time that a call takes, in microseconds of one core. It depends on the input alone.
[[nodiscard]] std::uint64_t precompile_work(unsigned id, BytesView input) noexcept;
/// Runs the contract; the caller has charged the gas. `output` is set only on success. The work that the gas
/// does not pay for is taken from `watch`. Returns Failure::none, precompile, not_simulated, too_much_work or
/// out_of_time. not_simulated applies to bn254 pairing, point evaluation and BLS12-381 with an input whose
/// length is right, to scrypt that needs more than 64 MiB, and to modexp with numbers of more than 64 KiB.
[[nodiscard]] Failure run_precompile(unsigned id, BytesView input, Bytes& output, RunWatch& watch);

}  // namespace ioswarm::evm
