// SPDX-License-Identifier: Apache-2.0
#include "test/support/abuse.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <thread>

namespace ioswarm::test {

using h2::Type;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kAttackFor{500};
constexpr int kAttackers = 3;
constexpr int kTries = 3;
constexpr milliseconds kPause{10};

struct Cost {
    milliseconds slowest_answer;
    milliseconds slowest_elsewhere;  ///< of a server that is not attacked
    std::uint64_t memory;
    [[nodiscard]] bool is_bearable() const {
        return slowest_answer < kAnsweredSoon + kTimesAsSlow * slowest_elsewhere && memory < kMaxMemory;
    }
};

Cost attack_once(const std::string& name, const Attack& attack, const std::vector<std::string>& arguments) {
    ServerProcess server(arguments);
    REQUIRE(server.port() != 0);
    NormalAgent agent(server);
    ServerProcess elsewhere;
    REQUIRE(elsewhere.port() != 0);
    NormalAgent bystander(elsewhere);
    const auto before = server.resident_bytes();
    const auto until = steady_clock::now() + kAttackFor;
    std::atomic<int> running{kAttackers};
    std::vector<std::jthread> attackers;
    for (int i = 0; i < kAttackers; ++i) {
        attackers.emplace_back([&] {
            for (;;) {
                const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
                if (left.count() <= 0) break;
                attack(server.port(), left);
            }
            running.fetch_sub(1);
        });
    }
    std::jthread asks_elsewhere([&](const std::stop_token& stop) {
        while (!stop.stop_requested() && bystander.is_answered())
            std::this_thread::sleep_for(kPause);
    });
    bool is_always_answered = true;
    do {
        is_always_answered = agent.is_answered() && is_always_answered;
        // Without a pause it makes thousands of calls per second. Under attack on a busy machine gRPC then has
        // more than a thousand ended calls to report, which is more than a connection may hold.
        std::this_thread::sleep_for(kPause);
    } while (is_always_answered && running.load() > 0);
    attackers.clear();
    asks_elsewhere.request_stop();
    asks_elsewhere.join();
    INFO(name << "\n" << agent.failures() << server.counters_text());
    CHECK(is_always_answered);
    CHECK(agent.is_answered());
    CHECK(server.is_alive());
    CHECK(server.wait_for_memory(before + kMemoryKept, kMemoryBackWithin));
    const Cost cost{agent.slowest(), bystander.slowest(), server.peak_resident_bytes()};
    std::cout << "abuse: " << name << ": memory " << before / kMiB << " MiB, at most " << cost.memory / kMiB
              << ", then " << server.resident_bytes() / kMiB << "; slowest answer " << agent.slowest().count()
              << " ms, " << bystander.slowest().count() << " ms elsewhere" << std::endl;
    CHECK(server.stop() == 0);
    return cost;
}

}  // namespace

const Headers& good_credentials() {
    static const Headers credentials = credentials_of("attacker", kServerSecret);
    return credentials;
}

Bytes heartbeat_message() {
    return proto::encode(proto::Codec::protobuf, HeartbeatRequest{});
}

Bytes headers_frame(std::uint32_t stream, const h2::Fields& fields, std::uint8_t flags) {
    return h2::frame(Type::headers, flags, stream, h2::literal(fields));
}

Bytes repeated(const Bytes& piece, std::size_t times) {
    Bytes out;
    for (std::size_t i = 0; i < times; ++i)
        out.insert(out.end(), piece.begin(), piece.end());
    return out;
}

NormalAgent::NormalAgent(ServerProcess& server) : client_(server.port()) {
    const auto [status, response] =
        client_.ask<RegisterResponse>("Register", proto::Codec::json, RegisterRequest{}, headers_);
    CHECK(status.error_message() == "");
    CHECK(response.accepted);
    CHECK(client_.call("Register", {}, good_credentials()).status.ok());
}

bool NormalAgent::is_answered() {
    const auto before = steady_clock::now();
    const auto answer = client_.call("Heartbeat", heartbeat_message(), headers_, kAnsweredWithin);
    slowest_ = std::max(slowest_, std::chrono::duration_cast<milliseconds>(steady_clock::now() - before));
    if (!answer.status.ok()) {
        failures_ += std::to_string(answer.status.error_code()) + " " + answer.status.error_message() + "\n";
    }
    return answer.status.ok();
}

void survive(const std::string& name, const Attack& attack, const std::vector<std::string>& arguments) {
    bool is_bearable = false;
    for (int i = 0; i < kTries && !is_bearable; ++i)
        is_bearable = attack_once(name, attack, arguments).is_bearable();
    INFO(name);
    CHECK(is_bearable);
}

Attack flood_of(Bytes burst, bool takes_answers) {
    return [burst = std::move(burst), takes_answers](std::uint16_t port, milliseconds left) {
        H2Raw line(port);
        if (!line.begin()) return;
        (void)line.flood(burst, left, ~std::uint64_t{0}, takes_answers);
    };
}

}  // namespace ioswarm::test
