// SPDX-License-Identifier: Apache-2.0
#include "core/sim/l4_run.hpp"

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

#include "core/diffs/diff_hub.hpp"
#include "core/diffs/diff_record.hpp"
#include "core/diffs/memory_diff_store.hpp"
#include "core/model/state_digest.hpp"
#include "core/sim/embedded_chain.hpp"
#include "test/support/link_transport.hpp"
#include "test/support/lying_link.hpp"

using namespace ioswarm;
using namespace ioswarm::sim;
using namespace ioswarm::test;
using namespace std::chrono_literals;

namespace {

/// The log as the run sees it. Tests can falsify its rows.
class LyingStore final : public DiffStore {
  public:
    std::function<void(DiffRange&)> alter_range;
    std::function<void(DiffRow&)> alter_row;

    explicit LyingStore(DiffStore& truth) : truth_(truth) {}
    [[nodiscard]] DiffRange range() const override {
        DiffRange out = truth_.range();
        if (alter_range) alter_range(out);
        return out;
    }
    [[nodiscard]] Hash256 tip_chain() const override { return truth_.tip_chain(); }
    [[nodiscard]] Status append(std::vector<DiffRow> rows) override { return truth_.append(std::move(rows)); }
    [[nodiscard]] Result<std::vector<DiffRow>> read(std::uint64_t from, std::size_t max_rows,
                                                    std::size_t max_bytes) const override {
        auto rows = truth_.read(from, max_rows, max_bytes);
        if (rows && alter_row) {
            for (DiffRow& row : *rows)
                alter_row(row);
        }
        return rows;
    }
    [[nodiscard]] Result<std::size_t> prune(std::uint64_t floor, std::size_t max_rows) override {
        return truth_.prune(floor, max_rows);
    }
    [[nodiscard]] Status clear() override { return truth_.clear(); }

  private:
    DiffStore& truth_;
};

L4RunSettings short_run() {
    L4RunSettings out;
    out.duration = 600ms;
    out.chain.seed = 3;
    out.chain.block_time = 10ms;
    out.chain.tps = 300;
    out.chain.accounts = 50;
    out.chain.start_held = true;
    return out;
}

/// Everything that `ioswarm l4sim` has, but without disk and network.
struct L4RunWorld {
    L4RunSettings settings = short_run();
    SystemClock clock;
    std::unique_ptr<EmbeddedChain> chain;
    MemoryDiffStore store;
    DiffHub hub{store, {}, [] { return std::string(); }, Log()};
    LyingLink link{hub};
    LyingStore seen_store{store};
    std::atomic<std::uint64_t> tip{0};
    std::function<Result<L4State>(const L4State&)> through_snapshot = [](const L4State& state) {
        return state;
    };
    Status health;
    std::jthread feed;

    L4RunWorld() {
        auto made = EmbeddedChain::create(settings.chain, clock);
        REQUIRE(made);
        chain = *std::move(made);
        feed = std::jthread([this](const std::stop_token& stop) { run_feed(stop); });
    }

    void run_feed(const std::stop_token& stop) {
        for (std::uint64_t height = 1;; ++height) {
            const auto diff = chain->diffs().next(height, stop);
            if (!diff) return;
            const Bytes record = diff_record(*diff);
            if (!store.append({{height, *Hash256::from(diff->digest), {}, record}})) return;
            tip = height;
            hub.on_appended(std::make_shared<const SharedDiff>(height, record));
        }
    }

    L4Report run(const std::stop_token& stop = {}) {
        LinkTransport transport(link);
        const L4World world{transport,
                            seen_store,
                            [this] { chain->release(); },
                            [this] {
                                chain->hold();
                                return chain->tip()->height;
                            },
                            [this] { return tip.load(); },
                            through_snapshot,
                            [this] {
                                std::vector<std::string> out;
                                for (const DiffSubscriber& one : hub.subscribers())
                                    out.push_back(one.agent_id);
                                return out;
                            },
                            [this] { return health; }};
        auto report = run_l4(settings, world, stop, {});
        REQUIRE(report);
        return *std::move(report);
    }

    /// For tests with agents that never catch up, where waiting would only cost time.
    void wait_less() { settings.settle = 2s; }
};

std::set<std::string> failed(const L4Report& report) {
    std::set<std::string> out;
    for (const L4Check& check : report.checks) {
        if (!check.passed) out.insert(check.name);
    }
    return out;
}

const L4Check& check_of(const L4Report& report, const std::string& name) {
    for (const L4Check& check : report.checks) {
        if (check.name == name) return check;
    }
    FAIL("no check " << name);
    return report.checks.front();
}

/// The agent's id: l4-001 is always online, l4-002 joins from a snapshot, … in the order of the behaviours.
std::string agent(L4Behaviour behaviour) {
    return "l4-0" + std::string(behaviour == L4Behaviour::slow ? "10" : "0") +
           (behaviour == L4Behaviour::slow ? "" : std::to_string(static_cast<int>(behaviour) + 1));
}

SharedDiffPtr rebuilt(const SharedDiffPtr& diff, const std::function<void(StateDiff&)>& change) {
    StateDiff read = *read_diff_record(diff->record());
    change(read);
    return std::make_shared<const SharedDiff>(read.height, diff_record(read));
}

}  // namespace

TEST_CASE("ten L4 agents with ten behaviours pass all checks") {
    L4RunWorld world;
    const L4Report report = world.run();
    for (const L4Check& check : report.checks) {
        INFO(check.name << ": " << check.detail);
        CHECK(check.passed);
    }
    CHECK(report.checks.size() == 10);
    CHECK(report.passed());
    REQUIRE(report.agents.size() == 10);
    CHECK(report.tip > 5);
    const auto& by = [&](L4Behaviour behaviour) { return report.agents[static_cast<std::size_t>(behaviour)]; };
    CHECK(by(L4Behaviour::from_snapshot).began_at > 0);
    CHECK(by(L4Behaviour::from_snapshot).diffs == report.tip - by(L4Behaviour::from_snapshot).began_at);
    CHECK(by(L4Behaviour::late_80).diffs == report.tip);
    CHECK(by(L4Behaviour::away_20s).streams == 2);
    CHECK(by(L4Behaviour::away_twice).streams == 3);
    CHECK(by(L4Behaviour::quits).height < report.tip);
    CHECK(by(L4Behaviour::slow).state_hash == report.state_hash);
}

TEST_CASE("further L4 agents repeat the behaviours") {
    L4RunWorld world;
    world.settings.agents = 25;
    const L4Report report = world.run();
    CHECK(failed(report).empty());
    REQUIRE(report.agents.size() == 25);
    CHECK(report.agents[24].behaviour == report.agents[4].behaviour);
    CHECK(report.agents[24].id == "l4-025");
}

TEST_CASE("fewer L4 agents than behaviours are refused") {
    L4RunWorld world;
    world.settings.agents = 9;
    LinkTransport transport(world.link);
    const auto report = run_l4(world.settings, {transport, world.store, {}, {}, {}, {}, {}, {}}, {}, {});
    REQUIRE_FALSE(report);
    CHECK(report.error().code == ErrorCode::invalid_argument);
}

TEST_CASE("an L4 run that is stopped ends at once and without a report") {
    L4RunWorld world;
    world.settings.duration = 10min;
    std::stop_source stop;
    stop.request_stop();
    LinkTransport transport(world.link);
    const L4World seen{transport,
                       world.store,
                       [&] { world.chain->release(); },
                       [] { return std::uint64_t{0}; },
                       [] { return std::uint64_t{0}; },
                       world.through_snapshot,
                       [] { return std::vector<std::string>{}; },
                       [] { return Status(); }};
    const auto report = run_l4(world.settings, seen, stop.get_token(), {});
    REQUIRE_FALSE(report);
    CHECK(report.error().code == ErrorCode::cancelled);
}

TEST_CASE("an L4 run that is stopped in its middle reports what happened until then") {
    L4RunWorld world;
    world.settings.duration = 10min;
    std::stop_source stop;
    const std::jthread stopper([&] {
        while (world.tip < 20)
            std::this_thread::yield();
        stop.request_stop();
    });
    SECTION("nothing was wrong") {
        const L4Report report = world.run(stop.get_token());
        CHECK(report.stopped);
        CHECK(failed(report).empty());
        CHECK(report.passed());
        CHECK(report.tip >= 20);
        CHECK(report.agents.size() == world.settings.agents);
    }
    SECTION("something was wrong") {
        world.seen_store.alter_range = [](DiffRange& range) { range.floor = 2; };
        const L4Report report = world.run(stop.get_token());
        CHECK(report.stopped);
        CHECK(failed(report) == std::set<std::string>{"store_complete"});
    }
}

TEST_CASE("a diff log that lost its first diff is noticed") {
    L4RunWorld world;
    world.seen_store.alter_range = [](DiffRange& range) { range.floor = 2; };
    CHECK(failed(world.run()) == std::set<std::string>{"store_complete"});
}

TEST_CASE("a falsified row of the diff log with a matching digest is noticed") {
    L4RunWorld world;
    world.seen_store.alter_row = [](DiffRow& row) {
        if (row.height != 3) return;
        StateDiff diff = *read_diff_record(row.record);
        diff.entries[0].value = {1};
        row.digest = state_digest(diff.entries, DigestRules::current);
        diff.digest = to_bytes(row.digest.view());
        row.record = diff_record(diff);
    };
    const auto checks = failed(world.run());
    CHECK(checks.contains("store_complete"));
    CHECK_FALSE(checks.contains("no_gaps"));
}

TEST_CASE("a snapshot that does not restore the state is noticed") {
    L4RunWorld world;
    world.through_snapshot = [](const L4State& state) {
        L4State out = state;
        out.load("Account", Bytes{1}, Bytes{2});
        return out;
    };
    CHECK(failed(world.run()).contains("snapshot_round_trip"));
}

TEST_CASE("a diff that is missing in one stream is noticed") {
    L4RunWorld world;
    world.link.alter = [](const std::string& id, SharedDiffPtr diff) {
        return id == agent(L4Behaviour::late_40) && diff->height() == 4 ? nullptr : diff;
    };
    const L4Report report = world.run();
    CHECK(failed(report) == std::set<std::string>{"no_gaps", "state_hash"});
    CHECK(check_of(report, "no_gaps").detail.find(agent(L4Behaviour::late_40)) != std::string::npos);
}

TEST_CASE("an L4 agent that may not connect again is noticed") {
    L4RunWorld world;
    world.wait_less();
    std::mutex mutex;
    std::map<std::string, int> opened;
    world.link.refuse = [&](const std::string& id) -> std::optional<Error> {
        const std::lock_guard lock(mutex);
        if (id != agent(L4Behaviour::away_10s) || ++opened[id] == 1) return std::nullopt;
        return Error{ErrorCode::unavailable, "not again", id, "", ""};
    };
    const auto checks = failed(world.run());
    CHECK(checks == std::set<std::string>{"reconnects_caught_up", "state_hash"});
}

TEST_CASE("an always-online agent that gets no more diffs is noticed") {
    L4RunWorld world;
    world.wait_less();
    world.link.alter = [](const std::string& id, SharedDiffPtr diff) {
        return id == agent(L4Behaviour::always_online) && diff->height() > 3 ? nullptr : diff;
    };
    const auto checks = failed(world.run());
    CHECK(checks == std::set<std::string>{"always_online_in_step", "state_hash"});
}

TEST_CASE("a slow reader that is cut off is noticed") {
    L4RunWorld world;
    std::atomic<bool> done{false};
    world.link.alter = [&](const std::string& id, SharedDiffPtr diff) {
        if (id == agent(L4Behaviour::slow) && diff->height() == 3 && !done.exchange(true)) {
            std::thread([&world, id] {
                world.hub.end_agent(id, {ErrorCode::unavailable, "too slow", id, "", ""});
            }).join();
        }
        return diff;
    };
    CHECK(failed(world.run()) == std::set<std::string>{"slow_reader_survived"});
}

TEST_CASE("an agent whose end also ends another agent's stream is noticed") {
    L4RunWorld world;
    world.link.on_closed = [&](const std::string& id) {
        if (id == agent(L4Behaviour::quits))
            world.hub.end_agent(agent(L4Behaviour::always_online),
                                {ErrorCode::aborted, "mixed up", "", "", ""});
    };
    CHECK(failed(world.run()) == std::set<std::string>{"quitter_disturbs_no_one"});
}

TEST_CASE("a subscriber that is left at the end is noticed") {
    L4RunWorld world;
    world.wait_less();
    world.link.keeps_closed_streams = true;
    const auto checks = failed(world.run());
    CHECK(checks.contains("no_subscriber_left"));
    CHECK(checks.contains("quitter_disturbs_no_one"));
}

TEST_CASE("an alarm of the feed is noticed") {
    L4RunWorld world;
    world.health = fail(ErrorCode::data_loss, "the feed has stopped");
    CHECK(failed(world.run()) == std::set<std::string>{"no_crash"});
}

TEST_CASE("a falsified diff with a matching digest is noticed by the state's hash") {
    L4RunWorld world;
    world.link.alter = [](const std::string& id, SharedDiffPtr diff) {
        if (id != agent(L4Behaviour::away_twice) || diff->height() != 2) return diff;
        return rebuilt(diff, [](StateDiff& changed) {
            changed.entries.insert(changed.entries.begin(), {0, "Account", {1, 2, 3}, {4}});
            changed.digest = to_bytes(state_digest(changed.entries, DigestRules::current).view());
        });
    };
    CHECK(failed(world.run()) == std::set<std::string>{"state_hash"});
}

TEST_CASE("a falsified diff with its old digest is noticed by the agent that gets it") {
    L4RunWorld world;
    world.link.alter = [](const std::string& id, SharedDiffPtr diff) {
        if (id != agent(L4Behaviour::always_online) || diff->height() != 2) return diff;
        return rebuilt(diff, [](StateDiff& changed) { changed.entries.back().value[0] ^= 1; });
    };
    CHECK(failed(world.run()).contains("no_gaps"));
}
