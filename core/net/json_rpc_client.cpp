// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "core/net/json_rpc.hpp"

namespace ioswarm {
namespace {

std::string request_text(const RpcCall& call, std::uint64_t id) {
    return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + call.method +
           R"(","params":)" + call.params + "}";
}

/// A single request is sent as an object, because servers that accept no batches refuse a list of one too.
std::string body_of(std::span<const RpcCall> calls, std::uint64_t first_id) {
    if (calls.size() == 1) return request_text(calls.front(), first_id);
    std::string body = "[";
    for (std::size_t i = 0; i < calls.size(); ++i) {
        if (i != 0) body += ',';
        body += request_text(calls[i], first_id + i);
    }
    return body + "]";
}

}  // namespace

/// The contents of one POST: consecutive calls of one batch.
struct JsonRpcClient::Piece {
    std::size_t batch = 0;  ///< index in call_all's batches
    std::size_t first = 0;  ///< index in that batch
    std::span<const RpcCall> calls;

    [[nodiscard]] bool is_single() const noexcept { return calls.size() == 1; }
};

/// The outcome of one POST.
struct JsonRpcClient::Answer {
    enum class Kind {
        answered,
        refused,  ///< a smaller batch may be answered; for a single request the same as `failed`
                  ///< failed
        failed,
    };
    Kind kind = Kind::failed;
    BatchReplies replies;
};

namespace {

/// Cuts `whole` into as few pieces as possible, with at most `size` requests each.
template <typename Piece>
void cut(const Piece& whole, std::size_t size, std::vector<Piece>& out) {
    for (std::size_t at = 0; at < whole.calls.size(); at += size) {
        const std::size_t count = std::min(size, whole.calls.size() - at);
        out.push_back({whole.batch, whole.first + at, whole.calls.subspan(at, count)});
    }
}

template <typename Piece, typename Answer>
bool is_worth_halving(const Piece& piece, const Answer& answer) {
    return answer.kind == Answer::Kind::refused && !piece.is_single();
}

template <typename Replies>
bool has_answer(const Replies& replies) {
    return std::ranges::any_of(replies, [](const auto& reply) { return reply.has_value(); });
}

}  // namespace

JsonRpcClient::Answer JsonRpcClient::read_answer(const Piece& piece, std::uint64_t first_id,
                                                 const Result<HttpResponse>& response) const {
    using Kind = Answer::Kind;
    const std::size_t count = piece.calls.size();
    if (!response) {
        // Some servers close the connection because of a batch, and the answer to a large batch may be too
        // large.
        const ErrorCode code = response.error().code;
        const bool smaller_may_do = code == ErrorCode::unavailable || code == ErrorCode::resource_exhausted;
        return {smaller_may_do ? Kind::refused : Kind::failed, BatchReplies(count, fail(response.error()))};
    }
    if (const int status = response->status; status != 200) {
        const bool later = status == 408 || status == 429 || status >= 500;
        BatchReplies replies(
            count, fail(later ? ErrorCode::unavailable : ErrorCode::bad_data, "cannot get a JSON-RPC answer",
                        name(), "HTTP " + std::to_string(status)));
        // These three mean that the server is busy. A smaller batch would not help.
        const bool patience = status == 408 || status == 429 || status == 503;
        return {patience ? Kind::failed : Kind::refused, std::move(replies)};
    }
    if (piece.is_single()) {
        BatchReplies replies;
        replies.push_back(read_rpc_answer(response->body, first_id));
        return {replies.front() ? Kind::answered : Kind::failed, std::move(replies)};
    }
    BatchReplies replies = read_rpc_batch(response->body, first_id, count);
    return {has_answer(replies) ? Kind::answered : Kind::refused, std::move(replies)};
}

std::vector<JsonRpcClient::Answer> JsonRpcClient::send(std::span<const Piece> pieces,
                                                       const std::stop_token& stop) {
    std::vector<std::string> bodies;
    std::vector<std::uint64_t> first_ids;
    for (const Piece& piece : pieces) {
        first_ids.push_back(next_id_.fetch_add(piece.calls.size()));
        bodies.push_back(body_of(piece.calls, first_ids.back()));
    }
    const auto responses = http_->post_all(bodies, "application/json", stop);
    std::vector<Answer> answers;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        answers.push_back(read_answer(pieces[i], first_ids[i], responses[i]));
        for (auto& reply : answers.back().replies) {
            if (!reply && reply.error().which.empty()) reply.error().which = name();
        }
    }
    return answers;
}

void JsonRpcClient::remember(std::size_t size) {
    std::size_t before = batch_limit_.load(std::memory_order_relaxed);
    while (size < before && !batch_limit_.compare_exchange_weak(before, size, std::memory_order_relaxed)) {
    }
    if (size < before) limit_changed_ = now_();
}

void JsonRpcClient::try_larger() {
    std::size_t limit = batch_limit();
    if (limit == kMaxBatch) return;
    SteadyTime changed = limit_changed_;
    const SteadyTime now = now_();
    if (now - changed < kTryLargerAfter) return;
    // If several threads get here at once, only one of them doubles the limit.
    if (limit_changed_.compare_exchange_strong(changed, now)) {
        batch_limit_.compare_exchange_strong(limit, std::min(2 * limit, kMaxBatch), std::memory_order_relaxed);
    }
}

/// Sends refused pieces again, each time in halves, until they are answered. First it sends eth_chainId, which
/// every server answers. If that fails, the batch size is not the problem and nothing is sent again. If the
/// server did not say that a batch was too large, the pieces are first sent once more unchanged. So a short
/// failure of the server does not reduce the batch size for later calls.
void JsonRpcClient::retry_smaller(std::vector<Piece> refused, bool too_large, std::vector<BatchReplies>& out,
                                  const std::stop_token& stop) {
    using Kind = Answer::Kind;
    const RpcCall chain_id{"eth_chainId"};
    const Piece probe{0, 0, {&chain_id, 1}};
    const Answer answer = send({&probe, 1}, stop).front();
    if (answer.kind != Kind::answered || answer.replies.front()->kind == RpcReply::Kind::error) return;

    std::size_t size = 0;
    for (const Piece& piece : refused)
        size = std::max(size, piece.calls.size());
    bool halve = too_large;
    while (!refused.empty()) {
        if (halve) size = std::max<std::size_t>(size / 2, 1);
        std::vector<Piece> pieces;
        for (const Piece& piece : refused)
            cut(piece, size, pieces);
        const std::vector<Answer> answers = send(pieces, stop);
        refused.clear();
        bool answered = false;
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            std::ranges::copy(answers[i].replies,
                              out[pieces[i].batch].begin() + static_cast<std::ptrdiff_t>(pieces[i].first));
            answered = answered || (answers[i].kind == Kind::answered && pieces[i].calls.size() == size);
            if (is_worth_halving(pieces[i], answers[i])) refused.push_back(pieces[i]);
        }
        if (halve && answered && refused.empty()) remember(size);
        halve = true;
    }
}

std::vector<JsonRpcClient::BatchReplies> JsonRpcClient::call_all(std::span<const Batch> batches,
                                                                 const std::stop_token& stop) {
    try_larger();
    std::vector<BatchReplies> out;
    std::vector<Piece> pieces;
    for (std::size_t i = 0; i < batches.size(); ++i) {
        out.emplace_back(batches[i].size(), fail(ErrorCode::internal, "not asked"));
        cut(Piece{i, 0, batches[i]}, batch_limit(), pieces);
    }
    const std::vector<Answer> answers = send(pieces, stop);
    std::vector<Piece> refused;
    bool too_large = false;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        std::ranges::copy(answers[i].replies,
                          out[pieces[i].batch].begin() + static_cast<std::ptrdiff_t>(pieces[i].first));
        if (!is_worth_halving(pieces[i], answers[i])) continue;
        refused.push_back(pieces[i]);
        too_large = too_large || answers[i].replies.front().error().code == ErrorCode::invalid_argument;
    }
    if (!refused.empty()) retry_smaller(std::move(refused), too_large, out, stop);
    return out;
}

Result<RpcReply> JsonRpcClient::call(RpcCall request, const std::stop_token& stop) {
    const Batch batch{std::move(request)};
    auto replies = call_all({&batch, 1}, stop);
    return std::move(replies.front().front());
}

}  // namespace ioswarm
