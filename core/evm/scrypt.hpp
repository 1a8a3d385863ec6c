// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/evm/outcome.hpp"

namespace ioswarm::evm {

/// The chain's precompiled contract 0x8002: scrypt (RFC 7914) over ABI-encoded arguments, with the key
/// reversed. For a mode other than 0 one word is changed after mixing. Its gas does not cover its cost. So a
/// call that would need more than 64 MiB of memory, or as much mixing as 256 MiB of it, gives
/// Failure::not_simulated. Arguments that scrypt does not accept give Failure::precompile.
[[nodiscard]] Failure scrypt_precompile(BytesView input, Bytes& output);

}  // namespace ioswarm::evm
