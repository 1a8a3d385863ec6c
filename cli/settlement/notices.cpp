// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/notices.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "settlement/ledger_payouts.hpp"

namespace ioswarm::cli {
namespace {

/// Number of payouts that are read and marked together. It is small enough for a short transaction.
constexpr std::size_t kMarkedAtOnce = 1'000;

}  // namespace

Status SettlementReader::with(const std::function<Status(settlement::SettlementView&)>& work) {
    auto opened = opened_.lock();
    // Looked at before the file is opened: if it is replaced in between, the next call opens the new one.
    const auto file = file_identity(dir_ / "settlement.db");
    if (opened->file != file) opened->view.reset();
    if (!opened->view) {
        IOSWARM_TRY(opened->view, settlement::SettlementView::open(dir_));
        if (opened->file != file) ++files_opened_;
        opened->file = file;
    }
    Status done = work(*opened->view);
    if (!done) opened->view.reset();
    return done;
}

SettlementNotices::SettlementNotices(std::filesystem::path dir, Mark mark, Log log,
                                     std::chrono::milliseconds interval)
    : reader_(std::move(dir)),
      mark_(std::move(mark)),
      log_(std::move(log)),
      interval_(interval),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

Status SettlementNotices::look(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        PayoutKeys paid;
        std::uint64_t after = after_;
        const Status read = reader_.with([&](settlement::SettlementView& view) -> Status {
            // Positions in another file mean nothing here.
            if (std::exchange(file_, reader_.files_opened()) != reader_.files_opened()) after = after_ = 0;
            IOSWARM_TRY(const auto some, view.newly_paid(&after, kMarkedAtOnce));
            for (const settlement::PayoutState& one : some)
                paid.emplace_back(one.payout.agent_id, one.payout.epoch);
            return {};
        });
        if (!read) return read;
        if (paid.empty()) return {};
        IOSWARM_TRY(const auto marked, mark_(paid));
        after_ = after;
        if (marked > 0) log_.info("settlement: {} payouts are final; their agents are told", marked);
    }
    return {};
}

void SettlementNotices::run(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    while (!stop.stop_requested()) {
        const Status looked = look(stop);
        // Before `settle init` the file does not exist, and there is nothing to report.
        const bool is_missing = !looked && looked.error().code == ErrorCode::not_found;
        const std::string why = looked || is_missing ? "" : looked.error().text();
        if (!why.empty() && why != logged_)
            log_.warn("settlement.db cannot be read now, notices of payouts wait: {}", why);
        logged_ = why;
        std::unique_lock lock(mutex);
        wake.wait_for(lock, stop, interval_, [] { return false; });
    }
}

std::string announced_before_contract(const std::filesystem::path& dir) {
    if (const auto view = settlement::SettlementView::open(dir)) {
        // A ledger of an older version does not know what it has paid, but settlement.db does.
        const auto summary = (*view)->summary();
        if (!summary || summary->paid_intents > 0) return {};
    }
    const auto before = settlement::LedgerPayouts(dir).announced_before_contract();
    if (!before || !*before) return {};
    const settlement::LedgerPayouts::Announced& announced = **before;
    const std::uint64_t count = announced.payouts;
    return fmt::format(
        "{} closed before rewardContract was set: {} payout{} announced to the agents and {} never "
        "settled. What agents earn from now on is paid through the contract",
        settlement::epoch_range(announced.first_epoch, announced.last_epoch), count,
        count == 1 ? " was" : "s were", count == 1 ? "is" : "are");
}

}  // namespace ioswarm::cli
