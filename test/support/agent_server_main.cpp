// SPDX-License-Identifier: Apache-2.0

// The agent port with a fake coordinator, as a separate process for the abuse tests. It takes the options
// below, each with a number. It prints "port N" and then reads commands from standard input: "counters" prints
// the counters, "give" sends a batch on every open task stream. At the end of its input it shuts down normally.

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include <sys/resource.h>

#include "proto/agent_port/agent_server.hpp"
#include "test/support/fake_agent_link.hpp"

int main(int argc, char** argv) {
    using namespace ioswarm;
    proto::AgentServerSettings settings;
    settings.address = "127.0.0.1";
    long feed_us = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string option = argv[i];
        const long value = std::strtol(argv[i + 1], nullptr, 10);
        if (option == "--files") {
            const rlimit limit{static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
            if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
            settings.accept.reserved_files = 0;  // lets accept itself run into EMFILE
        } else if (option == "--reserve") {
            settings.accept.reserved_files = static_cast<std::uint32_t>(value);
        } else if (option == "--feed-us") {
            feed_us = value;
        } else if (option == "--address-bound") {
            settings.accept.connections_per_address = static_cast<std::uint32_t>(value);
            settings.accept.loopback_is_proxy = false;
        } else if (option == "--bar-seconds") {
            settings.accept.barred_for = std::chrono::seconds(value);
        } else if (option == "--handshake-seconds") {
            settings.handshake_timeout = std::chrono::seconds(value);
        } else if (option == "--idle-seconds") {
            settings.idle_timeout = std::chrono::seconds(value);
        } else if (option == "--call-seconds") {
            settings.call_timeout = std::chrono::seconds(value);
        } else if (option == "--write-seconds") {
            settings.write_timeout = std::chrono::seconds(value);
        } else {
            std::fprintf(stderr, "unknown option %s\n", argv[i]);
            return 64;
        }
    }
    test::FakeAgentLink link;
    const auto access = AccessControl::open({"test-secret", "", ""});
    const Log log(LogLevel::warn, [](LogLevel, std::string_view text) {
        if (std::getenv("IOSWARM_TEST_LOG") == nullptr) return;
        std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
    });
    auto server = proto::AgentServer::start(settings, link, **access, log);
    if (!server) {
        std::fprintf(stderr, "%s\n", server.error().text().c_str());
        return 1;
    }
    std::printf("port %u\n", (*server)->port());
    std::fflush(stdout);

    std::jthread feed;
    if (feed_us > 0) {
        feed = std::jthread([&](const std::stop_token& stop) {
            TaskBatch batch;
            batch.batch_id = "b-1";
            batch.tasks.resize(10);
            for (auto& task : batch.tasks)
                task.tx_raw = Bytes(300, 7);
            while (!stop.stop_requested()) {
                link.give_all(batch);
                std::this_thread::sleep_for(std::chrono::microseconds(feed_us));
            }
        });
    }
    TaskBatch one;
    one.batch_id = "b-1";
    one.tasks.resize(1);
    std::array<char, 64> line{};
    while (std::fgets(line.data(), line.size(), stdin) != nullptr) {
        if (std::string_view(line.data()) == "give\n") {
            link.give_all(one);
            continue;
        }
        for (const auto& [name, value] : settings.metrics.values()) {
            std::printf("%s %llu\n", name.c_str(), static_cast<unsigned long long>(value));
        }
        std::printf("link_streams %zu\nend 0\n", link.open_streams());
        std::fflush(stdout);
    }
    feed = std::jthread();
    (*server)->shutdown(std::chrono::seconds(8));
    return 0;
}
