// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>

#include "core/evm/reading.hpp"

namespace ioswarm::cli {

/// What `ioswarm trace` found out, and over which state.
struct TraceReport {
    std::string subject;  ///< the transaction's hash, or "call"
    std::string kind;     ///< "execution", "creation" or "transfer" (which never enters the virtual machine)
    std::string rules;    ///< "cancun", "prague" or "agent"
    std::uint64_t state_height = 0;
    std::uint64_t block_height = 0;  ///< of the block that the transaction runs in
    evm::Reading reading;
};

/// For people: a line each for status, gas and output, then accounts, slots, logs, transfers and changes.
void print_trace(std::ostream& out, const TraceReport& report);
/// One JSON object on one line.
void print_trace_json(std::ostream& out, const TraceReport& report);

}  // namespace ioswarm::cli
