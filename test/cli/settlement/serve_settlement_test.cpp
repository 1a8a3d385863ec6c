// SPDX-License-Identifier: Apache-2.0
// The settler inside serve: its thread over a real ledger.db and settlement.db, on a chain in memory behind
// HTTP.
#include "cli/settlement/serve_settlement.hpp"

#include <condition_variable>
#include <mutex>

#include <catch2/catch.hpp>

#include "cli/config/config.hpp"
#include "cli/settlement/notices.hpp"
#include "contracts/sent_journal.hpp"
#include "core/base/decimal.hpp"
#include "settlement/store.hpp"
#include "settlement/view.hpp"
#include "test/cli/settlement/settle_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;

namespace {

const U256 kServeIotx{1'000'000'000'000'000'000};
constexpr std::chrono::minutes kLongest{1};

/// Collects log lines and can wait for one. Thread-safe.
class LogLines {
  public:
    [[nodiscard]] Log log() {
        return Log(LogLevel::info, [this](LogLevel, std::string_view line) {
            const std::lock_guard lock(mutex_);
            lines_.emplace_back(line);
            changed_.notify_all();
        });
    }
    /// Waits until `times` lines contain this text. Returns false after kLongest.
    [[nodiscard]] bool wait_for(const std::string& text, std::size_t times = 1) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, kLongest, [&] { return count(text) >= times; });
    }
    [[nodiscard]] std::size_t times(const std::string& text) {
        const std::lock_guard lock(mutex_);
        return count(text);
    }

  private:
    [[nodiscard]] std::size_t count(const std::string& text) const {
        return static_cast<std::size_t>(std::ranges::count_if(
            lines_, [&](const std::string& line) { return line.find(text) != std::string::npos; }));
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> lines_;
};

/// serve's settler on the data directory and chain of SettleWorld, with pauses of 5 ms.
struct ServeWorld {
    explicit ServeWorld(
        const std::string& settlement = "enabled: true, maxPerSettlementIOTX: 500, maxPerDayIOTX: 900") {
        set(settlement);
    }

    void set(const std::string& settlement) { w.config = w.dir.write("c.yaml", w.yaml(settlement)); }
    void init() const { REQUIRE(w.settle({"init", "--yes"}).code == 0); }
    [[nodiscard]] cli::ServeConfig config() const {
        cli::ConfigSources sources;
        sources.environment = [](const std::string&) -> std::optional<std::string> { return std::nullopt; };
        sources.files = {w.config};
        const auto loaded = cli::load_config(sources);
        if (!loaded) FAIL(loaded.error().front().text());
        return loaded->settings;
    }
    void start() {
        constexpr std::chrono::milliseconds kShort{5};
        auto made = cli::ServeSettlement::make(config(), clock, lines.log(), {kShort, kShort, kShort, kShort});
        if (!made) FAIL(made.error().text());
        REQUIRE(*made);
        settler = *std::move(made);
        settler->start();
    }
    /// The reason on /readyz why nothing is paid; empty if there is none.
    [[nodiscard]] std::string why_not() const {
        Reasons reasons;
        settler->add_reasons(reasons);
        return reasons.empty() ? "" : reasons.front().why;
    }
    [[nodiscard]] U256 has(const std::string& agent) const {
        return w.chain.balance(SettleWorld::wallet_of(agent));
    }

    SettleWorld w;
    SystemClock clock;
    LogLines lines;
    std::unique_ptr<cli::ServeSettlement> settler;  // last, because its thread uses the members above
};

}  // namespace

TEST_CASE("serve's settler pays an owed epoch, and passes final payouts on to the agents' notices",
          "[serve-settlement]") {
    ServeWorld serve;
    serve.w.close_epoch(0, {"a", "b"});
    serve.init();
    std::mutex mutex;
    std::condition_variable changed;
    cli::PayoutKeys told;
    bool told_too_early = false;  // before the money has moved
    const cli::SettlementNotices notices(
        serve.w.data,
        [&](const cli::PayoutKeys& keys) -> Result<std::size_t> {
            const std::lock_guard lock(mutex);
            told_too_early = told_too_early || serve.has("a") != kServeIotx * 10;
            told.insert(told.end(), keys.begin(), keys.end());
            changed.notify_all();
            return keys.size();
        },
        {}, std::chrono::milliseconds(5));
    serve.start();
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, kLongest, [&] { return told.size() == 2; }));
    CHECK(told == cli::PayoutKeys{{"a", 0}, {"b", 0}});
    CHECK_FALSE(told_too_early);
    CHECK(serve.has("b") == kServeIotx * 20);
    CHECK(serve.lines.wait_for("settlement: paid 30 IOTX for epoch 0, final"));
    CHECK(serve.w.chain.mined(serve.w.key.address()).size() == 1);
}

TEST_CASE("an epoch that ends while serve's settler is idle wakes it", "[serve-settlement]") {
    ServeWorld serve;
    serve.w.close_epoch(0, {"a"});
    serve.init();
    auto made = cli::ServeSettlement::make(
        serve.config(), serve.clock, serve.lines.log(),
        {std::chrono::hours(1), std::chrono::hours(1), std::chrono::hours(1), std::chrono::milliseconds(5)});
    REQUIRE(made);
    serve.settler = *std::move(made);
    serve.settler->start();
    REQUIRE(serve.lines.wait_for("for epoch 0, final"));
    serve.w.close_epoch(1, {"a"});
    serve.settler->epoch_closed(1);
    REQUIRE(serve.lines.wait_for("for epoch 1, final"));
    CHECK(serve.has("a") == kServeIotx * 20);
}

TEST_CASE("without settlement.db serve's settler names the command, and starts when the file exists",
          "[serve-settlement]") {
    ServeWorld serve;
    serve.w.close_epoch(0, {"a"});
    serve.start();
    REQUIRE(serve.lines.wait_for("make it once with 'ioswarm settle init'"));
    CHECK_THAT(serve.why_not(), Contains("nothing is paid") && Contains("ioswarm settle init"));
    serve.init();
    REQUIRE(serve.lines.wait_for("for epoch 0, final"));
    REQUIRE(serve.lines.wait_for("settlement: goes on"));
    CHECK(serve.why_not().empty());
    // 'settle init' locks the data directory for a moment, and the settler may log that too.
    CHECK(serve.lines.times("make it once with 'ioswarm settle init'") == 1);
}

TEST_CASE("while another settler locks the data directory serve's settler waits, and pays afterwards",
          "[serve-settlement]") {
    ServeWorld serve;
    serve.w.close_epoch(0, {"a"});
    serve.init();
    {
        const auto other = settlement::SettlementStore::open(serve.w.data);
        REQUIRE(other);
        serve.start();
        REQUIRE(serve.lines.wait_for("another settler is at work"));
        CHECK_THAT(serve.why_not(), Contains(std::to_string(getpid())));
        CHECK(serve.has("a") == 0);
    }
    REQUIRE(serve.lines.wait_for("for epoch 0, final"));
    CHECK(serve.has("a") == kServeIotx * 10);
}

TEST_CASE("serve signs nothing with the key of another wallet", "[serve-settlement]") {
    ServeWorld serve;
    serve.w.close_epoch(0, {"a"});
    serve.init();
    serve.w.dir.write("key", std::string(64, '8') + "\n");
    serve.start();
    REQUIRE(serve.lines.wait_for("give the key of that wallet"));
    CHECK_THAT(serve.why_not(), Contains(to_checksum_hex(serve.w.key.address())));
    CHECK(serve.w.chain.pooled() == 0);
    CHECK(serve.w.chain.mined(serve.w.key.address()).empty());
}

TEST_CASE("a key that cannot be read prevents serve's start, but only with settlement.enabled",
          "[serve-settlement]") {
    ServeWorld serve;
    std::filesystem::permissions(serve.w.key_file, std::filesystem::perms::others_read,
                                 std::filesystem::perm_options::add);
    const auto refused = cli::ServeSettlement::make(serve.config(), serve.clock, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::permission_denied);

    serve.set("maxPerSettlementIOTX: 500, maxPerDayIOTX: 900");
    std::filesystem::remove(serve.w.key_file);
    const auto off = cli::ServeSettlement::make(serve.config(), serve.clock, {});
    REQUIRE(off);
    CHECK(*off == nullptr);
}

TEST_CASE("while no endpoint answers /readyz says so, the log says it once, and the epoch is paid once later",
          "[serve-settlement]") {
    ServeWorld serve;
    serve.w.close_epoch(0, {"a"});
    serve.init();
    serve.w.node_away = true;
    serve.start();
    REQUIRE(serve.lines.wait_for("settlement: waits: "));
    const int asked = serve.w.server.connections();
    while (serve.w.server.connections() < asked + 3)
        std::this_thread::yield();
    // The settler logs the reason in the middle of its step. /readyz shows it only when the step has ended.
    while (serve.why_not().empty())
        std::this_thread::yield();
    CHECK_THAT(serve.why_not(), Contains("nothing is paid") && Contains(serve.w.server.url()));
    CHECK(serve.lines.times("settlement: waits: ") == 1);
    serve.w.node_away = false;
    REQUIRE(serve.lines.wait_for("for epoch 0, final"));
    CHECK(serve.lines.wait_for("settlement: goes on"));
    CHECK(serve.has("a") == kServeIotx * 10);
}

TEST_CASE("serve stays ready while small payouts wait for more, and logs the wait once", "[serve-settlement]") {
    // Given: less owed than the gas of its payment costs
    ServeWorld serve;
    serve.w.close_epoch(0, {"a"}, U256(1'000'000'000'000));
    serve.init();
    serve.start();
    REQUIRE(serve.lines.wait_for("settlement: waits: "));
    const int asked = serve.w.server.connections();
    while (serve.w.server.connections() < asked + 3)
        std::this_thread::yield();
    CHECK(serve.why_not().empty());
    CHECK(serve.lines.times("settlement: waits: ") == 1);
    CHECK(serve.lines.times("nothing is paid") == 0);
}

TEST_CASE("serve stops while a transaction is pending, and the next serve sends no second one",
          "[serve-settlement]") {
    ServeWorld serve;
    serve.w.close_epoch(0, {"a"});
    serve.init();
    serve.w.blocks_come = false;
    serve.w.chain.set_rules([](FakeChainRules& rules) { rules.mine_after_send = false; });
    serve.start();
    REQUIRE(serve.lines.wait_for("was sent with nonce 0"));
    serve.settler.reset();
    CHECK(serve.w.chain.pooled() == 1);
    CHECK(serve.has("a") == 0);

    serve.w.blocks_come = true;
    serve.start();
    REQUIRE(serve.lines.wait_for("for epoch 0, final"));
    CHECK(serve.has("a") == kServeIotx * 10);
    CHECK(serve.w.chain.mined(serve.w.key.address()).size() == 1);
}

TEST_CASE("above a limit serve's settler releases the file, so that fewer epochs can be paid by hand",
          "[serve-settlement]") {
    ServeWorld serve("enabled: true, maxPerSettlementIOTX: 15, maxPerDayIOTX: 900");
    serve.w.close_epoch(0, {"a"});
    serve.w.close_epoch(1, {"a"});
    serve.init();
    serve.start();
    REQUIRE(serve.lines.wait_for("settlement.maxPerSettlementIOTX"));
    CHECK_THAT(serve.why_not(), Contains("settle --epoch N"));
    // serve's settler may hold the lock at this moment, and then the command exits with 75.
    int code = 75;
    while (code == 75)
        code = serve.w.settle({"--epoch", "0"}).code;
    CHECK(code == 0);
    REQUIRE(serve.lines.wait_for("for epoch 1, final"));
    CHECK(serve.has("a") == kServeIotx * 20);
}

TEST_CASE("a halt stops only serve's settler, and 'settle resume' ends it while serve runs",
          "[serve-settlement]") {
    ServeWorld serve;
    serve.w.close_epoch(0, {"a"});
    serve.init();
    {
        const auto store = settlement::SettlementStore::open(serve.w.data);
        REQUIRE(store);
        REQUIRE((*store)->set_halt({settlement::HaltReason::reverted, "epoch 0 failed on chain", 1}));
    }
    serve.start();
    REQUIRE(serve.lines.wait_for("the settler has halted: epoch 0 failed on chain"));
    CHECK_THAT(serve.why_not(), Contains("ioswarm settle resume"));
    int code = 75;
    while (code == 75)
        code = serve.w.settle({"resume", "--yes"}).code;
    CHECK(code == 0);
    REQUIRE(serve.lines.wait_for("for epoch 0, final"));
    CHECK(serve.has("a") == kServeIotx * 10);
}

TEST_CASE(
    "given serve's settler may sign, when another command wants to send from its wallet, then it is refused",
    "[serve-settlement]") {
    ServeWorld serve;
    serve.w.close_epoch(0, {"a"});
    serve.init();
    const auto journal = [&] {
        return contracts::SentJournal::open(serve.w.dir.path("state/ioswarm/sent"), 4690,
                                            serve.w.key.address());
    };
    {
        const auto fund = journal();
        REQUIRE(fund);
        serve.start();
        REQUIRE(serve.lines.wait_for("the settling wallet is in use"));
        CHECK_THAT(serve.why_not(), Contains(std::to_string(getpid())));
        CHECK(serve.has("a") == 0);
    }
    REQUIRE(serve.lines.wait_for("for epoch 0, final"));
    const auto refused = journal();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::try_again);
}
