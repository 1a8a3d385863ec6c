// SPDX-License-Identifier: Apache-2.0
// P6: one agent that catches up on 10,000 diffs of a log on disk, over HTTP/2 on loopback, in both encodings.
// The floor is a bare send() loop with the same write size. P7: the server's CPU time per delivery of a live
// diff, with 1,000 and 10,000 streams, for diffs of 1.2 and 22 KB. The floor is the CPU time of a bare send()
// of the same bytes.
#include <array>
#include <chrono>
#include <string>
#include <thread>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/bench/bench_servers.hpp"
#include "test/bench/child_process.hpp"
#include "test/bench/diff_load.hpp"
#include "test/bench/goal.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t kDiffs = 10'000;
constexpr std::size_t kSmall = 1'200;
constexpr std::size_t kLarge = 22'000;
constexpr int kRounds = 3;

double seconds_since(steady_clock::time_point begin) {
    return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

double thread_cpu_us() {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    const auto us = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
    };
    return us(usage.ru_utime) + us(usage.ru_stime);
}

struct Sent {
    double a_second = 0;
    double cpu_us = 0;  // per send
};

/// A bare send() loop over a loopback TCP connection whose other end reads everything.
Sent send_loop(std::size_t bytes, std::size_t times) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::listen(listener, 1) != 0 ||
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        return {};
    }
    const int to = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(to, reinterpret_cast<const sockaddr*>(&address), size) != 0) return {};
    const int from = ::accept(listener, nullptr, nullptr);
    ::close(listener);
    std::jthread taker([from] {
        std::vector<char> buffer(256 << 10);
        while (::recv(from, buffer.data(), buffer.size(), 0) > 0) {
        }
        ::close(from);
    });
    const std::vector<char> message(bytes, 'x');
    const auto begin = steady_clock::now();
    const double cpu = thread_cpu_us();
    for (std::size_t i = 0; i < times; ++i) {
        for (std::size_t sent = 0; sent < bytes;) {
            const auto n = ::send(to, message.data() + sent, bytes - sent, MSG_NOSIGNAL);
            if (n <= 0) break;
            sent += static_cast<std::size_t>(n);
        }
    }
    const Sent out{static_cast<double>(times) / seconds_since(begin),
                   (thread_cpu_us() - cpu) / static_cast<double>(times)};
    ::shutdown(to, SHUT_WR);
    taker.join();
    ::close(to);
    return out;
}

/// Diffs per second for one agent that asks for everything from height `from` on.
double catch_up(const bench::ChildProcess& server, proto::Codec codec, std::uint64_t from,
                double* bytes = nullptr, double* first_us = nullptr) {
    static int agent = 0;
    const auto begin = steady_clock::now();
    bench::DiffLoad load(server.port(), fmt::format("catch-up-{}", agent++));
    load.measure_from(begin);
    load.open(1, from, codec);
    load.run_to(kDiffs);
    const double seconds = seconds_since(begin);
    if (bytes != nullptr) *bytes = static_cast<double>(load.bytes()) / static_cast<double>(load.diffs());
    if (first_us != nullptr) *first_us = load.take_latencies().at(0);
    if (load.gaps() != 0) fmt::print(stderr, "{} gaps\n", load.gaps());
    return static_cast<double>(load.diffs()) / seconds;
}

void bench_catch_up(std::size_t diff_bytes) {
    const test::TempDir folder;
    bench::ChildProcess server({"diffs", folder.path(), std::to_string(kDiffs), std::to_string(diff_bytes)});
    for (const auto codec : {proto::Codec::protobuf, proto::Codec::json}) {
        std::vector<double> rates;
        std::vector<double> floors;
        std::vector<double> shares;
        std::vector<double> first_of_all;
        std::vector<double> first_of_few;
        double bytes = 0;
        (void)catch_up(server, codec, 1, &bytes);
        const double before = server.resident_bytes();
        for (int round = 0; round < kRounds; ++round) {
            floors.push_back(send_loop(static_cast<std::size_t>(bytes), kDiffs).a_second);
            double first = 0;
            rates.push_back(catch_up(server, codec, 1, nullptr, &first));
            first_of_all.push_back(first);
            (void)catch_up(server, codec, kDiffs - 99, nullptr, &first);
            first_of_few.push_back(first);
            shares.push_back(rates.back() / floors.back());
        }
        const char* name = codec == proto::Codec::json ? "JSON" : "protobuf";
        const auto rate = bench::sample_of(rates);
        bench::print_goal("P6", fmt::format("catch-up of one agent, {:.0f} bytes each, {}", bytes, name), rate,
                          "1/s", bench::sample_of(floors), "≥ 300,000/s or ≥ 0.5× the floor",
                          rate.median >= 300'000 || bench::sample_of(shares).median >= 0.5);
        const auto few = bench::sample_of(first_of_few);
        const auto all = bench::sample_of(first_of_all);
        bench::print_goal("P6", fmt::format("first diff of {}, {}", kDiffs, name), all, "µs", few,
                          "≤ 1.5× that of a range of 100", all.median <= 1.5 * few.median);
        bench::print_figure("P6", fmt::format("memory more after it, {}", name),
                            bench::sample_of({(server.resident_bytes() - before) / 1048576}), "MiB");
    }
}

/// The server's CPU time per delivery while this many blocks go to all streams.
double cpu_per_delivery(bench::ChildProcess& server, bench::DiffLoad& load, std::uint64_t& tip,
                        std::size_t bytes, std::size_t blocks) {
    (void)server.ask(fmt::format("bytes {}", bytes));
    const double before = server.cpu_us();
    const std::uint64_t diffs = load.diffs();
    for (std::size_t i = 0; i < blocks; ++i) {
        (void)server.ask("append 1");
        load.run_to(++tip);
    }
    return (server.cpu_us() - before) / static_cast<double>(load.diffs() - diffs);
}

void bench_fan_out(std::size_t streams, proto::Codec codec) {
    const test::TempDir folder;
    bench::ChildProcess server({"diffs", folder.path(), "10", std::to_string(kSmall)});
    std::uint64_t tip = 10;
    bench::DiffLoad load(server.port(), "live");
    for (std::size_t i = 0; i < streams / 2; ++i)
        load.open(2, 0, codec);
    (void)server.ask(fmt::format("streams {}", streams));
    const std::size_t blocks = std::max<std::size_t>(2, 10'000 / streams);
    (void)cpu_per_delivery(server, load, tip, kLarge, 2);
    std::vector<double> small;
    std::vector<double> large;
    std::vector<double> allowed;
    for (int round = 0; round < 3; ++round) {
        small.push_back(cpu_per_delivery(server, load, tip, kSmall, blocks));
        large.push_back(cpu_per_delivery(server, load, tip, kLarge, blocks));
        const double bytes_cost = send_loop(kLarge, 5'000).cpu_us - send_loop(kSmall, 5'000).cpu_us;
        allowed.push_back(1.3 * small.back() + std::max(0.0, bytes_cost));
    }
    const char* name = codec == proto::Codec::json ? "JSON" : "protobuf";
    const auto figure = bench::sample_of(large);
    const auto most = bench::sample_of(allowed);
    bench::print_figure("P7", fmt::format("CPU a delivery of 1.2 KB, {} streams, {}", streams, name),
                        bench::sample_of(small), "µs");
    bench::print_goal("P7", fmt::format("CPU a delivery of 22 KB, {} streams, {}", streams, name), figure, "µs",
                      most, "≤ 1.3× that of 1.2 KB + the bytes' send cost (the floor)",
                      figure.median <= most.median);
    if (load.gaps() + load.ended() != 0)
        fmt::print(stderr, "{} gaps, {} streams ended\n", load.gaps(), load.ended());
}

}  // namespace

int main(int argc, char** argv) {
    if (const auto status = bench::serve_if_asked(argc, argv)) return *status;
    bench::allow_many_files();
    bench_catch_up(kSmall);
    bench_catch_up(kLarge);
    for (const std::size_t streams : {std::size_t{1'000}, std::size_t{10'000}}) {
        bench_fan_out(streams, proto::Codec::protobuf);
        bench_fan_out(streams, proto::Codec::json);
    }
    return 0;
}
