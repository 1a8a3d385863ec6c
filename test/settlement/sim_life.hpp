// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>

#include "core/ports/clock.hpp"
#include "test/settlement/sim_endpoint.hpp"
#include "test/settlement/sim_ledger.hpp"
#include "test/settlement/sim_process.hpp"
#include "test/settlement/sim_truth.hpp"

namespace ioswarm::test {

/// Both clocks. Only the simulation moves them.
class SimClock final : public Clock {
  public:
    [[nodiscard]] Steady steady() const override { return steady_; }
    [[nodiscard]] Wall wall() const override { return wall_; }
    void advance(std::chrono::milliseconds by) {
        steady_ += by;
        wall_ += by;
    }
    void jump(std::chrono::seconds by) { wall_ += by; }

  private:
    Steady steady_{std::chrono::seconds(1'000)};
    Wall wall_{std::chrono::seconds(1'767'225'600)};
};

[[nodiscard]] std::string sim_agent_name(std::uint64_t number);
[[nodiscard]] Address sim_wallet(std::uint64_t number);

/// One lifetime: a chain, a ledger, agents, and the settler between them, which is killed and restarted.
class SimLife {
  public:
    SimLife(std::uint64_t seed, SimMutant mutant, bool verbose);
    ~SimLife();
    SimLife(const SimLife&) = delete;
    SimLife& operator=(const SimLife&) = delete;

    [[nodiscard]] SimReport run();

  private:
    // The world:
    void build();
    void pass_blocks(std::uint64_t blocks);
    void close_due_epoch();
    void close_epoch(bool generous);
    void name_wallets(bool all);
    void something_happens();
    void break_an_endpoint();
    void break_the_chain();
    void break_the_machine();
    void reorganise();
    void heal();
    void use_the_key_elsewhere();
    void keep_a_copy();
    void put_the_copy_back();
    [[nodiscard]] std::uint64_t last_final_block();

    // Rare events:
    [[nodiscard]] bool extra_can_happen();
    void extra_may_happen();
    [[nodiscard]] bool nothing_is_under_way();
    void flip_bits();
    void flip_in_wal();
    void miss_the_file();
    void put_an_older_copy();
    bool rebuild_the_file();
    void start_a_second_settler();
    void pay_from_a_copy();
    void change_weights();
    void sleep_through_epochs();
    void close_with_many_agents();
    void price_stays_above_cap();
    void owe_too_much();
    [[nodiscard]] static Address pool_address();

    // The process:
    void tick();
    void start();
    void step();
    void kill(const char* at);
    void end_process();
    void close_files();
    void ended_with(const Error& error);
    void after_step(const settlement::SettlerStep& step);
    void operator_looks();
    void follow_hint(const Error& refusal);
    void halt_is_over();
    void operator_unsticks();
    void use_free_nonce();
    void serve_marks();
    void around_request(const RpcCall& call, bool after);
    void at_failpoint(const char* name);
    [[nodiscard]] bool dies_now();

    // The end:
    void settle_down();
    void lift_hold(const settlement::Hold& hold);
    void say(const std::string& text) const;

    SimRandom random_;
    SimRandom extra_random_;  ///< apart, so that rare events change nothing in the other lifetimes
    SimSetup setup_;
    SimExtra extra_;
    std::uint64_t extra_at_;  ///< number of epochs before it happens
    bool extra_done_ = false;
    bool in_copy_ = false;      ///< the steps are those of a copied data directory
    bool was_flipped_ = false;  ///< settlement.db has a flipped bit that open() did not notice
    SimMutant mutant_;
    bool verbose_;
    SimReport report_;
    SimTrace trace_;
    std::filesystem::path dir_;
    std::filesystem::path copy_;
    SimClock clock_;
    FakeChain chain_;
    std::shared_ptr<FakePoolWorld> pool_world_ = std::make_shared<FakePoolWorld>();
    SimLedger ledger_;
    std::array<SimEndpointFaults, 2> endpoint_faults_;
    SimWire wire_;
    std::unique_ptr<SimTruth> truth_;
    SimProcessWorld process_world_;
    std::unique_ptr<SimProcess> process_;
    std::unique_ptr<settlement::SettlementStore> left_open_;  ///< settlement.db, between two processes
    std::uint64_t ends_ = 0;                                  ///< of processes
    bool calm_ = false;                                       ///< nothing goes wrong any more
    bool killed_at_given_up_ = false;
    std::uint64_t given_up_at_ = 0;  ///< the tip when an operator last gave up a payment's nonce
    bool over_ = false;              ///< nothing more can be tested in this lifetime
    bool halted_ = false;
    int refused_resumes_ = 0;  ///< in a row, because something was settled that settlement.db does not know
    std::uint64_t down_ticks_ = 0;  ///< ticks until the process is started again
    std::uint64_t fragile_ = 0;     ///< number of steps after a start in which a kill is likely
    std::uint64_t kills_left_ = 0;
    std::uint64_t next_close_ = 0;  ///< height at which the next epoch closes
    std::uint64_t paid_position_ = 0;
    std::uint64_t copied_at_steps_ = 0;
    // Set when something happened that may correctly end in a halt:
    bool may_halt_foreign_ = false;
    bool may_halt_reverted_ = false;
    bool may_halt_ledger_ = false;
    bool was_foreign_ = false;
    bool was_restored_ = false;
    bool disk_was_full_ = false;
    settlement::SettlerStep last_step_;
};

}  // namespace ioswarm::test
