// SPDX-License-Identifier: Apache-2.0
#pragma once

// `ioswarm serve` as an operator runs it: its own process, agents over loopback, figures over HTTP.
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/crypto/hmac.hpp"
#include "core/sim/agent_rules.hpp"
#include "proto/agents/agent_group.hpp"
#include "test/support/free_port.hpp"
#include "test/support/http_user.hpp"
#include "test/support/program.hpp"
#include "test/support/temp_dir.hpp"

namespace ioswarm::test {

using namespace std::chrono_literals;
using Json = nlohmann::json;

inline constexpr auto kServePatience = 120s;

/// One in ten transactions is answered wrongly, always the same ones.
inline constexpr sim::WrongShare kWrong{3, 100};

/// `ioswarm serve` with its data in `dir`, started and ready, on its own ports. (The API's port cannot be 0:
/// that turns the API off.)
class Served {
  public:
    explicit Served(const TempDir& dir, std::vector<std::string> more = {}, int grpc_port = 0)
        : program_(arguments(dir, std::move(more), grpc_port)) {
        // The last line logged at the start, in all log formats. The file is written before it.
        if (!program_.wait_for("agents join at ")) FAIL("serve did not start:\n" << program_.err());
        const Json ready = Json::parse(dir.read("ready.json"));
        grpc_port_ = ready["grpc_port"];
        api_port_ = ready["api_port"];
    }

    Program& program() { return program_; }
    [[nodiscard]] int grpc_port() const { return grpc_port_; }
    [[nodiscard]] int api_port() const { return api_port_; }
    [[nodiscard]] HttpPage get(const std::string& path, const HttpHeaders& headers = {}) const {
        const auto page = HttpUser(api_port_).get(path, headers);
        if (!page) FAIL("no answer to " << path);
        return *page;
    }
    [[nodiscard]] Json json(const std::string& path) const { return Json::parse(get(path).body); }

    /// The command line of `ioswarm serve`.
    static std::vector<std::string> arguments(const TempDir& dir, std::vector<std::string> more,
                                              int grpc_port) {
        std::filesystem::remove(dir.path("ready.json"));
        std::vector<std::string> out{
            IOSWARM_BINARY,     "serve",
            "--data-dir",       dir.path("data"),
            "--ready-file",     dir.path("ready.json"),
            "--grpc-port",      std::to_string(grpc_port == 0 ? free_port() : grpc_port),
            "--swarm-api-port", std::to_string(free_port())};
        out.insert(out.end(), more.begin(), more.end());
        return out;
    }

  private:
    Program program_;
    int grpc_port_ = 0;
    int api_port_ = 0;
};

/// Agents in this process that reconnect at once when the coordinator comes back. Every second one uses JSON.
class Agents {
  public:
    Agents(int port, int count, const std::string& secret = {})
        : agents_({"127.0.0.1:" + std::to_string(port), false, {}, {}}, times(), 2, {}) {
        for (int i = 0; i < count; ++i) {
            proto::AgentProfile profile;
            profile.id = "agent-" + std::to_string(i);
            profile.codec = i % 2 == 0 ? proto::Codec::json : proto::Codec::protobuf;
            profile.wallet_address =
                "0x" + std::string(39, '0') + std::string(1, static_cast<char>('1' + i % 9));
            if (!secret.empty()) profile.token = agent_token(secret, profile.id);
            agents_.add(std::move(profile),
                        sim::with_wrong_share(kWrong, sim::deployed_rules(TaskLevel::l2_state_verify)));
        }
    }
    [[nodiscard]] proto::AgentCounters counters() const { return agents_.counters(); }

  private:
    static proto::AgentTimes times() {
        proto::AgentTimes out;
        out.retry_min = 20ms;
        out.retry_max = 50ms;
        out.heartbeat_every = 500ms;
        return out;
    }
    proto::AgentGroup agents_;
};

/// Checks the condition again and again, because events in another process cannot be awaited here. Returns
/// false after kServePatience.
template <typename Condition>
bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + kServePatience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(50ms);
    }
    return true;
}

}  // namespace ioswarm::test
