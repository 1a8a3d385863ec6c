// SPDX-License-Identifier: Apache-2.0
#pragma once

// Deliberate faults, as decorators around the settler's dependencies. Each makes the settler behave as if it
// had this fault itself.

#include <memory>
#include <vector>

#include "contracts/rpc_endpoint.hpp"
#include "settlement/settler.hpp"
#include "settlement/store.hpp"
#include "test/settlement/sim_setup.hpp"

namespace ioswarm::test {

/// Returns null when this fault is not in the store. `inner` must outlive the result.
[[nodiscard]] std::unique_ptr<settlement::SettlementStore> faulty_store(SimMutant mutant,
                                                                        settlement::SettlementStore& inner);
[[nodiscard]] std::unique_ptr<settlement::PayoutSource> faulty_payouts(SimMutant mutant,
                                                                       settlement::PayoutSource& inner);
[[nodiscard]] std::vector<std::unique_ptr<contracts::RpcEndpoint>> faulty_endpoints(
    SimMutant mutant, std::vector<std::unique_ptr<contracts::RpcEndpoint>> endpoints);
[[nodiscard]] settlement::SettlerSettings faulty_settings(SimMutant mutant,
                                                          settlement::SettlerSettings settings);
/// Damages settlement.db as the fault requires, before the file is opened.
[[nodiscard]] Status spoil_file(SimMutant mutant, const std::filesystem::path& dir);

}  // namespace ioswarm::test
