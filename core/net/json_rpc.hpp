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
    std::string message;    ///< at most 512 bytes of it
    std::string data;       ///< text as it is, anything else as JSON; at most 64 KiB, else empty
};

/// The answer to one request: an error, or a result.
struct RpcReply {
    enum class Kind { error, null, text, json };
    Kind kind = Kind::null;
    std::string value;  ///< text: the string's content; json: number, bool, list or object as JSON text
    RpcError error;     ///< kind error only
};

/// Nesting and number of values that an answer may have, looked at before a tree of it is built.
inline constexpr std::size_t kMaxRpcDepth = 32;
inline constexpr std::size_t kMaxRpcValues = 2'000'000;

/// "0x…" of a hash, address or quantity as a list of parameters: `["a","b"]`. No escaping: only for text that
/// is made here and needs none.
[[nodiscard]] std::string rpc_params(std::initializer_list<std::string_view> texts);

/// Reads the answer to a batch of `count` requests whose ids are first_id, first_id + 1, …, in any order.
/// Every entry fails with bad_data when the text is not such a list (or holds an id that was not asked); a
/// single error object in the place of the list becomes every entry's error: invalid_argument when it says that
/// the batch is too large, unavailable otherwise. An id that is missing or stands there twice fails its entry
/// alone.
[[nodiscard]] std::vector<Result<RpcReply>> read_rpc_batch(std::string_view text, std::uint64_t first_id,
                                                           std::size_t count);

/// Reads the answer to one request that was sent alone: the object that is due, or a list of one, which some
/// servers send. Errors: bad_data.
[[nodiscard]] Result<RpcReply> read_rpc_answer(std::string_view text, std::uint64_t id);

/// JSON-RPC 2.0 over HTTP POST. Thread-safe.
///
/// Servers limit batches, and balancers in front of them refuse batches altogether. A refused batch is sent
/// again in halves, down to single requests, and the size that was answered is remembered for the calls to
/// come. So a refused batch may reach the server more than once: its requests must bear that. A single request
/// is sent once. Every kTryLargerAfter the remembered size is doubled again, for a limit may have been raised,
/// or a balancer been replaced; if it is still refused, it is halved as before.
class JsonRpcClient {
  public:
    /// iotex-core's default batchRequestLimit: no POST holds more requests.
    static constexpr std::size_t kMaxBatch = 100;

    static constexpr std::chrono::minutes kTryLargerAfter{10};
    using SteadyTime = std::chrono::steady_clock::time_point;

    /// `now`: the time, for tests.
    explicit JsonRpcClient(std::unique_ptr<HttpClient> http,
                           std::function<SteadyTime()> now = std::chrono::steady_clock::now)
        : http_(std::move(http)), now_(std::move(now)) {}

    using Batch = std::vector<RpcCall>;
    using BatchReplies = std::vector<Result<RpcReply>>;

    /// Each batch of at most batch_limit() requests is one POST, larger ones are cut; the HttpClient's
    /// max_parallel of them go at a time. The answers have the shape of the batches. Errors of an entry: those
    /// of HttpClient, unavailable (HTTP 408, 429, 5xx), bad_data (any other status but 200), and those of
    /// read_rpc_batch. An RPC error is a value.
    [[nodiscard]] std::vector<BatchReplies> call_all(std::span<const Batch> batches,
                                                     const std::stop_token& stop = {});

    /// One request, sent alone and not as a list.
    [[nodiscard]] Result<RpcReply> call(RpcCall request, const std::stop_token& stop = {});

    /// Requests that go into one POST from now on, 1 to kMaxBatch.
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
