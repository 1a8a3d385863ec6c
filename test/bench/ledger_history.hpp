// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/accounting/accounting.hpp"
#include "core/ledger/ledger.hpp"

namespace ioswarm::bench {

/// As real ones are: spread over all 256 bits.
[[nodiscard]] Hash256 hash_of(std::uint64_t number, std::uint64_t kind);

/// `count` answers of one agent of many.
[[nodiscard]] std::vector<Answer> submission(std::uint64_t first, std::uint64_t count);

/// Books as a daemon leaves them that is killed after so many epochs: payouts, work, 20,000 pending answers.
[[nodiscard]] Status write_history(Ledger& ledger, std::uint64_t epochs, std::uint64_t agents);

}  // namespace ioswarm::bench
