// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "core/ledger/ledger.hpp"
#include "test/support/temp_dir.hpp"

namespace ioswarm::test {

/// A real ledger.db, written by serve's own code. Epoch e has the blocks 10e-9 to 10e.
class LedgerFile {
  public:
    struct Payout {
        std::string agent;
        U256 amount;
        std::optional<Address> wallet;
        PayoutNotice notice = PayoutNotice::waiting;
    };

    LedgerFile() { open(); }

    void open() {
        auto opened = Ledger::open(dir.path());
        REQUIRE(opened);
        ledger = std::move(*opened);
    }
    /// Closes the ledger, as serve does when it stops.
    void close() { ledger.reset(); }

    void close_epoch(std::uint64_t epoch, const std::vector<Payout>& payouts) {
        change([&](LedgerTx& tx) -> Status {
            EpochRow row;
            row.epoch = epoch;
            row.first_height = 10 * epoch - 9;
            row.last_height = 10 * epoch;
            std::vector<PayoutRow> rows;
            for (const Payout& one : payouts) {
                PayoutRow payout;
                payout.epoch = epoch;
                payout.agent_id = one.agent;
                payout.amount_rau = one.amount;
                payout.wallet = one.wallet;
                payout.notice = one.notice;
                row.pool_rau += one.amount;
                rows.push_back(std::move(payout));
            }
            if (Status status = tx.add_epoch(row, rows); !status) return status;
            LedgerNumbers numbers = tx.numbers().value();
            numbers.epoch = epoch + 1;
            numbers.last_height = 10 * epoch + 3;
            return tx.set_numbers(numbers);
        });
    }
    void name_wallet(const std::string& agent, const Address& wallet) {
        change([&](LedgerTx& tx) {
            AgentRow row;
            row.agent_id = agent;
            row.wallet = wallet;
            return tx.set_agent(row);
        });
    }
    template <typename Change>
    void change(Change apply) {
        const Status status = ledger->run(apply);
        INFO((status ? std::string() : status.error().text()));
        REQUIRE(status.has_value());
    }

    TempDir dir;
    std::unique_ptr<Ledger> ledger;
};

}  // namespace ioswarm::test
