// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/bytes.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/sqlite/lock_file.hpp"

namespace ioswarm::cli {

/// Takes the lock of the wallet that settles, which 'ioswarm deploy', 'claim' and 'fund' take too. So a copy of
/// the data directory, or such a command, cannot use the same key at the same time on this machine. It is a
/// second guard: the nonce and the halt after a foreign transaction protect the money without it. So if it
/// cannot be taken for another reason than another process (the home directory cannot be written, for example),
/// the log says so, and the result is empty. Error: try_again (another process holds it; `why` names it).
[[nodiscard]] Result<std::optional<LockFile>> hold_settling_wallet(std::uint64_t chain_id,
                                                                   const Address& wallet, const Log& log);

}  // namespace ioswarm::cli
