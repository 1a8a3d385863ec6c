// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/accounting/payroll.hpp"
#include "core/ledger/ledger.hpp"

namespace ioswarm::bench {

/// Like real hashes, it is spread over all 256 bits.
[[nodiscard]] Hash256 hash_of(std::uint64_t number, std::uint64_t kind);

/// `count` answers of one of many agents.
[[nodiscard]] std::vector<Answer> submission(std::uint64_t first, std::uint64_t count);

/// Writes a ledger as a daemon leaves it when it is killed after this many epochs: payouts, work, 20,000
/// pending answers.
[[nodiscard]] Status write_history(Ledger& ledger, std::uint64_t epochs, std::uint64_t agents);

}  // namespace ioswarm::bench
