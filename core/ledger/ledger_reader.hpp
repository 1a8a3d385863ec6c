// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/ledger/ledger_rows.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {

/// A read-only connection. Ledger uses it for the histories in the monitoring API, and `ioswarm rewards` uses
/// it. It sees all committed data. It never writes and never checkpoints. Thread-safe; runs one query at a
/// time. Errors of all queries: io, data_loss (a row is damaged).
class LedgerReader {
  public:
    [[nodiscard]] static Result<std::unique_ptr<LedgerReader>> open(const std::filesystem::path& file);

    /// The newest payouts of an agent, newest first, at most `limit`. Empty for an unknown agent.
    [[nodiscard]] Result<std::vector<PayoutRow>> payouts(std::string_view agent_id, std::uint32_t limit);
    /// The payouts whose notice is due, oldest first, at most `limit`. Empty for an unknown agent.
    [[nodiscard]] Result<std::vector<PayoutRow>> due_payouts(std::string_view agent_id, std::uint32_t limit);
    /// All payouts of an epoch, by rank.
    [[nodiscard]] Result<std::vector<PayoutRow>> payouts_of_epoch(std::uint64_t epoch);
    /// Nothing for an unknown agent.
    [[nodiscard]] Result<std::optional<AgentRow>> agent(std::string_view agent_id);
    /// Nothing if the epoch is not closed, or is no longer kept.
    [[nodiscard]] Result<std::optional<EpochRow>> epoch(std::uint64_t epoch);
    /// All changes of an agent's wallet, newest first. Empty for an unknown agent.
    [[nodiscard]] Result<std::vector<WalletChangeRow>> wallet_changes(std::string_view agent_id);

  private:
    LedgerReader() = default;

    std::mutex mutex_;  // guards everything below
    std::optional<sqlite::Database> database_;
    sqlite::Statement payouts_, due_, of_epoch_, agent_, epoch_, wallet_changes_;
};

}  // namespace ioswarm
