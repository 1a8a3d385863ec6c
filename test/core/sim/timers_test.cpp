// SPDX-License-Identifier: Apache-2.0
#include "core/sim/timers.hpp"

#include <future>
#include <vector>

#include <catch2/catch.hpp>

using namespace ioswarm::sim;
using namespace std::chrono_literals;

TEST_CASE("timers run in the order of their times, whatever the order they were set in") {
    std::promise<void> done;
    std::vector<int> ran;  // used only on one thread
    Timers timers;
    timers.after(30ms, [&] {
        ran.push_back(3);
        done.set_value();
    });
    timers.after(10ms, [&] { ran.push_back(1); });
    timers.after(20ms, [&] { ran.push_back(2); });
    done.get_future().wait();
    CHECK(ran == std::vector<int>{1, 2, 3});
}

TEST_CASE("a timer may set another one") {
    std::promise<int> done;
    Timers timers;
    timers.after(0ms, [&] { timers.after(0ms, [&] { done.set_value(7); }); });
    CHECK(done.get_future().get() == 7);
}

TEST_CASE("destroying the timers drops those that have not begun and waits for the one that has") {
    std::promise<void> began;
    std::promise<void> goes;
    bool ended = false;
    bool late_ran = false;
    {
        Timers timers;
        timers.after(1h, [&] { late_ran = true; });
        timers.after(0ms, [&] {
            began.set_value();
            goes.get_future().wait();
            ended = true;
        });
        began.get_future().wait();
        goes.set_value();
    }
    CHECK(ended);
    CHECK_FALSE(late_ran);
}
