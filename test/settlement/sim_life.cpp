// SPDX-License-Identifier: Apache-2.0
#include "test/settlement/sim_life.hpp"

#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "contracts/gas.hpp"
#include "settlement/failpoint.hpp"
#include "settlement/view.hpp"
#include "test/settlement/sim_disk.hpp"
#include "test/settlement/sim_faults.hpp"

namespace ioswarm::test {

using settlement::HaltReason;
using settlement::SettlementStore;
using State = settlement::SettlerStep::State;

namespace {

std::map<std::string, SimFailpoint>& failpoint_counts() {
    static std::map<std::string, SimFailpoint> counts;
    return counts;
}

}  // namespace

const std::map<std::string, SimFailpoint>& sim_failpoints() {
    return failpoint_counts();
}

SimReport sim_live(std::uint64_t seed, SimMutant mutant, bool verbose) {
    SimLife life(seed, mutant, verbose);
    return life.run();
}

SimLife::~SimLife() {
    settlement::set_failpoint_hook({});
    sim_disk().dead = false;
    sim_disk().repair();
    close_files();
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
}

SimReport SimLife::run() {
    try {
        build();
        while (!over_ && ledger_.epochs().size() < setup_.epochs && truth_->violation().empty())
            tick();
        if (!over_ && truth_->violation().empty()) settle_down();
        if (!over_ && truth_->violation().empty() && extra_ == SimExtra::huge_payout) owe_too_much();
    } catch (const SimCrash& crash) {
        truth_->violated(std::string("a crash was not caught: ") + crash.at);
    }
    report_.violation = truth_->violation();
    report_.trace = trace_.hash();
    report_.epochs = ledger_.epochs().size();
    report_.settlements = truth_->settlements();
    report_.reverted = truth_->reverted();
    report_.attempts = truth_->hashes_sent();
    return report_;
}

void SimLife::say(const std::string& text) const {
    if (verbose_) std::printf("%6llu  %s\n", static_cast<unsigned long long>(chain_.tip()), text.c_str());
}

// The process.

void SimLife::tick() {
    close_due_epoch();
    extra_may_happen();
    if (!calm_ && random_.percent(setup_.fault_percent)) something_happens();
    if (!process_) {
        if (down_ticks_ > 0) {
            --down_ticks_;
            pass_blocks(1);
            return;
        }
        start();
    }
    if (process_) step();
}

void SimLife::start() {
    try {
        ++report_.restarts;
        auto made = SimProcess::start(process_world_, std::move(left_open_));
        if (!made) return ended_with(made.error());
        process_ = std::move(*made);
        fragile_ = 3;
    } catch (const SimCrash& crash) {
        kill(crash.at);
    }
}

void SimLife::step() {
    ++report_.steps;
    try {
        auto done = process_->step();
        if (fragile_ > 0) --fragile_;
        if (!done) return ended_with(done.error());
        after_step(*done);
    } catch (const SimCrash& crash) {
        kill(crash.at);
    }
    truth_->check_money();
}

void SimLife::kill(const char* at) {
    say(std::string("killed at ") + at);
    trace_.add(at);
    ++report_.kills;
    if (fragile_ > 0) ++report_.kills_in_recovery;
    sim_disk().dead = true;  // writes of destructors must not reach the file
    end_process();
    sim_disk().dead = false;
    if (extra_ == SimExtra::flipped_wal && !extra_done_ && !halted_ && ledger_.epochs().size() >= extra_at_)
        flip_in_wal();
    down_ticks_ = random_.below(3);
}

/// Opening settlement.db takes a third of a lifetime. So seven of eight ends leave it open for the next
/// process. That loses nothing: no transaction is under way, and everything that the settler knows dies with
/// its objects.
void SimLife::end_process() {
    const bool is_closed = mutant_ != SimMutant::none || extra_ == SimExtra::flipped_wal || ++ends_ % 8 == 0;
    if (process_ && !is_closed) {
        left_open_ = SimProcess::end(std::move(process_));
    } else {
        close_files();
    }
}

void SimLife::close_files() {
    process_.reset();
    left_open_.reset();
}

void SimLife::ended_with(const Error& error) {
    say("ended: " + error.text());
    trace_.add(to_string(error.code));  // without the text, which contains the name of a folder
    close_files();
    sim_disk().repair();
    down_ticks_ = 1 + random_.below(3);
    const bool wrong_chain = endpoint_faults_[0].wrong_chain || endpoint_faults_[1].wrong_chain;
    const bool expected = (error.code == ErrorCode::config && wrong_chain) ||
                          (error.code == ErrorCode::io && disk_was_full_) ||
                          (error.code == ErrorCode::try_again && !calm_);
    if (was_flipped_ && error.code == ErrorCode::data_loss) {
        over_ = true;  // it was found late, and nothing more is paid
        return;
    }
    if (!expected)
        truth_->violated(fmt::format("the settler ended with {}: {}", to_string(error.code), error.text()));
    disk_was_full_ = false;
    if (wrong_chain && random_.one_in(2)) heal();
}

void SimLife::after_step(const settlement::SettlerStep& step) {
    trace_.add(std::to_string(static_cast<int>(step.state)));
    last_step_ = step;
    if (step.state == State::halted) return operator_looks();
    if (step.hold.reason == settlement::HoldReason::nonce_free && random_.one_in(8)) use_free_nonce();
    if (random_.one_in(20)) serve_marks();
    switch (step.state) {
        case State::again:
            if (random_.one_in(6)) pass_blocks(1);
            break;
        case State::waiting:
            if (!calm_ && random_.one_in(60)) operator_unsticks();
            pass_blocks(1);
            break;
        case State::held:
            if (step.hold.reason == settlement::HoldReason::balance) count_fault("the balance is too low");
            if (verbose_) say(fmt::format("held: {}: {}", to_string(step.hold.reason), step.hold.detail));
            pass_blocks(1 + random_.below(4));
            break;
        case State::idle:
            pass_blocks(1 + random_.below(6));
            // As with cron: the process ends when everything is paid.
            if (random_.one_in(3)) end_process();
            break;
        case State::halted:
            break;
    }
}

void SimLife::operator_looks() {
    const auto halt = process_->store().halt();
    if (!halt) return ended_with(halt.error());
    if (!halted_) {
        ++report_.halts;
        say(fmt::format("halted: {}: {}", to_string(halt->reason), halt->detail));
        halted_ = true;
        truth_->halted(true);
        const bool expected = (halt->reason == HaltReason::foreign_transaction && may_halt_foreign_) ||
                              (halt->reason == HaltReason::reverted && may_halt_reverted_) ||
                              (halt->reason == HaltReason::ledger_differs && may_halt_ledger_);
        if (!expected && !was_restored_ && !was_flipped_)
            truth_->violated(
                fmt::format("halted without a cause: {}: {}", to_string(halt->reason), halt->detail));
    }
    pass_blocks(1);
    if (!random_.one_in(4)) {
        if (random_.one_in(3)) end_process();
        return;
    }
    if (was_flipped_) {
        over_ = true;
        return;
    }
    if (was_restored_) {
        // Only a new settlement.db helps. That is not part of this lifetime.
        truth_->check_store(process_->store());
        over_ = true;
        return;
    }
    heal();
    const auto live = process_->store().live_intent();
    if (!live) return ended_with(live.error());
    if (Status resumed = process_->settler().resume(); !resumed) {
        const ErrorCode code = resumed.error().code;
        if (code != ErrorCode::failed_precondition && code != ErrorCode::try_again)
            return ended_with(resumed.error());
        say("the operator cannot resume: " + resumed.error().text());
        return follow_hint(resumed.error());
    }
    say("the operator resumes");
    refused_resumes_ = 0;
    if (*live) {
        // A payment was given up, so its nonce must stay used: that is what the blocks on top of it are for.
        const auto ended = process_->store().intent((*live)->id);
        if (ended && *ended && is_final((**ended).state)) given_up_at_ = chain_.tip();
    }
    halt_is_over();
}

/// `settle resume` was refused. If that does not change, and the message says that only a new settlement.db
/// helps, the operator makes one.
void SimLife::follow_hint(const Error& refusal) {
    constexpr int kRefusals = 3;
    if (refusal.hint.find("'ioswarm settle init --rebuild'") == std::string::npos) return;
    if (++refused_resumes_ < kRefusals) return;
    refused_resumes_ = 0;
    if (rebuild_the_file()) halt_is_over();
}

void SimLife::halt_is_over() {
    ++report_.resumes;
    halted_ = false;
    truth_->halted(false);
    close_files();
}

/// The settler says that a nonce is free which comes before its own. The operator looks whether that is so, and
/// sends another transaction with it.
void SimLife::use_free_nonce() {
    const auto next = process_->store().next_nonce();
    if (!next || chain_.nonce(sim_key().address()) >= *next) return;
    say("a reorganisation freed a nonce that others had used");
    use_the_key_elsewhere();
}

void SimLife::operator_unsticks() {
    using Unstick = settlement::Settler::Unstick;
    const Unstick how = random_.one_in(3) ? Unstick::raise_price : Unstick::replace_by_empty;
    const Status done = process_->settler().unstick(how, setup_.limits.max_gas_price);
    say(done ? "the operator unsticks" : "the operator cannot unstick: " + done.error().text());
}

void SimLife::serve_marks() {
    auto view = settlement::SettlementView::open(dir_);
    if (!view) return;
    const auto paid = (*view)->newly_paid(&paid_position_, 1'000);
    if (!paid) return;
    for (const settlement::PayoutState& one : *paid)
        ledger_.mark_paid(one.payout.epoch, one.payout.agent_id);
}

bool SimLife::dies_now() {
    if (calm_ || in_copy_ || setup_.crash_one_in == 0 || kills_left_ == 0) return false;
    const std::uint64_t odds =
        fragile_ > 0 ? std::max<std::uint64_t>(setup_.crash_one_in / 2, 4) : setup_.crash_one_in;
    if (!random_.one_in(odds)) return false;
    --kills_left_;
    return true;
}

void SimLife::at_failpoint(const char* name) {
    SimFailpoint& count = failpoint_counts()[name];
    ++count.reached;
    trace_.add(name);
    say(std::string("passes ") + name);
    if (in_copy_) return;
    const std::string_view text(name);
    // Only about one in a hundred lifetimes reaches this point, so each of them is killed here once.
    if (text == "given_up" && !killed_at_given_up_) {
        killed_at_given_up_ = true;
        ++count.killed;
        throw SimCrash{name};
    }
    if (calm_ || setup_.crash_one_in == 0 || kills_left_ == 0) return;
    // A settlement passes far fewer failpoints than it makes requests, so a kill at a failpoint is more likely.
    // It is even more likely at those that are rarely passed.
    const bool is_rare = text == "plan_dropped" || text == "halted" || text == "given_up" ||
                         text == "unmined_noted" || text.starts_with("cancel_");
    if (!random_.one_in(is_rare ? 3 : fragile_ > 0 ? 8 : 12)) return;
    --kills_left_;
    ++count.killed;
    throw SimCrash{name};
}

void SimLife::around_request(const RpcCall& call, bool after) {
    if (after && !calm_ && random_.one_in(40)) pass_blocks(1);
    if (dies_now()) throw SimCrash{after ? "the answer" : "a request"};
    if (verbose_ && !after) say("  " + call.method + " " + call.params.substr(0, 100));
}

// The end.

void SimLife::settle_down() {
    heal();
    calm_ = true;
    setup_.crash_one_in = 0;
    chain_.set_rules([](FakeChainRules& rules) { rules.receipt_delay = 0; });
    const U256 more = U256(1'000'000) * contracts::kMinGasPrice * 1'000'000;
    chain_.fund(sim_key().address(), more);
    truth_->funded(more);
    name_wallets(true);
    pass_blocks(12);
    close_epoch(true);
    const std::uint64_t begin = chain_.tip();
    constexpr std::uint64_t kMaxBlocks = 600;
    process_world_.settings.up_to_epoch = ledger_.epochs().size() - 1;
    close_files();
    down_ticks_ = 0;
    std::uint64_t idle = 0;
    while (!over_ && truth_->violation().empty()) {
        if (chain_.tip() > begin + kMaxBlocks) {
            truth_->violated(fmt::format("not everything is final {} blocks after the faults ended ({}: {})",
                                         kMaxBlocks, to_string(last_step_.hold.reason),
                                         last_step_.hold.detail));
            break;
        }
        tick();
        if (!process_) continue;
        if (last_step_.state == State::held) lift_hold(last_step_.hold);
        const bool ends_idle = last_step_.state == State::idle && !halted_;
        if (ends_idle && process_ && truth_->unpaid() == 0) break;
        auto& up_to = process_world_.settings.up_to_epoch;
        if (ends_idle && *up_to + 1 < ledger_.epochs().size()) {
            up_to = ledger_.epochs().size() - 1;  // the older epochs are paid now
            close_files();
        } else {
            idle = ends_idle ? idle + 1 : 0;
        }
        if (idle > 3) truth_->violated("idle, although something is owed");
    }
    if (over_ || !truth_->violation().empty() || !process_) return;
    report_.blocks_to_settle = chain_.tip() - begin;
    truth_->check_store(process_->store());
    truth_->check_all_paid(process_->store());
}

void SimLife::lift_hold(const settlement::Hold& hold) {
    auto& up_to = process_world_.settings.up_to_epoch;
    switch (hold.reason) {
        case settlement::HoldReason::over_day_limit:
            clock_.jump(std::chrono::hours(24));
            break;
        case settlement::HoldReason::over_settlement_limit:
        case settlement::HoldReason::too_large:
            // The operator pays fewer epochs at once (settle --epoch N).
            up_to = *up_to == 0 ? ledger_.epochs().size() - 1 : *up_to - 1;
            close_files();
            break;
        default:
            break;
    }
    last_step_.state = State::waiting;  // marks the hold as handled
}

}  // namespace ioswarm::test
