// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.hpp"
#include "core/net/http_client.hpp"

namespace ioswarm {

/// One request. `params` is the JSON text of the parameter list, made by the caller ("[]" for none).
struct RpcCall {
    std::string method;
    std::string params = "[]";
};

/// The error object of a JSON-RPC answer: the peer understood the request and refused it.
struct RpcError {
    std::int64_t code = 0;  ///< clamped to 32 bits
    std::string message;    ///< cut off after 512 bytes
    std::string data;  ///< a text as it is, any other value as JSON text; empty if it is longer than 64 KiB
};

/// The answer to one request: an error, or a result.
struct RpcReply {
    enum class Kind { error, null, text, json };
    Kind kind = Kind::null;
    std::string value;  ///< text: the string's content; json: number, bool, list or object as JSON text
    RpcError error;     ///< set only for Kind::error
};

/// Limits for the nesting depth and the number of values of an answer. They are checked before the JSON is
/// parsed, because a small text can make a very large tree.
inline constexpr std::size_t kMaxRpcDepth = 32;
inline constexpr std::size_t kMaxRpcValues = 2'000'000;

/// Makes a parameter list of strings: `["a","b"]`. It does not escape anything, so use it only for hashes,
/// addresses and quantities in 0x form.
[[nodiscard]] std::string rpc_params(std::initializer_list<std::string_view> texts);

/// Reads the answer to a batch of `count` requests whose ids are first_id, first_id + 1, …, in any order.
/// Returns one entry per request, in the order of the ids. All entries fail with bad_data if the text is not a
/// list, or if it contains an id that was not requested. If the server sent one error object instead of a list,
/// all entries fail with that error: invalid_argument if it says that the batch is too large, otherwise
/// unavailable. If one id is missing or occurs twice, only its entry fails.
[[nodiscard]] std::vector<Result<RpcReply>> read_rpc_batch(std::string_view text, std::uint64_t first_id,
                                                           std::size_t count);

/// Reads the answer to one request that was sent outside of a batch. It is an object; a list with one object is
/// accepted too, because some servers send that. Error: bad_data.
[[nodiscard]] Result<RpcReply> read_rpc_answer(std::string_view text, std::uint64_t id);

/// JSON-RPC 2.0 over HTTP POST. Thread-safe.
///
/// Many servers limit the size of a batch, and some load balancers refuse every batch. So a refused batch is
/// sent again in halves, down to single requests. The size that worked is remembered for later calls. The
/// requests of a batch may therefore reach the server more than once, and must be safe to repeat. A single
/// request is sent only once. The remembered size is doubled every kTryLargerAfter, because a limit may have
/// been raised or a balancer replaced. If the larger size is refused, it is halved as before.
class JsonRpcClient {
  public:
    /// The most requests in one POST: iotex-core's default batchRequestLimit.
    static constexpr std::size_t kMaxBatch = 100;

    static constexpr std::chrono::minutes kTryLargerAfter{10};
    using SteadyTime = std::chrono::steady_clock::time_point;

    /// `now`: the clock; tests pass their own.
    explicit JsonRpcClient(std::unique_ptr<HttpClient> http,
                           std::function<SteadyTime()> now = std::chrono::steady_clock::now)
        : http_(std::move(http)), now_(std::move(now)) {}

    using Batch = std::vector<RpcCall>;
    using BatchReplies = std::vector<Result<RpcReply>>;

    /// Sends each batch as one POST, or as several if it has more than batch_limit() requests. At most
    /// HttpSettings::max_parallel POSTs are in progress at a time. The result has one reply per request, in the
    /// same places as the requests. An error that the server reports for one request is a value
    /// (RpcReply::Kind::error). Errors of an entry: those of HttpClient, unavailable (HTTP 408, 429, 5xx),
    /// bad_data (any other status but 200), and those of read_rpc_batch().
    [[nodiscard]] std::vector<BatchReplies> call_all(std::span<const Batch> batches,
                                                     const std::stop_token& stop = {});

    /// Sends one request outside of a batch.
    [[nodiscard]] Result<RpcReply> call(RpcCall request, const std::stop_token& stop = {});

    /// The most requests that call_all() puts into one POST at present: 1 to kMaxBatch.
    [[nodiscard]] std::size_t batch_limit() const noexcept {
        return batch_limit_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] const std::string& name() const noexcept { return http_->name(); }

  private:
    struct Piece;
    struct Answer;

    [[nodiscard]] std::vector<Answer> send(std::span<const Piece> pieces, const std::stop_token& stop);
    [[nodiscard]] Answer read_answer(const Piece& piece, std::uint64_t first_id,
                                     const Result<HttpResponse>& response) const;
    void retry_smaller(std::vector<Piece> refused, bool too_large, std::vector<BatchReplies>& out,
                       const std::stop_token& stop);
    void remember(std::size_t size);
    void try_larger();

    std::unique_ptr<HttpClient> http_;
    std::atomic<std::uint64_t> next_id_{1};
    const std::function<SteadyTime()> now_;
    std::atomic<std::size_t> batch_limit_{kMaxBatch};
    std::atomic<SteadyTime> limit_changed_{SteadyTime{}};
};

}  // namespace ioswarm
