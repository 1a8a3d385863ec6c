// SPDX-License-Identifier: Apache-2.0
#pragma once

// Header-only; for the tests of NodeSource.

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "core/base/log.hpp"
#include "proto/node/source.hpp"
#include "test/support/fake_node.hpp"
#include "test/support/test_data.hpp"

namespace ioswarm::test {

inline const Address kPlain = fixed<Address>("f39fd6e51aad88f6f4ce6ab8827279cfffb92266");
inline const Address kContract = fixed<Address>("5fbdb2315678afecb367f032d93f642f64180aa3");
inline const Address kOther = fixed<Address>("70997970c51812dc3a010c7d01b50e0d17dc79c8");

/// Collects log lines.
struct LogLines {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::pair<LogLevel, std::string>> all;

    Log log() {
        return Log(LogLevel::debug, [this](LogLevel level, std::string_view text) {
            const std::lock_guard lock(mutex);
            all.emplace_back(level, text);
            changed.notify_all();
        });
    }
    /// Waits until such a line was logged.
    void wait_for(LogLevel level, const std::string& part) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] {
            return std::ranges::any_of(all, [&](const auto& line) {
                return line.first == level && line.second.find(part) != std::string::npos;
            });
        });
    }
    std::size_t count(LogLevel level, const std::string& part) {
        const std::lock_guard lock(mutex);
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const auto& line) {
            return line.first == level && line.second.find(part) != std::string::npos;
        }));
    }
};

/// A fake node, and a NodeSource with short times that uses it.
struct NodeWorld {
    LogLines lines;
    metrics::Registry metrics;
    FakeNode node;
    std::unique_ptr<proto::NodeSource> source;
    std::stop_source stop;

    /// `web3_watch` is long by default. Otherwise the requests that it causes would be counted together with
    /// the test's own.
    explicit NodeWorld(std::chrono::milliseconds call_timeout = std::chrono::seconds(30),
                       std::chrono::milliseconds quiet_time = std::chrono::milliseconds(100),
                       std::chrono::milliseconds web3_watch = std::chrono::hours(1)) {
        proto::NodeSettings settings;
        settings.metrics = metrics;
        settings.grpc = node.grpc();
        settings.web3 = node.web3();
        settings.call_timeout = call_timeout;
        settings.quiet_time = quiet_time;
        settings.first_backoff = std::chrono::milliseconds(5);
        settings.max_backoff = std::chrono::milliseconds(20);
        settings.web3_watch = web3_watch;
        settings.web3_poll = std::chrono::milliseconds(10);
        settings.settle_time = std::chrono::milliseconds(50);
        settings.jump_time = std::chrono::milliseconds(50);
        source = std::move(*proto::NodeSource::create(settings, lines.log()));
    }
    Result<ExecutedBlock> next(std::uint64_t height) { return source->blocks().next(height, stop.get_token()); }
    /// Retries until the block comes, as the coordinator does.
    ExecutedBlock insist(std::uint64_t height) {
        while (true) {
            auto block = next(height);
            if (block) return std::move(*block);
        }
    }
    void push(std::uint64_t height) { node.push_block(height, make_block_info(height)); }
    /// The reasons that /readyz would give because of the node.
    std::string reasons() const {
        Reasons out;
        source->add_reasons(out);
        return to_text(out);
    }
    Result<AccountState> account(const Address& address, std::uint64_t height) {
        return source->state().accounts({&address, 1}, height).front();
    }
};

inline std::vector<Bytes> recorded_pool() {
    return split_field_1(to_bytes(as_bytes(read_data("node/GetActPoolActions.bin"))));
}

}  // namespace ioswarm::test
