// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/evm/outcome.hpp"

namespace ioswarm::evm {

/// The chain's precompiled contract 0x8002: scrypt (RFC 7914) over ABI-encoded arguments, with the key reversed
/// and, for a mode other than 0, one word changed after mixing. Its gas does not cover its cost, so what would
/// take more than 64 MiB of memory, or as much mixing as 256 MiB of it, is Failure::not_simulated.
/// Failure::precompile: arguments that scrypt does not take.
[[nodiscard]] Failure scrypt_precompile(BytesView input, Bytes& output);

}  // namespace ioswarm::evm
