// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/page_money.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "cli/settlement/state.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"
#include "settlement/ledger_payouts.hpp"
#include "settlement/payout_source.hpp"

namespace ioswarm::cli {
namespace {

namespace money {

constexpr std::uint64_t kEpochsOnPage = 10;
/// A settlement may need several transactions. The page names so many of them.
constexpr std::size_t kMaxTransactions = 8;

struct Settled {
    std::string state;
    std::string transaction;  ///< empty = none yet
};
/// What settlement.db says about the payouts of some epochs.
struct SettledPayouts {
    std::map<std::pair<std::uint64_t, std::string>, Settled> by_key;
    Address contract;
};

Result<SettledPayouts> settled_payouts(SettlementReader& reader, std::uint64_t first, std::uint64_t last) {
    SettledPayouts out;
    const Status read = reader.with([&](settlement::SettlementView& view) -> Status {
        IOSWARM_TRY(const auto identity, view.identity());
        out.contract = identity.contract;
        IOSWARM_TRY(const auto payouts, view.payouts(first, last));
        for (const settlement::PayoutState& one : payouts) {
            out.by_key[{one.payout.epoch, one.payout.agent_id}] = {payout_state(one),
                                                                   one.hash ? to_hex0x(one.hash->view()) : ""};
        }
        return {};
    });
    if (!read && read.error().code != ErrorCode::not_found) return fail(read.error());
    return out;
}

/// Reads the wallets that agents name now, each once.
class PresentWallets {
  public:
    explicit PresentWallets(const Ledger& ledger) : ledger_(ledger) {}
    /// Nothing: the agent names none, or its row cannot be read.
    [[nodiscard]] const std::optional<Address>& of(const std::string& agent_id) {
        const auto [entry, is_new] = known_.try_emplace(agent_id);
        if (!is_new) return entry->second;
        const auto agent = ledger_.agent(agent_id);
        if (agent && *agent) entry->second = (*agent)->wallet;
        return entry->second;
    }

  private:
    const Ledger& ledger_;
    std::map<std::string, std::optional<Address>> known_;
};

/// Whether a settlement would pay it now. Its wallet may have been named after the epoch's end.
bool can_be_paid(const PayoutRow& payout, const Address& contract, PresentWallets& wallets) {
    if (settlement::wallet_to_pay(payout.wallet, std::nullopt, contract)) return true;
    return settlement::wallet_to_pay(std::nullopt, wallets.of(payout.agent_id), contract).has_value();
}

/// `settled` is null when no contract is set.
void add_payout(const PayoutRow& payout, const Result<SettledPayouts>* settled, PresentWallets& wallets,
                PageEpoch& out) {
    ++out.paid_agents;
    out.amount_rau += payout.amount_rau;
    const auto state = [&]() -> Settled {
        if (settled == nullptr) return {"announced", ""};
        if (!*settled) return {"unknown", ""};
        const auto& by_key = (*settled)->by_key;
        if (const auto found = by_key.find({payout.epoch, payout.agent_id}); found != by_key.end())
            return found->second;
        if (payout.notice != PayoutNotice::waiting) return {"announced", ""};
        return {can_be_paid(payout, (*settled)->contract, wallets) ? "owed" : "unpaid", ""};
    }();
    ++out.states[state.state];
    auto& known = out.transactions;
    if (state.transaction.empty() || known.size() >= kMaxTransactions) return;
    if (std::find(known.begin(), known.end(), state.transaction) == known.end())
        known.push_back(state.transaction);
}

/// "sending for epochs 7 to 9".
std::string live_text(const settlement::IntentRow& intent) {
    return fmt::format("a transaction for {} is {}",
                       settlement::epoch_range(intent.first_epoch, intent.last_epoch),
                       settlement::to_string(intent.state));
}

std::string reason_text(const char* reason, const std::string& detail) {
    return detail.empty() ? reason : fmt::format("{} ({})", reason, detail);
}

}  // namespace money

}  // namespace

PageEpochs read_page_epochs(const Ledger& ledger, std::uint64_t running_epoch, SettlementReader* settlements) {
    PageEpochs out;
    if (running_epoch == 0) return out;
    const std::uint64_t last = running_epoch - 1;
    const std::uint64_t first = running_epoch > money::kEpochsOnPage ? running_epoch - money::kEpochsOnPage : 0;
    std::optional<Result<money::SettledPayouts>> settled;
    if (settlements != nullptr) settled = money::settled_payouts(*settlements, first, last);
    money::PresentWallets wallets(ledger);
    for (std::uint64_t epoch = running_epoch; epoch-- > first;) {
        const auto row = ledger.epoch(epoch);
        const auto payouts = ledger.payouts_of_epoch(epoch);
        if (!row || !payouts) {
            out.problem = (row ? payouts.error() : row.error()).why;
            return out;
        }
        if (!*row) continue;
        PageEpoch& one = out.newest_first.emplace_back();
        one.row = **row;
        for (const PayoutRow& payout : *payouts)
            money::add_payout(payout, settled ? &*settled : nullptr, wallets, one);
    }
    return out;
}

PageSettlement read_page_settlement(const std::filesystem::path& data_dir, SettlementReader& settlements) {
    PageSettlement out;
    const Status read = settlements.with([&](settlement::SettlementView& view) -> Status {
        settlement::LedgerPayouts payouts(data_dir);
        IOSWARM_TRY(const auto state, read_settle_state(view, payouts, std::nullopt));
        const settlement::SettlementSummary& summary = state.summary;
        if (summary.halt.reason != settlement::HaltReason::none)
            out.halt = money::reason_text(settlement::to_string(summary.halt.reason), summary.halt.detail);
        if (summary.hold.reason != settlement::HoldReason::none)
            out.hold = money::reason_text(settlement::to_string(summary.hold.reason), summary.hold.detail);
        if (summary.live) out.live = money::live_text(*summary.live);
        out.wallet = to_checksum_hex(summary.identity.wallet);
        out.contract = to_checksum_hex(summary.identity.contract);
        out.owed_payouts = state.owed_payouts;
        out.owed_rau = state.owed_rau;
        out.no_wallet_rau = state.no_wallet_rau;
        out.paid_rau = summary.paid_rau;
        return {};
    });
    if (!read) {
        out.problem = read.error().code == ErrorCode::not_found
                          ? "there is no settlement.db; 'ioswarm settle init' makes it once"
                          : read.error().why;
        if (out.problem.empty()) out.problem = "settlement.db cannot be read now";
    }
    return out;
}

BalanceWatch::BalanceWatch(Read read, std::chrono::milliseconds interval)
    : thread_([this, read = std::move(read), interval](const std::stop_token& stop) {
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock(mutex);
          while (!stop.stop_requested()) {
              const Result<U256> balance = read(stop);
              *balance_.lock() = balance ? std::optional(*balance) : std::nullopt;
              never.wait_for(lock, stop, interval, [] { return false; });
          }
      }) {}

}  // namespace ioswarm::cli
