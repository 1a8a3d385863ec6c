// SPDX-License-Identifier: Apache-2.0
#include "proto/node/web3_endpoint.hpp"

#include <utility>

#include <fmt/format.h>

#include "core/base/pause.hpp"

namespace ioswarm::proto {
namespace {

using std::chrono::steady_clock;

constexpr int kFailuresUntilUnavailable = 3;

/// The outcome of a call. An error object does not count as an answer here: an endpoint that refuses every
/// request is as useless as one that is down.
struct Outcome {
    bool answered = false;
    bool given_up = false;  ///< the caller cancelled it
    std::string why;        ///< the reason why nothing was answered
};

Outcome outcome_of(std::span<const JsonRpcClient::BatchReplies> replies) {
    Outcome out;
    for (const auto& batch : replies) {
        for (const auto& reply : batch) {
            if (reply && reply->kind != RpcReply::Kind::error) out.answered = true;
            if (!reply && reply.error().code == ErrorCode::cancelled) out.given_up = true;
            if (out.why.empty()) out.why = reply ? reply->error.message : reply.error().why;
        }
    }
    return out;
}

}  // namespace

Web3Endpoint::Web3Endpoint(std::unique_ptr<JsonRpcClient> client, std::chrono::milliseconds watch_interval,
                           Log log)
    : client_(std::move(client)), watch_interval_(watch_interval), log_(std::move(log)), away_("web3", log_) {
    health_.lock()->last_answer = steady_clock::now();
    watcher_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

std::vector<JsonRpcClient::BatchReplies> Web3Endpoint::call_all(std::span<const JsonRpcClient::Batch> batches,
                                                                const std::stop_token& stop) {
    auto replies = client_->call_all(batches, stop);
    if (replies.empty()) return replies;
    const Outcome outcome = outcome_of(replies);
    if (outcome.answered || !outcome.given_up) note(outcome.answered, outcome.why);
    log_batch_limit();
    return replies;
}

Result<RpcReply> Web3Endpoint::call(RpcCall request, const std::stop_token& stop) {
    const JsonRpcClient::Batch batch{std::move(request)};
    auto replies = call_all({&batch, 1}, stop);
    return std::move(replies.front().front());
}

void Web3Endpoint::note(bool answered, const std::string& why) {
    int failures = 0;
    {
        auto health = health_.lock();
        if (answered) health->last_answer = steady_clock::now();
        failures = health->failures = answered ? 0 : health->failures + 1;
    }
    if (answered) {
        away_.clear(fmt::format("web3 endpoint {} answers again", name()));
    } else if (failures >= kFailuresUntilUnavailable) {
        away_.raise(
            "the node's endpoint does not answer",
            // What happens to transactions is decided by the engine (core/coordinator/engine_runs.cpp).
            fmt::format(
                "web3 endpoint {} is unavailable: {} calls in a row brought no result, the last one: {}. "
                "Transactions whose accounts are not known wait, and are sent as L1 tasks if the endpoint "
                "does not answer for some blocks (hint: check node.web3 and the node)",
                name(), failures, why));
    }
}

void Web3Endpoint::log_batch_limit() {
    const std::size_t now = client_->batch_limit();
    std::size_t told = logged_limit_.load();
    while (now < told && !logged_limit_.compare_exchange_weak(told, now)) {
    }
    // The client doubles its limit after a period without refusals. So only half of the present limit is
    // proven, and only that is logged.
    if (now / 2 > told && logged_limit_.compare_exchange_strong(told, now / 2))
        log_.info("web3 endpoint {} accepts batches of {} requests again", name(), now / 2);
    if (now >= told) return;
    if (now == 1) {
        log_.warn("web3 endpoint {} accepts no batches; requests are sent one by one", name());
    } else {
        log_.warn("web3 endpoint {} accepts no batch of {} requests; batches have at most {} now", name(), told,
                  now);
    }
}

void Web3Endpoint::watch(const std::stop_token& stop) {
    while (pause_for(watch_interval_, stop)) {
        const auto quiet = steady_clock::now() - health_.lock()->last_answer;
        if (quiet >= watch_interval_) (void)call({"eth_blockNumber"}, stop);
    }
}

}  // namespace ioswarm::proto
