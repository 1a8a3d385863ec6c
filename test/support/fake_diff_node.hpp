// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/model/messages.hpp"

namespace ioswarm::test {

/// A coordinator's StreamStateDiffs that sends whatever a script says. It uses nghttp2 as the server, so its
/// HTTP/2 is correct. It listens on a free loopback port and has its own thread.
class FakeDiffNode {
  public:
    using Fields = std::vector<std::pair<std::string, std::string>>;

    /// One call as it arrived.
    struct Asked {
        std::map<std::string, std::string> headers;
        Bytes body;            ///< with gRPC's prefix
        std::string agent_id;  ///< from the request, as is the next
        std::uint64_t from_height = 0;
    };
    /// One action to perform on a call.
    struct Step {
        enum class Kind { headers, data, trailers, reset, hang_up, raw };
        Kind kind{};
        Fields fields = {};
        Bytes bytes = {};
    };
    using Steps = std::vector<Step>;
    /// Returns the steps for the nth call, counted from 0. Runs on the node's thread.
    using Script = std::function<Steps(const Asked&, std::size_t nth)>;

    explicit FakeDiffNode(Script script);
    ~FakeDiffNode();
    FakeDiffNode(const FakeDiffNode&) = delete;
    FakeDiffNode& operator=(const FakeDiffNode&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] std::vector<Asked> asked() const;
    [[nodiscard]] bool wait_for_asked(std::size_t count) const;
    [[nodiscard]] bool wait_for_pings(std::size_t count) const;
    /// Adds steps to the newest call. Pushes are handled in order, and before requests that arrive later.
    void push(Steps steps);
    /// The same, but `make` creates the steps on the node's thread, where the script runs too.
    void push(std::function<Steps()> make);
    /// Stops reading, writing and answering PINGs.
    void freeze();
    /// Bytes of data that were given to the newest call's connection.
    [[nodiscard]] std::uint64_t sent_bytes() const;

  private:
    struct Connection;
    void run();
    void accept_one();
    void apply(Connection& connection, Step step);
    void wake() const;

    const Script script_;
    int listener_ = -1;
    int wake_ = -1;
    std::uint16_t port_ = 0;
    std::vector<std::unique_ptr<Connection>> connections_;  ///< used by the node's thread only

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::vector<Asked> asked_;  ///< guarded by mutex_, as are all members below
    std::deque<std::function<Steps()>> pushed_;
    std::uint64_t sent_ = 0;
    std::size_t pings_ = 0;
    bool stopping_ = false;
    bool frozen_ = false;

    std::thread thread_;
};

/// The steps of a correct answer.
[[nodiscard]] FakeDiffNode::Step accept_step();
[[nodiscard]] FakeDiffNode::Step diff_step(const StateDiff& diff);
[[nodiscard]] FakeDiffNode::Step end_step(int grpc_status, const std::string& message = {});
/// Sends these bytes unchanged inside DATA frames.
[[nodiscard]] FakeDiffNode::Step data_step(Bytes bytes);

/// A small diff with a right digest: an account and the height.
[[nodiscard]] StateDiff small_diff(std::uint64_t height, const std::string& content = "balance");

}  // namespace ioswarm::test
