// SPDX-License-Identifier: Apache-2.0
#pragma once

// A ledger in its own directory with accounting on top. It can be closed and opened again.

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "core/accounting/payroll.hpp"
#include "core/ledger/ledger.hpp"
#include "test/support/fakes.hpp"
#include "test/support/temp_dir.hpp"

namespace ioswarm::test {

inline Hash256 hash_of(std::uint64_t number, std::uint8_t kind = 0) {
    Hash256 out;
    out.bytes[0] = kind;
    for (std::size_t i = 0; i < sizeof number; ++i)
        out.bytes[31 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    return out;
}

inline Address address_of(std::uint64_t number) {
    Address out;
    for (std::size_t i = 0; i < sizeof number; ++i)
        out.bytes[19 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    return out;
}

inline constexpr std::uint8_t kRaw =
    0xaa;  // makes the raw id and the action hash of a number differ in their first byte

/// An agent's answer to action `number`, whose sender is account `sender`.
struct GivenAnswer {
    std::string agent = "a";
    std::uint64_t number = 1;
    bool valid = true;
    bool executed = false;
    bool has_reason = false;
    std::uint64_t sender = 7;
    std::uint64_t latency_us = 100;
    bool hashable = true;
    std::uint64_t known_height = 0;
    RunComparison run = {};
};

inline Answer answer_of(const GivenAnswer& given) {
    Answer out;
    out.agent_id = given.agent;
    if (given.hashable) out.action_hash = hash_of(given.number);
    out.raw_id = hash_of(given.number, kRaw);
    out.sender = address_of(given.sender);
    out.valid = given.valid;
    out.has_reject_reason = given.has_reason;
    out.executed = given.executed;
    out.latency_us = given.latency_us;
    out.known_height = given.known_height;
    out.run = given.run;
    return out;
}

/// Pairs of action number and receipt status.
using Mined = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

inline ExecutedBlock block_of(std::uint64_t height, const Mined& mined = {}) {
    ExecutedBlock out;
    out.height = height;
    for (const auto& [number, status] : mined)
        out.receipts.push_back({hash_of(number), status, 21000});
    return out;
}

class Bookkeeping {
  public:
    explicit Bookkeeping(CoordinatorSettings settings = {}, const LedgerOptions& options = {})
        : ledger_options(options), settings_(std::move(settings)) {
        open();
    }

    void open() {
        settings_.metrics = {};  // a process begins to count again
        ledger_options.metrics = settings_.metrics;
        auto ledger = Ledger::open(dir_.path("data"), {}, ledger_options);
        REQUIRE(ledger);
        ledger_ = std::move(*ledger);
        auto payroll = Payroll::open(*ledger_, settings_, clock_, settler, Log{});
        REQUIRE(payroll);
        payroll_ = std::move(*payroll);
    }
    void close() {
        payroll_.reset();
        ledger_.reset();
    }
    void reopen() {
        close();
        open();
    }

    Payroll& operator*() { return *payroll_; }
    Payroll* operator->() { return payroll_.get(); }
    Ledger& ledger() { return *ledger_; }
    ManualClock& clock() { return clock_; }
    CoordinatorSettings& settings() { return settings_; }  // takes effect at the next open()
    [[nodiscard]] std::uint64_t counter(const std::string& name) const {
        return settings_.metrics.values().at(name);
    }
    [[nodiscard]] std::string dir() const { return dir_.path("data"); }

    /// Records the answers as one submission and waits until they are durable.
    [[nodiscard]] Status record(const std::vector<GivenAnswer>& given) {
        std::vector<Answer> answers;
        for (const GivenAnswer& one : given)
            answers.push_back(answer_of(one));
        std::promise<Status> done;
        payroll_->record(std::move(answers), [&done](Status status) { done.set_value(std::move(status)); });
        return done.get_future().get();
    }
    /// Registers the agent and waits until that is done.
    [[nodiscard]] Result<RegistrationOutcome> register_agent(
        const std::string& agent, const std::optional<Address>& wallet = std::nullopt) {
        std::promise<Result<RegistrationOutcome>> done;
        payroll_->on_registration(agent, wallet,
                                  [&done](Result<RegistrationOutcome> r) { done.set_value(std::move(r)); });
        return done.get_future().get();
    }
    /// Returns true if the wallet is in force or will be with the next epoch.
    [[nodiscard]] bool name_wallet(const std::string& agent, const Address& wallet) {
        const auto named = register_agent(agent, wallet);
        return named && named->wait.count() == 0;
    }
    /// The next payout notice of the agent, from memory or from the ledger.
    [[nodiscard]] std::optional<PayoutInfo> take_payout(const std::string& agent) {
        if (const auto payout = payroll_->take_payout(agent)) return payout;
        REQUIRE(payroll_->mark_notices_sent());
        REQUIRE(register_agent(agent));
        return payroll_->take_payout(agent);
    }
    /// Passes the next `count` blocks, all empty.
    void pass_blocks(std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i)
            REQUIRE(payroll_->on_block(block_of(payroll_->last_height() + 1)));
    }

    RewardSettler* settler = nullptr;
    LedgerOptions ledger_options;

  private:
    TempDir dir_;
    ManualClock clock_;
    CoordinatorSettings settings_;
    std::unique_ptr<Ledger> ledger_;
    std::unique_ptr<Payroll> payroll_;
};

}  // namespace ioswarm::test
