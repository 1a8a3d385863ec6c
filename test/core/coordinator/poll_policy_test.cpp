// SPDX-License-Identifier: Apache-2.0
#include "core/coordinator/poll_policy.hpp"

#include <vector>

#include <catch2/catch.hpp>

using namespace ioswarm;
using namespace std::chrono_literals;

namespace {

/// Reads a pool as the policy says, in simulated time.
class Poller {
  public:
    explicit Poller(std::chrono::milliseconds longest = 1s) : policy(longest) {}

    /// Reads once, then waits as long as the policy says. Returns the pause.
    std::chrono::nanoseconds read(bool has_new, std::uint64_t tip, std::chrono::nanoseconds took = 2ms) {
        const Clock::Steady begun = now;
        now += took;
        reading += took;
        policy.add({begun, now, has_new, tip});
        const auto pause = policy.pause(now);
        CHECK(pause.least <= pause.most);
        now += pause.most;
        return pause.most;
    }

    PollPolicy policy;
    Clock::Steady now{1h};
    std::chrono::nanoseconds reading{0};
};

}  // namespace

TEST_CASE("a pool that changes is read every 100 to 250 ms, a quiet one less and less often") {
    Poller poller;
    poller.read(true, 7);
    for (int i = 0; i < 20; ++i) {
        const auto pause = poller.read(i % 5 == 0, 7);
        CHECK(pause >= 100ms);
        CHECK(pause <= 250ms);
    }
    for (int i = 0; i < 40; ++i)
        poller.read(false, 7);
    CHECK(poller.read(false, 7) == 1s);
    CHECK(poller.read(true, 7) == 100ms);
}

TEST_CASE("the longest pause is the configured one, even below 100 ms") {
    for (const auto longest : {10ms, 150ms, 4000ms, 10'000ms}) {
        Poller poller(longest);
        for (int i = 0; i < 60; ++i)
            CHECK(poller.read(false, 7, 10us) <= longest);
        CHECK(poller.read(false, 7, 10us) == longest);
    }
}

TEST_CASE("a quiet pool is read every 100 ms from half a second before a block is due until it comes") {
    for (const auto interval : {2500ms, 5000ms}) {
        CAPTURE(interval.count());
        Poller poller;
        const Clock::Steady genesis = poller.now;
        const auto height = [&] { return static_cast<std::uint64_t>((poller.now - genesis) / interval) + 1; };
        while (poller.now < genesis + 20 * interval) {
            const Clock::Steady at = poller.now;
            const auto into_block = (at - genesis) % interval;
            const auto pause = poller.read(false, height());
            if (height() <= 8) continue;  // the policy has to learn the interval first
            if (into_block > interval - 300ms) CHECK(pause == 100ms);
            // A pause that begins earlier does not reach far into the time when a block is due.
            if (into_block < interval - 600ms) CHECK(into_block + pause < interval - 300ms);
        }
    }
}

TEST_CASE("after a tip that was far too high, the time of the next block is learned again") {
    Poller poller;
    const Clock::Steady genesis = poller.now;
    const auto height = [&] { return static_cast<std::uint64_t>((poller.now - genesis) / 5000ms) + 1; };
    poller.read(false, 1'000'000);
    while (height() <= 10)
        poller.read(false, height());
    // A block has just come, and the next one is 5 s away.
    int reads_before_due = 0;
    while ((poller.now - genesis) % 5000ms < 4000ms) {
        poller.read(false, height());
        ++reads_before_due;
    }
    CHECK(reads_before_due < 20);
    CHECK(poller.read(false, height()) < 1s);
    CHECK(poller.read(false, height()) == 100ms);
}

TEST_CASE("frequent reads end when the expected block stays away") {
    Poller poller;
    for (std::uint64_t height = 1; height < 8; ++height) {
        poller.read(false, height);
        poller.now += 2500ms;
    }
    for (int i = 0; i < 200; ++i)
        poller.read(false, 8);
    CHECK(poller.read(false, 8) == 1s);
}

TEST_CASE("reads take at most a fifth of the time, however slow the node and however busy the pool") {
    for (const auto took : {5ms, 30ms, 100ms, 700ms, 6000ms}) {
        CAPTURE(took.count());
        Poller poller;
        const Clock::Steady begin = poller.now;
        for (int i = 0; i < 200; ++i) {
            poller.read(true, 7, took);
            CHECK(poller.reading * 5 <= poller.now - begin);
        }
    }
}

TEST_CASE("one slow answer of an otherwise quick node delays reads little, because saved time pays for it") {
    Poller poller;
    for (int i = 0; i < 100; ++i)
        poller.read(true, 7);
    CHECK(poller.read(true, 7, 900ms) == 100ms);
}

TEST_CASE("an urgent read comes at least 100 ms after the last one") {
    PollPolicy policy(1s);
    const Clock::Steady now{1h};
    policy.add({now, now + 1ms, false, 7});
    CHECK(policy.pause(now + 1ms).least == 100ms);
}
