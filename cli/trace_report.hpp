// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>

#include "core/evm/reading.hpp"

namespace ioswarm::cli {

/// The result of `ioswarm trace`, and the state that it ran over.
struct TraceReport {
    std::string subject;  ///< the transaction's hash, or "call"
    std::string kind;     ///< "execution", "creation" or "transfer" (which does not run in the virtual machine)
    std::string rules;    ///< "cancun", "prague" or "agent"
    std::uint64_t state_height = 0;
    std::uint64_t block_height = 0;  ///< height of the block that the transaction runs in
    evm::Reading reading;
};

/// Prints the report for people: one line each for status, gas and output, then accounts, slots, logs,
/// transfers and changes.
void print_trace(std::ostream& out, const TraceReport& report);
/// Prints one JSON object on one line.
void print_trace_json(std::ostream& out, const TraceReport& report);

}  // namespace ioswarm::cli
