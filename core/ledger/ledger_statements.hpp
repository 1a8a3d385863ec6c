// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the parts of LedgerTx share. Only for core/ledger.

#include "core/ledger/ledger_tx.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {

struct LedgerTx::Statements {
    sqlite::Statement numbers, set_numbers, next_id, set_next_id;
    sqlite::Statement answers, add_answer, drop_answer;
    sqlite::Statement work, set_work, clear_work;
    sqlite::Statement recent, add_recent, drop_recent;
    sqlite::Statement agent, set_agent, promote_wallets, add_wallet_change, trim_wallet_changes;
    sqlite::Statement add_epoch, add_payout, mark_notice, mark_due, drop_epochs, drop_payouts;
    sqlite::Statement chain_id, set_chain_id, is_used;
    sqlite::Statement probe;
};

}  // namespace ioswarm
