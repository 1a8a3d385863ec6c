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

/// The read-only connection, for the histories in the monitoring API. It sees all committed data. It never
/// writes and never checkpoints. Thread-safe; runs one query at a time. Only Ledger and `ioswarm rewards` use
/// it.
class LedgerReader {
  public:
    [[nodiscard]] static Result<std::unique_ptr<LedgerReader>> open(const std::filesystem::path& file);

    [[nodiscard]] Result<std::vector<PayoutRow>> payouts(std::string_view agent_id, std::uint32_t limit);
    [[nodiscard]] Result<std::vector<PayoutRow>> due_payouts(std::string_view agent_id, std::uint32_t limit);
    [[nodiscard]] Result<std::vector<PayoutRow>> payouts_of_epoch(std::uint64_t epoch);
    [[nodiscard]] Result<std::optional<AgentRow>> agent(std::string_view agent_id);
    [[nodiscard]] Result<std::optional<EpochRow>> epoch(std::uint64_t epoch);
    [[nodiscard]] Result<std::vector<WalletChangeRow>> wallet_changes(std::string_view agent_id);

  private:
    LedgerReader() = default;

    std::mutex mutex_;  // guards everything below
    std::optional<sqlite::Database> database_;
    sqlite::Statement payouts_, due_, of_epoch_, agent_, epoch_, wallet_changes_;
};

}  // namespace ioswarm
