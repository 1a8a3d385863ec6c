// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/evm/outcome.hpp"
#include "core/evm/run_limits.hpp"

namespace ioswarm::evm {

/// The chain's precompiled contract 0x8002: scrypt (RFC 7914) over ABI-encoded arguments, with the key
/// reversed. For a mode other than 0 one word is changed after mixing. A call that would need more than 64 MiB
/// of memory, or a key of more than 1 MiB, gives Failure::not_simulated. Arguments that scrypt does not accept
/// give Failure::precompile. Gives Failure::out_of_time soon after `watch` is over; its work is the caller's
/// matter.
[[nodiscard]] Failure scrypt_precompile(BytesView input, Bytes& output, const RunWatch& watch);
/// The estimated time of a call in microseconds, which its gas does not pay for. 0 for a call that fails.
[[nodiscard]] std::uint64_t scrypt_work(BytesView input) noexcept;

}  // namespace ioswarm::evm
