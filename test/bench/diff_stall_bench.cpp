// SPDX-License-Identifier: Apache-2.0
// P11: of 10,000 subscribers 20% read nothing during many blocks. The bench measures the memory that this
// costs, its effect on the other subscribers, and whether the stalled ones receive every height afterwards. 100
// blocks are twice what their windows hold, and the program stays within a minute on a machine with two cores;
// `diff_stall_bench 1000` runs more. The floor of each figure is the same without stalls.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "test/bench/bench_servers.hpp"
#include "test/bench/child_process.hpp"
#include "test/bench/diff_load.hpp"
#include "test/bench/goal.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t kStreams = 10'000;
constexpr std::size_t kAConnection = 2;
constexpr std::size_t kBlocks = 100;
constexpr std::size_t kMeasured = 5;  ///< how many of them are sent one at a time, for the p99
constexpr std::size_t kBytes = 1'200;
/// How many bytes a real client's stream accepts without further requests.
constexpr std::uint32_t kWindow = 64 << 10;

struct Feed {
    bench::ChildProcess& server;
    bench::DiffLoad& load;
    std::uint64_t tip;

    /// Sends blocks one after the other; each is read by all active readers. A helper thread sends the command
    /// so that this thread can keep reading.
    void blocks(std::size_t count, std::size_t at_once) {
        while (count > 0) {
            const std::size_t now = std::min(count, at_once);
            std::jthread feeder([&] { (void)server.ask("append " + std::to_string(now)); });
            load.run_to(tip += now);
            count -= now;
        }
    }
    /// p99 of the time from the command to the diff's arrival.
    double p99_ms() {
        std::vector<double> all;
        for (std::size_t i = 0; i < kMeasured; ++i) {
            load.measure_from(steady_clock::now());
            blocks(1, 1);
            const auto some = load.take_latencies();
            all.insert(all.end(), some.begin(), some.end());
        }
        load.measure_from({});
        const auto at = all.begin() + static_cast<std::ptrdiff_t>(all.size() * 99 / 100);
        std::nth_element(all.begin(), at, all.end());
        return *at / 1000;
    }
};

}  // namespace

int main(int argc, char** argv) {
    if (const auto status = bench::serve_if_asked(argc, argv)) return *status;
    bench::allow_many_files();
    const std::size_t stalled_blocks = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : kBlocks;
    const test::TempDir folder;
    bench::ChildProcess server({"diffs", folder.path(), "200", std::to_string(kBytes)});
    bench::DiffLoad load(server.port(), "agent");
    for (std::size_t i = 0; i < kStreams / kAConnection; ++i)
        load.open(kAConnection, 0, i % 2 == 0 ? proto::Codec::json : proto::Codec::protobuf, kWindow);
    (void)server.ask("streams " + std::to_string(kStreams));
    Feed feed{server, load, 200};
    feed.blocks(60, 50);  // warm-up: everything has been used at least once
    const double p99_before = feed.p99_ms();
    const double bytes_before = server.resident_bytes();

    load.stall(kStreams / kAConnection / 5);
    feed.blocks(std::max(stalled_blocks, kMeasured) - kMeasured, 50);
    const double p99_after = feed.p99_ms();
    const double bytes_after = server.resident_bytes();
    load.resume();
    load.run_to(feed.tip);

    const auto one = [](double value) { return bench::Sample{value, value, value}; };
    bench::print_goal("P11", fmt::format("memory, 20% of {} stalled for {} blocks", kStreams, stalled_blocks),
                      one(bytes_after / 1048576), "MiB", one(bytes_before / 1048576), "≤ +2%",
                      bytes_after <= 1.02 * bytes_before);
    bench::print_goal("P11", "p99 of the others", one(p99_after), "ms", one(p99_before), "≤ 1.1×",
                      p99_after <= 1.1 * p99_before);
    bench::print_goal("P11", "gaps and ends of streams after the stalled resumed",
                      one(static_cast<double>(load.gaps() + load.ended())), "", one(0), "none",
                      load.gaps() + load.ended() == 0);
    return 0;
}
