// SPDX-License-Identifier: Apache-2.0
// serve with settlement.enabled on anvil, whose data directory is on a small disk. The disk is full at chosen
// moments of a settlement and is freed again.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/net/http_client.hpp"
#include "settlement/view.hpp"
#include "test/e2e/settle_fixture.hpp"
#include "test/support/free_port.hpp"
#include "test/support/http_user.hpp"
#include "test/support/scripted_http.hpp"
#include "test/support/small_disk.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using settlement::IntentState;

namespace {

/// The state of the intent under way when the settler asks the chain something. Nothing: there is no intent.
using Moment = std::optional<IntentState>;

/// A chain endpoint that fills the disk when a request comes at the chosen moment, before the request is
/// answered.
class FillingProxy {
  public:
    FillingProxy(const SmallDisk& disk, std::string data_dir, const std::string& upstream)
        : disk_(disk),
          data_dir_(std::move(data_dir)),
          upstream_(HttpClient::create(upstream).value()),
          server_([this](HttpConnection& peer, const std::string& body) { return handle(peer, body); }) {}

    [[nodiscard]] std::string url() const { return server_.url(); }
    void fill_at(Moment moment) {
        const std::scoped_lock lock(mutex_);
        moment_ = moment;
        is_armed_ = true;
    }
    [[nodiscard]] bool has_filled() {
        const std::scoped_lock lock(mutex_);
        return !is_armed_;
    }

  private:
    bool handle(HttpConnection& peer, const std::string& body) {
        const std::scoped_lock lock(mutex_);
        // Only the settler asks for views of the contract and for nonces; the balance is asked for by others
        // too.
        const bool is_settler = body.find("eth_getBalance") == std::string::npos;
        if (is_armed_ && is_settler && is_now()) {
            disk_.fill();
            is_armed_ = false;
        }
        const auto answer = upstream_->post(body);
        return answer && peer.answer(answer->body);
    }
    [[nodiscard]] bool is_now() const {
        const auto view = settlement::SettlementView::open(data_dir_);
        if (!view) return false;
        const auto summary = (*view)->summary();
        if (!summary) return false;
        return summary->live ? Moment(summary->live->state) == moment_ : moment_ == std::nullopt;
    }

    const SmallDisk& disk_;
    std::string data_dir_;
    std::unique_ptr<HttpClient> upstream_;
    std::mutex mutex_;
    Moment moment_;
    bool is_armed_ = false;
    ScriptedHttp server_;  // last, because its threads use the members above
};

/// Waits until `what` holds, for at most two minutes.
bool holds_soon(const std::function<bool()>& what) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (std::chrono::steady_clock::now() < until) {
        if (what()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
}

std::uint64_t paid_intents(const std::string& data_dir) {
    const auto view = settlement::SettlementView::open(data_dir);
    if (!view) return 0;
    const auto summary = (*view)->summary();
    return summary ? summary->paid_intents : 0;
}

std::size_t times_in(const std::string& text, const std::string& what) {
    std::size_t out = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
        ++out;
    return out;
}

/// Mounts the disk over the data directory, and keeps the files that are there.
std::unique_ptr<SmallDisk> mount_over(const std::string& data_dir) {
    const std::filesystem::path before = data_dir + ".before";
    std::filesystem::rename(data_dir, before);
    std::filesystem::create_directory(data_dir);
    auto out = std::make_unique<SmallDisk>(data_dir, "24m");
    if (out->is_mounted()) std::filesystem::copy(before, data_dir, std::filesystem::copy_options::recursive);
    return out;
}

constexpr const char* kServeKeys =
    "    enabled: true\n"
    "  grpcPort: 0\n"
    "  epochRewardIOTX: 20\n"
    "  reward:\n"
    "    epochBlocks: 5\n"
    "    minEpochSeconds: 1\n"
    "    minTasksForReward: 1\n"
    "  chain:\n"
    "    blockTime: 1s\n"
    "    tps: 10\n";

}  // namespace

TEST_CASE(
    "given serve settles, when the disk is full at any moment of it, then it pays once when there is room",
    "[.][full-disk]") {
    SettleWorld world({"full disk", settlement::PoolVersion::v3, true}, "full disk", kServeKeys);
    const auto disk = mount_over(world.data_dir());
    if (!disk->is_mounted()) return;
    const int api_port = free_port();
    FillingProxy proxy(*disk, world.data_dir(), SettleChain::get().url());
    Program serve(
        {IOSWARM_BINARY, "serve", "--embedded", "--config", world.path("settle.yaml"), "--reward-rpc-url",
         proxy.url(), "--swarm-api-port", std::to_string(api_port), "--ready-file", world.path("ready.json")},
        world.environment());
    REQUIRE(serve.wait_for("agents join at "));
    std::ifstream file(world.path("ready.json"));
    const int port = nlohmann::json::parse(file)["grpc_port"];
    HttpUser api(api_port);
    Program agents({IOSWARM_BINARY, "sim", "--target", "127.0.0.1:" + std::to_string(port), "--agents", "2",
                    "--duration", "10m", "--wallets",
                    world.write("wallets",
                                "0x00000000000000000000000000000000005715ca\n"
                                "0x00000000000000000000000000000000005715cb\n")});
    REQUIRE(holds_soon([&] { return paid_intents(world.data_dir()) > 0; }));

    const std::vector<Moment> moments{std::nullopt, IntentState::planned, IntentState::reserved,
                                      IntentState::signed_, IntentState::sending};
    for (const Moment& moment : moments) {
        CAPTURE(moment ? settlement::to_string(*moment) : "before the intent");
        proxy.fill_at(moment);
        REQUIRE(holds_soon([&] { return proxy.has_filled(); }));
        // While it is full, serve is up and says why nothing is paid.
        std::string readiness;
        CHECK(holds_soon([&] {
            disk->fill();
            const auto page = api.get("/readyz");
            if (page) readiness = page->body;
            return page && page->status == 503 && readiness.find("nothing is paid") != std::string::npos;
        }));
        CAPTURE(readiness);
        CHECK((readiness.find("no space left") != std::string::npos ||
               readiness.find("disk I/O error") != std::string::npos));
        const auto alive = api.get("/healthz");
        REQUIRE(alive);
        CHECK(alive->status == 200);
        const std::uint64_t paid = paid_intents(world.data_dir());
        disk->free();
        CHECK(holds_soon([&] { return paid_intents(world.data_dir()) > paid; }));
        CHECK(holds_soon([&] {
            const auto page = api.get("/readyz");
            return page && page->status == 200;
        }));
    }
    agents.send(SIGTERM);
    static_cast<void>(agents.wait());
    serve.send(SIGTERM);
    CHECK(serve.wait() == 0);
    CAPTURE(serve.err());
    CHECK(times_in(serve.err(), "nothing is paid") >= moments.size());
    const ProgramRun last = world.settle();
    CAPTURE(last.out, last.err);
    CHECK(last.code == 0);
    CHECK(world.read_ledger() > moments.size());
    CHECK(world.owed().size() == 2);
    world.check_paid();
    const ProgramRun audit =
        run_program({IOSWARM_BINARY, "settle", "audit", "--config", world.path("settle.yaml"),
                     "--reward-rpc-url", SettleChain::get().url()},
                    world.environment());
    CAPTURE(audit.out, audit.err);
    CHECK(audit.code == 0);
}
