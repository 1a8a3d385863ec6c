// SPDX-License-Identifier: Apache-2.0
// GET /api/rewards: what one agent has earned, and where the payment of each epoch is. The JSON is written by
// hand, because amounts are exact to the rau: they may need all 18 digits, which a double cannot hold.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/serve/json_reply.hpp"
#include "cli/serve/monitor_api.hpp"
#include "core/base/decimal.hpp"

namespace ioswarm::cli {
namespace reward_document {
namespace {

using Json = nlohmann::ordered_json;

/// Encodes the text as a JSON string literal.
std::string json_string(const std::string& text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string json_string_or_null(const std::string& text) {
    return text.empty() ? "null" : json_string(text);
}

/// The members that an epoch has with or without a settlement.
std::string entry_members(const RewardHistoryEntry& entry) {
    return fmt::format(
        R"("epoch":{},"amount_iotx":{},"tasks":{},"accuracy_pct":{},"rank":{},"bonus_applied":{},"amount_rau":"{}")",
        entry.epoch, rau_to_iotx(entry.amount_rau), entry.tasks,
        Json(percent_or_zero(entry.correct, entry.compared)).dump(), entry.rank, entry.bonus_applied,
        to_decimal(entry.amount_rau));
}

}  // namespace
}  // namespace reward_document

HttpReply MonitorApi::rewards(const HttpRequest& request) const {
    using namespace reward_document;
    const std::string* agent = request.parameter("agent");
    if (agent == nullptr || agent->empty()) return error_reply(400, "agent parameter required");
    Result<RewardsView> view = monitor_.rewards(*agent);
    if (!view && view.error().code != ErrorCode::not_found) {
        // The answer is public and must not contain paths of this machine. `why` says what is wrong; `which`
        // would name the file.
        return error_reply(503, "the ledger cannot be read now: " + view.error().why);
    }
    if (!view) view = RewardsView{*agent, {}, {}, 0, 0, 0};
    const auto settlements = settlements_of(*view);
    U256 unpaid_rau;
    std::string history;
    for (const RewardHistoryEntry& entry : view->history) {
        history += (history.empty() ? "{" : ",{") + entry_members(entry);
        if (settlements) {
            const Settlement where = settlement_of(entry, *settlements);
            history += fmt::format(R"(,"state":{},"transaction":{})", json_string(where.state),
                                   json_string_or_null(where.transaction));
            if (entry.waits && !entry.has_wallet) unpaid_rau += entry.amount_rau;
        }
        history += '}';
    }
    const std::string unpaid = settlements ? fmt::format(R"(,"unpaid_iotx":{},"unpaid_rau":"{}")",
                                                         rau_to_iotx(unpaid_rau), to_decimal(unpaid_rau))
                                           : std::string();
    return HttpReply{
        200,
        fmt::format(
            R"({{"agent_id":{},"history":[{}],"totals":{{"earned_iotx":{},"total_tasks":{},"avg_accuracy":{},"earned_rau":"{}"{}}}}})",
            json_string(view->agent_id), history, rau_to_iotx(view->earned_rau), view->total_tasks,
            Json(percent_or_zero(view->total_correct, view->total_compared)).dump(),
            to_decimal(view->earned_rau), unpaid) +
            "\n",
        "application/json",
        {}};
}

/// Returns nothing when no settlement is configured. Payouts are then announced at the end of their epoch.
std::optional<Result<MonitorApi::Settlements>> MonitorApi::settlements_of(const RewardsView& view) const {
    if (!settlements_) return std::nullopt;
    std::vector<std::uint64_t> epochs;
    epochs.reserve(view.history.size());
    for (const RewardHistoryEntry& entry : view.history)
        epochs.push_back(entry.epoch);
    return settlements_(view.agent_id, epochs);
}

MonitorApi::Settlement MonitorApi::settlement_of(const RewardHistoryEntry& entry,
                                                 const Result<Settlements>& settlements) {
    if (!settlements) return {"unknown", ""};
    if (const auto found = settlements->find(entry.epoch); found != settlements->end()) return found->second;
    if (!entry.waits) return {"announced", ""};
    return {entry.has_wallet ? "owed" : "unpaid", ""};
}

}  // namespace ioswarm::cli
