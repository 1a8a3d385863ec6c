// SPDX-License-Identifier: Apache-2.0
#include "test/bench/bench_servers.hpp"

#include <cstdlib>
#include <functional>
#include <iostream>
#include <random>
#include <string>
#include <thread>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <sys/resource.h>

#include "core/accounting/payroll.hpp"
#include "core/coordinator/coordinator.hpp"
#include "core/diffs/diff_hub.hpp"
#include "core/diffs/diff_record.hpp"
#include "core/diffs/memory_diff_store.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "core/ledger/ledger.hpp"
#include "proto/agent_port/agent_server.hpp"
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

template <typename T>
T or_die(Result<T> result) {
    if (result) return std::move(*result);
    std::cerr << result.error().text() << std::endl;
    std::_Exit(1);
}

/// A record of about `bytes` bytes with entries like those of transfers and calls. Their content does not
/// compress.
Bytes diff_like_record(std::uint64_t height, std::size_t bytes, std::mt19937_64& random) {
    const auto noise = [&random](std::size_t size) {
        Bytes out(size);
        for (auto& byte : out)
            byte = static_cast<std::uint8_t>(random());
        return out;
    };
    StateDiff diff;
    diff.height = height;
    diff.digest = noise(32);
    constexpr std::size_t kEntry = 200;
    for (std::size_t made = 0; made + kEntry <= bytes; made += kEntry)
        diff.entries.push_back({0, "Account", noise(20), noise(165)});
    return diff_record(diff);
}

/// Makes diffs and puts them where the feed of `serve` would.
class DiffMaker {
  public:
    DiffMaker(DiffStore& store, std::size_t bytes) : store_(store), bytes_(bytes) {}

    void set_bytes(std::size_t bytes) { bytes_ = bytes; }
    [[nodiscard]] std::uint64_t tip() const { return tip_; }
    /// Appends many diffs at once, before there is a hub.
    void fill(std::size_t count) {
        std::vector<DiffRow> rows;
        for (std::size_t i = 0; i < count; ++i)
            rows.push_back(next());
        append(std::move(rows));
    }
    void feed(DiffHub& hub) {
        DiffRow row = next();
        auto shared = std::make_shared<const SharedDiff>(row.height, row.record);
        append({std::move(row)});
        hub.on_appended(std::move(shared));
    }

  private:
    DiffRow next() {
        ++tip_;
        return {tip_, {}, {}, diff_like_record(tip_, bytes_, random_)};
    }
    void append(std::vector<DiffRow> rows) {
        if (auto done = store_.append(std::move(rows)); !done) {
            std::cerr << done.error().text() << std::endl;
            std::_Exit(1);
        }
    }
    DiffStore& store_;
    std::size_t bytes_;
    std::uint64_t tip_ = 0;
    std::mt19937_64 random_{1};
};

int serve_coordinator(const char* directory) {
    CoordinatorSettings settings;
    settings.max_agents = 20'000;
    settings.max_queued_batches = 100'000;
    settings.task_timeout = std::chrono::hours(1);
    settings.dispatch_heartbeat_age = std::chrono::hours(1);
    settings.eviction_age = std::chrono::hours(1);

    const SystemClock clock;
    BenchSource source;
    const auto ledger = or_die(Ledger::open(directory));
    const auto payroll = or_die(Payroll::open(*ledger, settings, clock, nullptr, {}));
    const auto access = or_die(AccessControl::open({std::string(kSecret), "", ""}));
    const auto coordinator = or_die(Coordinator::create(settings, source, source, source, *payroll, clock, {}));
    coordinator->start();
    MemoryDiffStore diffs({.max_rows = 100});
    DiffMaker maker(diffs, 22'000);
    DiffHub hub(diffs, {}, nullptr, {});
    hub.on_progress(
        [&](const std::string& agent, std::uint64_t height) { coordinator->diffs_written(agent, height); });
    proto::AgentServerSettings port;
    port.address = "127.0.0.1";
    const auto server = or_die(proto::AgentServer::start(port, *coordinator, *access, {}, &hub));
    obey(server->port(), [&](const std::string& command, std::size_t number) {
        if (command == "feed") source.feed(number);
        if (command == "mine") source.mine();
        for (std::size_t i = 0; command == "append" && i < number; ++i)
            maker.feed(hub);
        for (std::size_t i = 0; command == "blocks" && i < number; ++i)
            source.mine();
    });
}

/// Refuses all registrations, for a server of diffs only.
class NoAgents final : public AgentLink {
  public:
    void register_agent(const std::string&, const RegisterRequest&, RegisterDone done) override {
        done(nobody());
    }
    Result<std::unique_ptr<TaskStream>> open_task_stream(const std::string&, const GetTasksRequest&,
                                                         std::shared_ptr<StreamSink>) override {
        return nobody();
    }
    void submit(const std::string&, BatchResult, SubmitDone done) override { done(nobody()); }
    Result<HeartbeatResponse> heartbeat(const std::string&, const HeartbeatRequest&) override {
        return nobody();
    }
    void end_agent(const std::string&, const Error&) override {}

  private:
    static tl::unexpected<Error> nobody() { return fail(ErrorCode::unavailable, "only diffs here"); }
};

int serve_diffs(const std::string& directory, std::size_t count, std::size_t bytes) {
    const auto store = or_die(SqliteDiffStore::open(directory + "/statediffs.db"));
    DiffMaker maker(*store, bytes);
    while (maker.tip() < count)
        maker.fill(std::min<std::size_t>(500, count - maker.tip()));
    DiffHub hub(*store, {}, nullptr, {});
    NoAgents nobody;
    const auto access = or_die(AccessControl::open({std::string(kSecret), "", ""}));
    proto::AgentServerSettings port;
    port.address = "127.0.0.1";
    port.write_timeout = std::chrono::minutes(10);  // so that streams that stall on purpose are not ended
    const auto server = or_die(proto::AgentServer::start(port, nobody, *access, {}, &hub));
    obey(server->port(), [&](const std::string& command, std::size_t number) {
        if (command == "bytes") maker.set_bytes(number);
        for (std::size_t i = 0; command == "append" && i < number; ++i)
            maker.feed(hub);
        while (command == "streams" && hub.subscribers().size() < number)
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
