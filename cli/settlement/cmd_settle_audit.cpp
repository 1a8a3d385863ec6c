// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/secret_prompt.hpp"
#include "cli/settlement/commands.hpp"
#include "cli/settlement/parts.hpp"
#include "cli/settlement/report.hpp"
#include "cli/settlement/run.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "settlement/audit.hpp"
#include "settlement/ledger_payouts.hpp"

namespace ioswarm::cli {
namespace {

using settlement::AuditFinding;
using settlement::AuditReport;

/// Reads the ledger, settlement.db and the chain.
Result<AuditReport> audit_all(const ServeConfig& config, const std::stop_token& stop) {
    auto view = settlement::SettlementView::open(config.data_dir);
    if (!view) return fail(with_init_hint(std::move(view).error()));
    IOSWARM_TRY(auto chain, settlement_chain(config, stop));
    settlement::LedgerPayouts ledger(config.data_dir);
    return settlement::audit(**view, ledger, &chain, shown_limits(config));
}

std::string audit_text(const AuditReport& report) {
    std::string out;
    for (const AuditFinding& finding : report.findings) {
        out += fmt::format("{:<8} {}: {}\n", settlement::to_string(finding.severity), finding.invariant,
                           escape_for_display(finding.text));
    }
    out += fmt::format("compared {}, {} and {}; {} owed\n", count_of(report.intents, "transaction"),
                       count_of(report.payouts, "payout"), count_of(report.receipts, "receipt"),
                       count_of(report.owed, "payout"));
    return out + (report.holds() ? "everything agrees\n" : "SOMETHING IS WRONG: see the errors above\n");
}

std::string audit_json(const AuditReport& report) {
    nlohmann::ordered_json out{{"holds", report.holds()},   {"transactions", report.intents},
                               {"payouts", report.payouts}, {"receipts", report.receipts},
                               {"owed", report.owed},       {"findings", nlohmann::ordered_json::array()}};
    for (const AuditFinding& finding : report.findings) {
        out["findings"].push_back({{"severity", settlement::to_string(finding.severity)},
                                   {"invariant", finding.invariant},
                                   {"text", finding.text}});
    }
    return out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

/// Whether a broken invariant has another cause than the one that the settler halted for.
bool finds_more_than(const AuditReport& report, settlement::HaltReason known) {
    return std::any_of(report.findings.begin(), report.findings.end(), [&](const AuditFinding& finding) {
        return finding.severity == AuditFinding::Severity::error && finding.halt != known;
    });
}

/// `halt` is what the settler had halted for.
std::string resume_json(settlement::HaltReason halt, bool resumed) {
    const bool had_halted = halt != settlement::HaltReason::none;
    const nlohmann::ordered_json out{
        {"halt", had_halted ? nlohmann::ordered_json(settlement::to_string(halt)) : nlohmann::ordered_json()},
        {"resumed", resumed}};
    return out.dump(2) + "\n";
}

Result<ExitCode> resume(const ServeConfig& config, const SettleOptions& options, const std::stop_token& stop,
                        Io& io) {
    ExitCode code = ExitCode::ok;
    const SystemClock clock;
    const auto parts = open_settler(config, options, "settle resume", clock, stop, io, code);
    if (!parts) return code;
    IOSWARM_TRY(const auto halt, parts->store().halt());
    if (halt.reason == settlement::HaltReason::none) {
        io.err << "the settler has not halted: there is nothing to resume\n";
        if (options.json) io.out << resume_json(halt.reason, false);
        return ExitCode::ok;
    }
    io.err << fmt::format("the settler halted: {} ({})\n", escape_for_display(halt.detail),
                          settlement::to_string(halt.reason));
    IOSWARM_TRY(const auto report, audit_all(config, stop));
    io.err << audit_text(report);
    if (finds_more_than(report, halt.reason)) {
        io.err << "the halt stays: something else is wrong too, and must be put right first\n";
        return ExitCode::failed_check;
    }
    if (!options.yes && !ask_yes_no(io, "End the halt?", stop)) {
        io.err << "the halt stays\n";
        return ExitCode::failed_check;
    }
    IOSWARM_DO(parts->settler().resume());
    io.err << "the halt is over: the next 'ioswarm settle' goes on, and so does serve\n";
    if (options.json) io.out << resume_json(halt.reason, true);
    return ExitCode::ok;
}

}  // namespace

ExitCode run_settle_audit(const SettleOptions& options, Io& io) {
    return run_settle_command(options, {"audit"}, io,
                              [&](const ServeConfig& config, const std::stop_token& stop) -> Result<ExitCode> {
                                  IOSWARM_TRY(const auto report, audit_all(config, stop));
                                  io.out << (options.json ? audit_json(report) : audit_text(report));
                                  return report.holds() ? ExitCode::ok : ExitCode::failed_check;
                              });
}

ExitCode run_settle_resume(const SettleOptions& options, Io& io) {
    return run_settle_command(options, {"resume", "--yes"}, io,
                              [&](const ServeConfig& config, const std::stop_token& stop) {
                                  return resume(config, options, stop, io);
                              });
}

}  // namespace ioswarm::cli
