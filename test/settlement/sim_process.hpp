// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "contracts/chain_client.hpp"
#include "settlement/settler.hpp"
#include "settlement/store.hpp"
#include "test/settlement/sim_setup.hpp"

namespace ioswarm::test {

/// The objects that a settler's process needs. All of them outlive the process.
struct SimProcessWorld {
    std::filesystem::path dir;
    settlement::PayoutSource* payouts = nullptr;
    const Clock* clock = nullptr;
    settlement::SettlerSettings settings;
    std::function<std::vector<std::unique_ptr<contracts::RpcEndpoint>>()> endpoints;
    Log log;
    SimMutant mutant = SimMutant::none;
};

/// The key that settles in all lifetimes.
[[nodiscard]] PrivateKey sim_key();

/// The settler as one process runs it: open files, connected endpoints, and no memory of an earlier process.
class SimProcess {
  public:
    /// Opens settlement.db, unless the process before left it open. Errors: those of SettlementStore::open.
    [[nodiscard]] static Result<std::unique_ptr<SimProcess>> start(
        const SimProcessWorld& world, std::unique_ptr<settlement::SettlementStore> left_open = nullptr);
    /// Ends the process, but leaves settlement.db open for the next one.
    [[nodiscard]] static std::unique_ptr<settlement::SettlementStore> end(std::unique_ptr<SimProcess> process);

    [[nodiscard]] Result<settlement::SettlerStep> step() { return settler_.step(); }
    /// The real store, without any deliberate fault.
    [[nodiscard]] settlement::SettlementStore& store() { return *store_; }
    [[nodiscard]] settlement::Settler& settler() { return settler_; }

  private:
    SimProcess(const SimProcessWorld& world, std::unique_ptr<settlement::SettlementStore> store);

    std::unique_ptr<settlement::SettlementStore> store_;
    std::unique_ptr<settlement::SettlementStore> faulty_store_;
    std::unique_ptr<settlement::PayoutSource> faulty_payouts_;
    contracts::ChainClient chain_;
    settlement::SettlementSigner signer_;
    settlement::Settler settler_;
};

}  // namespace ioswarm::test
