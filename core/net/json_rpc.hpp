// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
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

/// Reads the answer to one request that was sent alone, as an object. Errors: bad_data.
[[nodiscard]] Result<RpcReply> read_rpc_answer(std::string_view text, std::uint64_t id);

/// JSON-RPC 2.0 over HTTP POST. Thread-safe.
class JsonRpcClient {
  public:
    explicit JsonRpcClient(std::unique_ptr<HttpClient> http) : http_(std::move(http)) {}

    using Batch = std::vector<RpcCall>;
    using BatchReplies = std::vector<Result<RpcReply>>;

    /// Each batch is one POST, the HttpClient's max_parallel of them at a time; the answers have the shape of
    /// the batches. Errors of an entry: those of HttpClient, unavailable (HTTP 408, 429, 5xx), bad_data (any
    /// other status but 200), and those of read_rpc_batch. An RPC error is a value.
    [[nodiscard]] std::vector<BatchReplies> call_all(std::span<const Batch> batches,
                                                     const std::stop_token& stop = {});

    /// One request, sent as a batch of one.
    [[nodiscard]] Result<RpcReply> call(RpcCall request, const std::stop_token& stop = {});

    /// One request, sent as an object without a list around it: for endpoints behind a balancer that refuses
    /// batches.
    [[nodiscard]] Result<RpcReply> call_alone(const RpcCall& request, const std::stop_token& stop = {});

    [[nodiscard]] const std::string& name() const noexcept { return http_->name(); }

  private:
    /// The answer's body, or the error that its HTTP status means.
    [[nodiscard]] Result<std::string> body_of(Result<HttpResponse> answer) const;

    std::unique_ptr<HttpClient> http_;
    std::atomic<std::uint64_t> next_id_{1};
};

}  // namespace ioswarm
