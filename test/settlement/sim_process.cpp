// SPDX-License-Identifier: Apache-2.0
#include "test/settlement/sim_process.hpp"

#include "contracts/keystore.hpp"
#include "test/settlement/sim_mutants.hpp"

namespace ioswarm::test {

using settlement::SettlementStore;

PrivateKey sim_key() {
    static const PrivateKey key = contracts::key_from_hex(std::string(64, '7')).value();
    return key;
}

Result<std::unique_ptr<SimProcess>> SimProcess::start(const SimProcessWorld& world,
                                                      std::unique_ptr<SettlementStore> left_open) {
    if (left_open) return std::unique_ptr<SimProcess>(new SimProcess(world, std::move(left_open)));
    if (Status spoiled = spoil_file(world.mutant, world.dir); !spoiled) return fail(spoiled.error());
    auto store = SettlementStore::open(world.dir);
    if (!store) return fail(std::move(store).error());
    return std::unique_ptr<SimProcess>(new SimProcess(world, std::move(*store)));
}

std::unique_ptr<SettlementStore> SimProcess::end(std::unique_ptr<SimProcess> process) {
    auto out = std::move(process->store_);
    process.reset();
    return out;
}

SimProcess::SimProcess(const SimProcessWorld& world, std::unique_ptr<SettlementStore> store)
    : store_(std::move(store)),
      faulty_store_(faulty_store(world.mutant, *store_)),
      faulty_payouts_(faulty_payouts(world.mutant, *world.payouts)),
      chain_(faulty_endpoints(world.mutant, world.endpoints()), store_->identity().chain_id),
      signer_(sim_key(), store_->identity(), world.settings.limits),
      settler_(faulty_store_ ? *faulty_store_ : *store_, faulty_payouts_ ? *faulty_payouts_ : *world.payouts,
               chain_, signer_, faulty_settings(world.mutant, world.settings), *world.clock, world.log) {}

}  // namespace ioswarm::test
