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

/// A node on loopback, with gRPC and web3 on free ports. It has a pool, blocks and accounts. Tests change them
/// while it runs and can make it misbehave. Thread-safe.
class FakeNode {
  public:
    /// What gRPC does with a call.
    enum class Grpc {
        normal,
        refuse,        ///< answers UNAVAILABLE
        stall,         ///< gives no answer until the client cancels
        json_request,  ///< INTERNAL with a JSON codec's complaint about protobuf bytes, or about an empty
                       ///< request
        json_answer,   ///< a JSON object instead of the message
        half,          ///< only the first half of the message
        garbage,
        huge,   ///< a message of 65 MiB
        empty,  ///< a message without bytes
    };
    /// What web3 does with a POST.
    enum class Web3 {
        normal,
        stall,
        close,  ///< closes the connection without an answer
        drip,   ///< one byte every 20 ms
        half,
        garbage,
        huge,  ///< an answer of 40 MiB
        http_429,
        http_500,
        one_error,  ///< one error object instead of the list
        reversed,   ///< answers in reverse order
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
    /// Stores the block and sends it on the open streams. The highest block is the tip.
    void push_block(std::uint64_t height, Bytes block_info);
    /// Stores the block without sending it, as if the stream had missed it.
    void push_block_silently(std::uint64_t height, Bytes block_info);
    /// Sends any message on the open streams.
    void stream(Bytes message);
    /// Blocks below `height` are gone: requests for them get NOT_FOUND.
    void prune_below(std::uint64_t height);
    /// The height that GetChainMeta returns instead of the highest block.
    void set_chain_meta_height(std::optional<std::uint64_t> height);
    void set_account(const Address& address, const U256& balance, std::uint64_t nonce, Bytes code = {});
    void fail_address(const Address& address, bool fails);
    /// The tip moves while the n-th call of a batch, counted from now, is answered.
    void move_tip_after_calls(std::optional<std::uint64_t> calls);
    void set_batch_limit(std::size_t calls);  ///< 100 by default
    /// Every list of requests gets this HTTP status, as from a balancer that does not support batches. 0 closes
    /// the connection.
    void refuse_batches(int status);
    /// The version that GetServerMeta returns. Until this is called, it answers UNIMPLEMENTED.
    void set_version(std::string version);
    /// This many POSTs from now on get HTTP 502.
    void fail_next_posts(std::size_t count);
    void set_chain_id(std::uint64_t id);       ///< what eth_chainId returns, 4689 by default
    void set_node_chain_id(std::uint64_t id);  ///< what GetChainMeta returns, 1 by default

    void set_grpc(Grpc mode);
    /// Sets the mode of this method only, for example "GetRawBlocks".
    void set_grpc(const std::string& method, Grpc mode);
    void set_web3(Web3 mode);
    /// Ends every open stream with UNAVAILABLE.
    void end_streams();
    /// Stops the gRPC server (all connections are cut) and starts it again on the same port.
    void stop_grpc();
    void start_grpc();

    /// Waits until this many streams are open.
    void wait_for_streams(std::size_t count);
    [[nodiscard]] std::size_t streams_opened() const;  ///< since the start
    [[nodiscard]] std::size_t calls(const std::string& method) const;
    [[nodiscard]] std::size_t web3_posts() const;
    [[nodiscard]] std::size_t largest_batch() const;  ///< of all received batches, answered or not
    [[nodiscard]] std::size_t refused_batches() const;
    [[nodiscard]] std::uint64_t tip() const;

    struct Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace ioswarm::test
