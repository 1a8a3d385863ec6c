// SPDX-License-Identifier: Apache-2.0
#pragma once

// A Desk whose engine also runs transactions, on a state that the test sets up.

#include <memory>
#include <string>
#include <utility>

#include "core/coordinator/task_run.hpp"
#include "test/core/coordinator/engine_fixture.hpp"
#include "test/support/fake_run_state.hpp"

namespace ioswarm::test {

/// Adds 1 to its slot 0, or reverts if the slot was 9.
inline const std::string kCounterCode = "5f5480600914600f576001015f55005b5f5ffd";
/// Calls the account named in its slot 1 with all its gas: PUSH0 (five times) PUSH1 1 SLOAD GAS CALL STOP.
inline const std::string kForwarderCode = "5f5f5f5f5f6001545af100";

/// A call from account 1 to contract `to`, an account number.
inline PoolActionPtr call_of(std::uint8_t to, std::uint64_t nonce = 0, std::uint64_t gas_limit = 200'000) {
    auto action =
        std::make_shared<PoolAction>(*fake_action({.nonce = nonce, .receiver = to, .kind = "execution"}));
    action->evm_tx = EvmTx{to_hex0x(address_of_number(to).view()), "0", {}, gas_limit, "1"};
    return action;
}

class RunDesk : public Desk {
  public:
    explicit RunDesk(CoordinatorSettings settings = at_level(TaskLevel::l3_full_execute), Log log = {},
                     const evm::ReadingBounds& bounds = {})
        : Desk(settings, std::move(log)), runner(source, bounds) {
        engine->enable_runs();
        AccountState account{1'000'000'000, 0, {}};
        state.set(address_of_number(1), account);
        source.set(address_of_number(1), 1'000'000'000);
        contract(7, kCounterCode);
        source.set_slot(address_of_number(7), 0, 5);
    }

    static CoordinatorSettings at_level(TaskLevel level) {
        CoordinatorSettings settings;
        settings.task_level = level;
        return settings;
    }
    void contract(std::uint8_t number, const std::string& code) {
        source.set(address_of_number(number), 0, 1, code);
        AccountState account{0, 1, Hash256{}};
        account.code_hash->bytes[0] = number;
        state.set(address_of_number(number), account);
    }
    /// Like Desk::poll(), but also makes the runs.
    void poll_and_run(const std::vector<PoolActionPtr>& pending, std::uint64_t height = 100) {
        update(pending, height);
        work_and_run(true);
    }
    void work_and_run(bool polled = false) {
        auto reads = engine->dispatch(polled);
        auto runs = engine->take_runs();
        while (!reads.empty() || !runs.empty()) {
            for (const AccountReadPtr& read : reads)
                engine->reads_done(read, read_accounts(state, *read));
            for (const RunRequestPtr& run : runs)
                engine->run_done(*run, runner.run(executor, *run));
            reads = engine->dispatch();
            runs = engine->take_runs();
        }
    }

    FakeRunState source;
    TaskRunner runner;
    evm::Executor executor;
};

}  // namespace ioswarm::test
