// SPDX-License-Identifier: Apache-2.0
#include "test/bench/bench_servers.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <sys/resource.h>

#include "cli/wiring/wired_coordinator.hpp"
#include "core/auth/access.hpp"
#include "core/base/try.hpp"
#include "core/diffs/diff_record.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "core/model/state_digest.hpp"
#include "core/ports/state_diff_source.hpp"
#include "proto/agent_port/agent_transport.hpp"
#include "proto/codec/codec.hpp"
#include "test/bench/bench_source.hpp"

namespace ioswarm::bench {
namespace {

double cpu_us() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto us = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
    };
    return us(usage.ru_utime) + us(usage.ru_stime);
}

/// Answers commands until the parent process ends, then exits at once. Nothing here needs an orderly end.
[[noreturn]] void obey(std::uint16_t port,
                       const std::function<void(const std::string& command, std::size_t number)>& act) {
    std::cout << "port " << port << std::endl;
    std::string line;
    while (std::getline(std::cin, line)) {
        if (line == "cpu") {
            std::cout << std::fixed << cpu_us() << std::endl;
            continue;
        }
        const std::size_t space = std::min(line.find(' '), line.size());
        act(line.substr(0, space), std::strtoull(line.c_str() + space, nullptr, 10));
        std::cout << "ok" << std::endl;
    }
    std::_Exit(0);
}

[[noreturn]] void die(const Error& error) {
    std::cerr << error.text() << std::endl;
    std::_Exit(1);
}

template <typename T>
T or_die(Result<T> result) {
    if (!result) die(result.error());
    return *std::move(result);
}

void or_die(const Status& status) {
    if (!status) die(status.error());
}

/// A diff of about `bytes` bytes with entries like those of transfers and calls. Their content does not
/// compress. The same height and size give the same diff.
StateDiff bench_diff(std::uint64_t height, std::size_t bytes) {
    std::mt19937_64 random(height);
    const auto noise = [&random](std::size_t size) {
        Bytes out(size);
        for (auto& byte : out)
            byte = static_cast<std::uint8_t>(random());
        return out;
    };
    StateDiff diff;
    diff.height = height;
    constexpr std::size_t kEntry = 200;
    for (std::size_t made = 0; made + kEntry <= bytes; made += kEntry)
        diff.entries.push_back({0, "Account", noise(20), noise(165)});
    const Hash256 digest = state_digest(diff.entries, DigestRules::current);
    diff.digest.assign(digest.bytes.begin(), digest.bytes.end());
    return diff;
}

/// Appends diffs of heights 1 to `count` to a new log, many per commit.
Status fill(DiffStore& store, std::uint64_t count, std::size_t bytes) {
    constexpr std::size_t kRowsPerCommit = 500;
    std::vector<DiffRow> rows;
    for (std::uint64_t height = 1; height <= count; ++height) {
        const StateDiff diff = bench_diff(height, bytes);
        rows.push_back({height, Hash256::from(diff.digest).value(), {}, diff_record(diff)});
        if (rows.size() == kRowsPerCommit || height == count) IOSWARM_DO(store.append(std::exchange(rows, {})));
    }
    return {};
}

/// A source of state diffs that goes on when the benchmark says so. Thread-safe.
class BenchDiffs final : public StateDiffSource {
  public:
    /// Begins with the diffs of heights 1 to `tip`.
    BenchDiffs(std::uint64_t tip, std::size_t bytes) : tip_(tip), bytes_(bytes) {}

    /// Sets the size of later diffs.
    void set_bytes(std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        bytes_ = bytes;
    }
    /// Makes `count` diffs, one after the other. Returns when the last one is in the log of `service`.
    void append(const cli::DiffService& service, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            std::uint64_t tip = 0;
            {
                const std::lock_guard lock(mutex_);
                tip = ++tip_;
            }
            changed_.notify_all();
            while (service.store().range().tip < tip) {
                if (const Status health = service.health(); !health) die(health.error());
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
        }
    }

    [[nodiscard]] Result<StateDiff> next(std::uint64_t height, std::stop_token stop) override {
        height = std::max<std::uint64_t>(height, 1);
        std::unique_lock lock(mutex_);
        if (!changed_.wait(lock, stop, [&] { return height <= tip_; }))
            return fail(ErrorCode::cancelled, "no diff");
        return bench_diff(height, bytes_);
    }

  private:
    std::mutex mutex_;  // guards everything below
    std::condition_variable_any changed_;
    std::uint64_t tip_;
    std::size_t bytes_;
};

/// The settings of the port for agents, on loopback.
proto::AgentServerSettings loopback() {
    proto::AgentServerSettings out;
    out.address = "127.0.0.1";
    return out;
}

int serve_coordinator(const char* directory) {
    BenchSource source;
    BenchDiffs diffs(0, 22'000);
    cli::CoordinatorWiring wiring;
    cli::CoordinatorWiring::Work& work = wiring.work.emplace();
    work.settings.max_agents = 20'000;
    work.settings.max_queued_batches = 100'000;
    work.settings.task_timeout = std::chrono::hours(1);
    work.settings.dispatch_heartbeat_age = std::chrono::hours(1);
    work.settings.eviction_age = std::chrono::hours(1);
    work.ledger_dir = directory;
    wiring.open_chain = [&](std::uint64_t) {
        return cli::ChainPorts{nullptr, &source, &source, &source, nullptr, &diffs};
    };
    wiring.diffs.emplace();  // in memory

    const SystemClock clock;
    const auto access = or_die(AccessControl::open({std::string(kSecret), "", ""}));
    const auto wired = or_die(cli::WiredCoordinator::create(std::move(wiring), clock, {}));
    or_die(wired->open_port(loopback(), *access, {}));
    wired->start();
    obey(wired->port().port(), [&](const std::string& command, std::size_t number) {
        if (command == "feed") source.feed(number);
        if (command == "mine") source.mine();
        if (command == "append") diffs.append(*wired->diffs(), number);
        for (std::size_t i = 0; command == "blocks" && i < number; ++i)
            source.mine();
    });
}

int serve_diffs(const std::string& directory, std::size_t count, std::size_t bytes) {
    BenchDiffs diffs(count, bytes);
    cli::CoordinatorWiring wiring;
    wiring.open_chain = [&](std::uint64_t) {
        cli::ChainPorts ports;
        ports.diffs = &diffs;
        return ports;
    };
    cli::DiffServiceSettings& log = wiring.diffs.emplace();
    log.file = directory + "/statediffs.db";
    log.on_open = [&](SqliteDiffStore& store) { return fill(store, count, bytes); };

    const SystemClock clock;
    const auto access = or_die(AccessControl::open({std::string(kSecret), "", ""}));
    const auto wired = or_die(cli::WiredCoordinator::create(std::move(wiring), clock, {}));
    proto::AgentServerSettings port = loopback();
    port.write_timeout = std::chrono::minutes(10);  // so that streams that stall on purpose are not ended
    or_die(wired->open_port(port, *access, {}));
    wired->start();
    obey(wired->port().port(), [&](const std::string& command, std::size_t number) {
        if (command == "bytes") diffs.set_bytes(number);
        if (command == "append") diffs.append(*wired->diffs(), number);
        while (command == "streams" && wired->diffs()->hub().subscribers().size() < number)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
    });
}

template <typename M>
grpc::ByteBuffer fixed(proto::Codec codec, const M& message) {
    const Bytes bytes = proto::encode(codec, message);
    const grpc::Slice slice(bytes.data(), bytes.size());
    return {&slice, 1};
}

/// The fixed answers in one encoding.
struct FixedAnswers {
    explicit FixedAnswers(proto::Codec codec)
        : registered(fixed(codec, RegisterResponse{true, "", 10})),
          submitted(fixed(codec, SubmitResponse{true, ""})),
          alive(fixed(codec, HeartbeatResponse{true, "continue", {}})) {}
    grpc::ByteBuffer registered;
    grpc::ByteBuffer submitted;
    grpc::ByteBuffer alive;
};

class BareCall final : public grpc::ServerGenericBidiReactor {
  public:
    /// `held`: the call is a task stream. There is one fixed answer per encoding.
    BareCall(bool held, const grpc::ByteBuffer& json, const grpc::ByteBuffer& protobuf)
        : held_(held), json_(json), protobuf_(protobuf) {
        StartRead(&body_);
    }

    void OnReadDone(bool ok) override {
        if (held_) return body_.Clear();
        if (!ok) return Finish(grpc::Status::CANCELLED);
        grpc::Slice slice;
        (void)body_.DumpToSingleSlice(&slice);
        const bool is_json = proto::codec_of({slice.begin(), slice.size()}) == proto::Codec::json;
        body_ = is_json ? json_ : protobuf_;
        StartWriteAndFinish(&body_, {}, grpc::Status::OK);
    }
    void OnCancel() override {
        if (held_) Finish(grpc::Status::CANCELLED);
    }
    void OnDone() override { delete this; }

  private:
    const bool held_;
    const grpc::ByteBuffer& json_;
    const grpc::ByteBuffer& protobuf_;
    grpc::ByteBuffer body_;
};

class BareService final : public grpc::CallbackGenericService {
  public:
    grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
        const std::string& method = context->method();
        if (method.ends_with("/GetTasks") || method.ends_with("/StreamStateDiffs"))
            return new BareCall(true, json_.registered, protobuf_.registered);
        if (method.ends_with("/SubmitResults"))
            return new BareCall(false, json_.submitted, protobuf_.submitted);
        if (method.ends_with("/Heartbeat")) return new BareCall(false, json_.alive, protobuf_.alive);
        return new BareCall(false, json_.registered, protobuf_.registered);
    }

  private:
    const FixedAnswers json_{proto::Codec::json};
    const FixedAnswers protobuf_{proto::Codec::protobuf};
};

int serve_bare() {
    BareService service;
    grpc::ServerBuilder builder;
    proto::configure_transport(builder, {});
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterCallbackGenericService(&service);
    const auto server = builder.BuildAndStart();
    if (!server) return 1;
    obey(static_cast<std::uint16_t>(port), [](const std::string&, std::size_t) {});
}

}  // namespace

std::optional<int> serve_if_asked(int argc, char** argv) {
    const std::string_view role = argc > 1 ? argv[1] : "";
    if (role == "coordinator" && argc > 2) return serve_coordinator(argv[2]);
    if (role == "bare") return serve_bare();
    if (role == "diffs" && argc > 4)
        return serve_diffs(argv[2], std::strtoull(argv[3], nullptr, 10), std::strtoull(argv[4], nullptr, 10));
    return std::nullopt;
}

}  // namespace ioswarm::bench
