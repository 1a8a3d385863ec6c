// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/notices.hpp"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "core/base/try.hpp"

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
        if (!why.empty() && why != told_)
            log_.warn("settlement.db cannot be read now, notices of payouts wait: {}", why);
        told_ = why;
        std::unique_lock lock(mutex);
        wake.wait_for(lock, stop, interval_, [] { return false; });
    }
}

}  // namespace ioswarm::cli
