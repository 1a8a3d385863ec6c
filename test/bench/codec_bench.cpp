// SPDX-License-Identifier: Apache-2.0
// The cost of the encodings: writing a batch of ten tasks and reading the answer to it. These figures have no
// goal. The floor of writing is a copy of the same number of bytes.
#include <chrono>
#include <cstring>
#include <string>

#include "proto/codec/codec.hpp"
#include "test/bench/goal.hpp"

namespace {

using namespace ioswarm;
using proto::Codec;

constexpr int kRounds = 11;

/// Nanoseconds per call: median and range over rounds of about 20 ms each.
template <typename Work>
bench::Sample nanoseconds_of(Work&& work) {
    using Clock = std::chrono::steady_clock;
    const auto time_of = [&](long calls) {
        const auto start = Clock::now();
        for (long i = 0; i < calls; ++i)
            work();
        return std::chrono::duration<double, std::nano>(Clock::now() - start).count() /
               static_cast<double>(calls);
    };
    const long calls = std::max(1L, static_cast<long>(20e6 / time_of(100)));
    std::vector<double> rounds;
    for (int i = 0; i < kRounds; ++i)
        rounds.push_back(time_of(calls));
    return bench::sample_of(std::move(rounds));
}

TaskBatch batch_of_ten() {
    TaskBatch batch;
    batch.batch_id = "0193a5c1-7f-0001";
    batch.timestamp = 1'795'360'018'385;
    for (std::uint32_t i = 0; i < 10; ++i) {
        TaskPackage task;
        task.task_id = 4'000'000'000U + i;
        // As long as a transfer with an Ethereum signature.
        task.tx_raw.assign(230, static_cast<std::uint8_t>(i + 1));
        task.level = TaskLevel::l2_state_verify;
        task.sender = AccountSnapshot{
            "0x14aedb14f3f73e04bb207a9af1e3d0d0a3ab1f20", "99999993567813999999997150", 151, {}};
        task.receiver = AccountSnapshot{"0x236cbf52125e68db8fa88b893ccafb2ee542f2d9", "0", 1, Bytes(32, 7)};
        task.block_height = 46'006'461;
        batch.tasks.push_back(std::move(task));
    }
    return batch;
}

BatchResult result_of_ten() {
    BatchResult batch;
    batch.agent_id = "agent-0001";
    batch.batch_id = "0193a5c1-7f-0001";
    batch.timestamp = 1'795'360'018'485;
    for (std::uint32_t i = 0; i < 10; ++i) {
        TaskResult result;
        result.task_id = 4'000'000'000U + i;
        result.valid = i != 3;
        if (!result.valid) result.reject_reason = "nonce too low: tx=1 account=7";
        result.gas_estimate = 21'000;
        result.latency_us = 104;
        batch.results.push_back(std::move(result));
    }
    return batch;
}

/// About 22 KB on the wire, the size for which the goal of diff delivery (P7) is defined.
StateDiff diff_of_a_block() {
    StateDiff diff;
    diff.height = 46'006'461;
    diff.digest = Bytes(32, 3);
    for (std::uint8_t i = 0; i < 100; ++i) {
        diff.entries.push_back({0, "Account", Bytes(20, i), Bytes(180, i)});
    }
    return diff;
}

template <typename M>
void measure(const std::string& what, const M& message) {
    for (const Codec codec : {Codec::protobuf, Codec::json}) {
        const std::string name = codec == Codec::json ? "JSON" : "protobuf";
        const Bytes payload = proto::encode(codec, message);
        const std::string size = std::to_string(payload.size()) + " bytes";
        const volatile std::uint8_t* sink = nullptr;
        bench::print_figure("wire", what + ", encode, " + name + ", " + size, nanoseconds_of([&] {
                                const Bytes out = proto::encode(codec, message);
                                sink = out.data();
                            }),
                            "ns");
        bench::print_figure("wire", what + ", decode, " + name, nanoseconds_of([&] {
                                const auto in = proto::decode<M>(codec, payload);
                                if (!in) std::abort();
                            }),
                            "ns");
        bench::print_figure("wire", "copy of as many bytes", nanoseconds_of([&] {
                                const Bytes out = payload;
                                sink = out.data();
                            }),
                            "ns");
    }
}

}  // namespace

int main() {
    measure("TaskBatch of 10", batch_of_ten());
    measure("BatchResult of 10", result_of_ten());
    measure("StateDiff of 100", diff_of_a_block());
    return 0;
}
