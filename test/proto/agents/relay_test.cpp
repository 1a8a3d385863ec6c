// SPDX-License-Identifier: Apache-2.0
// A diff goes from one coordinator to another: through the log, hub and port of the first, and through the
// source, feed and log of the second.
#include <catch2/catch.hpp>

#include <condition_variable>
#include <mutex>

#include "core/crypto/hmac.hpp"
#include "core/diffs/diff_feed.hpp"
#include "core/diffs/diff_hub.hpp"
#include "core/diffs/memory_diff_store.hpp"
#include "proto/agent_port/agent_server.hpp"
#include "proto/diffs/node_diffs.hpp"
#include "test/support/diff_rows.hpp"
#include "test/support/fake_agent_link.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

/// A coordinator that has diffs. Its port can be closed and opened again.
class Upstream {
  public:
    Upstream() : access_(AccessControl::open({kMasterSecret, "", ""}).value()) { open(); }

    void open() {
        hub_ = std::make_unique<DiffHub>(
            store_, DiffHubSettings{}, [] { return std::string(); }, Log());
        proto::AgentServerSettings settings;
        settings.address = "127.0.0.1";
        settings.port = port_;
        auto started = proto::AgentServer::start(settings, link_, *access_, Log(), hub_.get());
        if (!started) FAIL(started.error().text());
        server_ = std::move(*started);
        port_ = server_->port();
    }
    void close() {
        hub_->shutdown();
        server_.reset();
        hub_.reset();
    }
    /// Appends the diff of this height, and passes it to the hub.
    void grow(std::uint64_t height) {
        const DiffRow row = some_row(height);
        REQUIRE(store_.append({row}));
        if (hub_) hub_->on_appended(std::make_shared<const SharedDiff>(height, row.record));
    }
    void prune(std::uint64_t floor) { REQUIRE(store_.prune(floor, 1000)); }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] const MemoryDiffStore& store() const { return store_; }

  private:
    MemoryDiffStore store_;
    FakeAgentLink link_;
    std::unique_ptr<AccessControl> access_;
    std::unique_ptr<DiffHub> hub_;
    std::unique_ptr<proto::AgentServer> server_;
    std::uint16_t port_ = 0;
};

proto::NodeDiffSettings settings_for(const Upstream& upstream, const std::string& secret = kMasterSecret) {
    proto::NodeDiffSettings settings;
    settings.peer.target = {"127.0.0.1", upstream.port(), {}};
    settings.peer.agent_id = "relay";
    settings.peer.token = agent_token(secret, "relay");
    settings.before_second_ask = 0ms;
    return settings;
}

/// A coordinator that copies the diffs of the first one.
class Downstream {
  public:
    explicit Downstream(const Upstream& upstream, const std::string& secret = kMasterSecret)
        : source_(settings_for(upstream, secret), Log()) {
        DiffFeedSettings settings;
        settings.first_retry = 10ms;
        settings.last_retry = 20ms;
        settings.retain = 0;
        DiffFeedHooks hooks;
        hooks.on_appended = [this](const SharedDiffPtr& diff) {
            const std::lock_guard lock(mutex_);
            tip_ = diff->height();
            changed_.notify_all();
        };
        hooks.lowest_needed = [] { return std::optional<std::uint64_t>(); };
        feed_.emplace(source_, store_, settings, std::move(hooks), Log());
        feed_->start();
    }
    [[nodiscard]] bool reaches(std::uint64_t height) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 60s, [&] { return tip_ >= height; });
    }
    [[nodiscard]] const MemoryDiffStore& store() const { return store_; }

  private:
    MemoryDiffStore store_;
    proto::NodeDiffSource source_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t tip_ = 0;  // guarded by mutex_
    std::optional<DiffFeed> feed_;
};

}  // namespace

TEST_CASE("a relay's log equals the original at every height, also after its port was closed for a time",
          "[diffs]") {
    Upstream upstream;
    for (std::uint64_t height = 1; height <= 200; ++height)
        upstream.grow(height);
    Downstream relay(upstream);
    REQUIRE(relay.reaches(200));
    upstream.grow(201);
    REQUIRE(relay.reaches(201));
    for (std::uint64_t height = 202; height <= 230; height += 10) {
        upstream.close();
        upstream.grow(height);
        upstream.open();
        for (std::uint64_t next = height + 1; next < height + 10; ++next)
            upstream.grow(next);
        REQUIRE(relay.reaches(height + 9));
    }
    CHECK(relay.store().range() == upstream.store().range());
    CHECK(relay.store().tip_chain() == upstream.store().tip_chain());
}

TEST_CASE("a coordinator's refusal ends a relay's call with the reason", "[diffs]") {
    Upstream upstream;
    for (std::uint64_t height = 1; height <= 20; ++height)
        upstream.grow(height);
    upstream.prune(11);

    proto::NodeDiffSource late(settings_for(upstream), Log());
    const auto gone = late.next(5, {});
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code == ErrorCode::out_of_range);
    CHECK_THAT(gone.error().why, Catch::Contains("11"));
    CHECK(late.next(11, {}).value() == some_diff(11));

    proto::NodeDiffSource stranger(settings_for(upstream, "another secret"), Log());
    CHECK(stranger.next(11, {}).error().code == ErrorCode::unauthenticated);
}

TEST_CASE("a second relay with the same id replaces the first, and the first gets the reason", "[diffs]") {
    Upstream upstream;
    upstream.grow(1);
    proto::NodeDiffSource first(settings_for(upstream), Log());
    proto::NodeDiffSource second(settings_for(upstream), Log());
    REQUIRE(first.next(1, {}));
    REQUIRE(second.next(1, {}));
    const auto ended = first.next(2, {});
    REQUIRE_FALSE(ended);
    CHECK(ended.error().code == ErrorCode::unavailable);
    CHECK_THAT(ended.error().hint, Catch::Contains("same agent id"));
    upstream.grow(2);
    CHECK(second.next(2, {}).value() == some_diff(2));
}
