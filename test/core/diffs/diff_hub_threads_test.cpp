// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <random>
#include <thread>

#include <catch2/catch.hpp>

#include "test/core/diffs/diff_reader_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::test;

namespace {

/// What happened to one agent. After each end it subscribes again from its own height, as agents do.
struct Story {
    std::uint64_t next = 1;
    std::uint64_t diffs = 0;
    std::uint64_t snapshots = 0;  ///< loaded because the height that it needed was pruned
    std::uint64_t aborted = 0;
    std::string broken;  ///< description of a broken promise
};

class Agent {
  public:
    Agent(DiffHub& hub, FakeDiffStore& store, std::string id, std::uint32_t seed, std::uint64_t last)
        : hub_(hub), store_(store), id_(std::move(id)), random_(seed), last_(last) {}

    void run() {
        while (story.broken.empty() && story.next <= last_)
            session();
    }
    Story story;

  private:
    bool one_in(std::uint32_t n) { return random_() % n == 0; }

    void session() {
        DiffReader reader(hub_, id_, story.next);
        if (reader.refusal) return after(*reader.refusal);
        while (story.next <= last_) {
            const SharedDiffPtr diff = reader.next();
            if (!diff) {
                if (!reader.end) story.broken = "no diff within a minute";
                return reader.end ? after(*reader.end) : void();
            }
            if (diff->height() != story.next)
                story.broken = fmt::format("{} for {}", diff->height(), story.next);
            if (read_diff_record(diff->record()).value() != diff_of_height(story.next))
                story.broken = "other bytes";
            if (!story.broken.empty()) return;
            ++story.next;
            ++story.diffs;
            // A stall.
            if (one_in(2000)) std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 30));
            if (one_in(800)) return;                                             // the client cancels
            if (one_in(800)) DiffReader(hub_, id_, one_in(2) ? 0 : story.next);  // a duplicate stream
        }
    }

    void after(const Error& end) {
        if (end.code == ErrorCode::aborted) {
            ++story.aborted;
            return;
        }
        // The only other valid reason: the height that it needs was pruned. (The test prunes faster than
        // operators do.)
        if (end.code != ErrorCode::out_of_range || end.which != std::to_string(story.next) ||
            store_.range().holds(story.next)) {
            story.broken = fmt::format("at {}: {}", story.next, end.text());
            return;
        }
        ++story.snapshots;
        story.next = store_.range().floor;
    }

    DiffHub& hub_;
    FakeDiffStore& store_;
    const std::string id_;
    std::mt19937 random_;
    const std::uint64_t last_;
};

}  // namespace

TEST_CASE(
    "with stalls, cancels, duplicates and pruning each of 100 readers gets a contiguous prefix and a true end",
    "[defect-7][defect-10][defect-31][defect-35]") {
    constexpr std::uint64_t kDiffs = 10'000;
    constexpr std::uint64_t kRetain = 3'000;
    HubFixture log(1, 1);
    std::vector<std::unique_ptr<Agent>> agents;
    std::vector<std::jthread> threads;
    for (std::uint32_t i = 0; i < 100; ++i)
        agents.push_back(
            std::make_unique<Agent>(*log.hub, log.store, fmt::format("agent-{}", i), i + 1, kDiffs));
    for (auto& agent : agents)
        threads.emplace_back([&agent] { agent->run(); });
    for (std::uint64_t height = 2; height <= kDiffs; ++height) {
        log.feed(height, height);
        if (height % 100 != 0 || height < kRetain) continue;
        REQUIRE(log.store.prune(height - kRetain, 500));
        // So that the feed does not end before the readers have started.
        std::this_thread::yield();
    }
    threads.clear();
    std::uint64_t diffs = 0;
    for (const auto& agent : agents) {
        CHECK(agent->story.broken == "");
        CHECK(agent->story.next == kDiffs + 1);
        diffs += agent->story.diffs;
    }
    CHECK(diffs > 100 * kRetain);
    CHECK(log.hub->subscribers().empty());
}

TEST_CASE("a stream that keeps up with a ring of one block gets no height twice") {
    // Each stream changes between the ring and the store at nearly every block, while pieces are read ahead for
    // it. A height that came twice was seen in one of three runs.
    constexpr std::uint64_t kDiffs = 20'000;
    DiffHubSettings settings;
    settings.ring_blocks = 1;
    settings.ahead_rows = 1;
    HubFixture log(1, 1, settings);
    std::vector<std::string> broken(16);
    std::vector<std::jthread> readers;
    std::atomic<std::uint64_t> slowest[16] = {};
    for (std::size_t i = 0; i < broken.size(); ++i) {
        readers.emplace_back([&, i] {
            DiffReader reader(*log.hub, fmt::format("agent-{}", i), 1);
            for (std::uint64_t wanted = 1; wanted <= kDiffs && broken[i].empty(); ++wanted) {
                const SharedDiffPtr diff = reader.next();
                if (!diff)
                    broken[i] = fmt::format("no diff {}", wanted);
                else if (diff->height() != wanted)
                    broken[i] = fmt::format("{} for {}", diff->height(), wanted);
                slowest[i] = wanted;
            }
            slowest[i] = kDiffs;
        });
    }
    for (std::uint64_t height = 2; height <= kDiffs; ++height) {
        log.feed(height, height);
        // Readers stay near the tip.
        for (const auto& at : slowest)
            while (at + 1 < height)
                std::this_thread::yield();
    }
    readers.clear();
    for (const std::string& story : broken)
        CHECK(story == "");
}

TEST_CASE("the hub survives thousands of joins and leaves during a fast feed", "[defect-31]") {
    HubFixture log(1, 200);
    std::atomic<bool> is_over{false};
    std::jthread feed([&] {
        for (std::uint64_t height = 201; !is_over; ++height) {
            log.feed(height, height);
            (void)log.store.prune(height - 150, 500);
        }
    });
    std::atomic<std::uint64_t> joined{0};
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 6; ++t) {
            threads.emplace_back([&, t] {
                for (int i = 0; i < 1500; ++i) {
                    // The threads share ids, so that streams of the same agent meet.
                    DiffReader reader(*log.hub, fmt::format("agent-{}", (t + i) % 9),
                                      i % 3 == 0 ? 0 : log.store.range().floor + 20);
                    if (reader.refusal) continue;
                    ++joined;
                    for (int n = 0; n < i % 5; ++n) {
                        if (!reader.next()) break;
                    }
                }
            });
        }
    }
    is_over = true;
    CHECK(joined > 1000);
    feed.join();
    CHECK(log.hub->subscribers().empty());
}

TEST_CASE("of 50 streams that one agent opens at once, one is left", "[defect-34]") {
    HubFixture log(1, 200);
    std::vector<std::unique_ptr<DiffReader>> readers(50);
    {
        std::vector<std::jthread> threads;
        for (auto& reader : readers) {
            threads.emplace_back(
                [&log, &reader] { reader = std::make_unique<DiffReader>(*log.hub, "one", 1); });
        }
    }
    log.feed(201, 210);
    int whole = 0;
    for (auto& reader : readers) {
        if (reader->read_to(210)) {
            ++whole;
        } else {
            CHECK(reader->end->code == ErrorCode::aborted);
        }
    }
    CHECK(whole == 1);
    CHECK(log.hub->subscribers().size() == 1);
}

TEST_CASE("shutdown ends all streams, whatever they and the store are doing", "[defect-32]") {
    for (int round = 0; round < 20; ++round) {
        HubFixture log(1, 500);
        std::vector<std::jthread> threads;
        std::atomic<int> begun{0};
        std::atomic<int> endless{0};
        for (int i = 0; i < 20; ++i) {
            threads.emplace_back([&, i] {
                DiffReader reader(*log.hub, fmt::format("a{}", i), i % 2 == 0 ? 1 : 0);
                ++begun;
                while (!reader.refusal && reader.next()) {
                }
                if (!reader.refusal && !reader.end) ++endless;
            });
        }
        while (begun < 5)
            log.feed(log.store.range().tip + 1, log.store.range().tip + 1);
        log.hub->shutdown();
        threads.clear();
        CHECK(endless == 0);
    }
}
