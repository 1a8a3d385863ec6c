// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"
#include "test/support/node_messages.hpp"

namespace ioswarm::test {

/// A node on loopback: gRPC and web3 on ports of the system's choosing. It holds a pool, blocks and accounts,
/// which tests change while it runs, and it can be told to misbehave. Thread-safe.
class FakeNode {
  public:
    /// What gRPC does with a call.
    enum class Grpc {
        normal,
        refuse,        ///< UNAVAILABLE
        stall,         ///< no answer until the client gives up
        json_request,  ///< INTERNAL with the complaint of a JSON codec about protobuf bytes, or about none
        json_answer,   ///< a JSON object in the place of the message
        half,          ///< the first half of the message
        garbage,
        huge,   ///< 65 MiB
        empty,  ///< a message of no bytes
    };
    /// What web3 does with a POST.
    enum class Web3 {
        normal,
        stall,
        close,  ///< ends the connection without an answer
        drip,   ///< a byte each 20 ms
        half,
        garbage,
        huge,  ///< 40 MiB
        http_429,
        http_500,
        one_error,  ///< one error object in the place of the list
        reversed,   ///< answers in the opposite order
        missing_last,
        doubled,  ///< every answer twice
        wrong_ids,
        wrong_types,  ///< numbers, lists and nulls as results
    };

    FakeNode();
    FakeNode(const FakeNode&) = delete;
    FakeNode& operator=(const FakeNode&) = delete;
    ~FakeNode();

    [[nodiscard]] std::string grpc() const;  ///< host:port
    [[nodiscard]] std::string web3() const;  ///< URL

    void set_pool(std::vector<Bytes> actions);
    /// Held, and told to the streams that are open. The tip is the highest.
    void push_block(std::uint64_t height, Bytes block_info);
    /// Held, but told to nobody: what a stream missed.
    void push_block_silently(std::uint64_t height, Bytes block_info);
    /// A message to the open streams, whatever it is.
    void stream(Bytes message);
    /// Block identifiers of streamed blocks follow `height`; blocks below are gone (NOT_FOUND).
    void prune_below(std::uint64_t height);
    /// What GetChainMeta says instead of the highest block.
    void set_chain_meta_height(std::optional<std::uint64_t> height);
    void set_account(const Address& address, const U256& balance, std::uint64_t nonce, Bytes code = {});
    void fail_address(const Address& address, bool fails);
    /// The tip moves while the n-th call from now on of a batch is answered.
    void move_tip_after_calls(std::optional<std::uint64_t> calls);
    void set_batch_limit(std::size_t calls);  ///< 100 until then
    /// Every list of requests gets this HTTP status, as from a balancer without batches; 0: a closed
    /// connection.
    void refuse_batches(int status);
    /// What GetServerMeta says; UNIMPLEMENTED until then.
    void set_version(std::string version);
    /// So many POSTs from now on get HTTP 502.
    void fail_next_posts(std::size_t count);
    void set_chain_id(std::uint64_t id);  ///< 4689 until then

    void set_grpc(Grpc mode);
    /// Of this method only, "GetRawBlocks".
    void set_grpc(const std::string& method, Grpc mode);
    void set_web3(Web3 mode);
    /// Ends every open stream with UNAVAILABLE.
    void end_streams();
    /// The gRPC server goes away (connections are cut) and comes back on the same port.
    void stop_grpc();
    void start_grpc();

    /// Blocks until so many streams are open.
    void wait_for_streams(std::size_t count);
    [[nodiscard]] std::size_t streams_opened() const;  ///< since the start
    [[nodiscard]] std::size_t calls(const std::string& method) const;
    [[nodiscard]] std::size_t web3_posts() const;
    [[nodiscard]] std::size_t largest_batch() const;  ///< that came, answered or not
    [[nodiscard]] std::size_t refused_batches() const;
    [[nodiscard]] std::uint64_t tip() const;

    struct Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm::test
