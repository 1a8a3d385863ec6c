// SPDX-License-Identifier: Apache-2.0
// How a data directory is bound to its source and chain.
#include "cli/serve/data_dir.hpp"

#include <filesystem>
#include <mutex>

#include <catch2/catch.hpp>

#include "cli/serve/chain_gate.hpp"
#include "cli/serve/settings.hpp"
#include "cli/serve/snapshot_watch.hpp"
#include "test/support/diff_rows.hpp"
#include "test/support/fakes.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using ioswarm::test::TempDir;
namespace fs = std::filesystem;

namespace {

constexpr ChainIdentity kMainnet{4689, 1};
constexpr ChainIdentity kTestnet{4690, 2};

ServeConfig embedded(const TempDir& dir, std::uint64_t seed = 1) {
    ServeConfig out;
    out.data_dir = dir.path("data");
    out.chain_seed = seed;
    out.reward_chain_id = 4689;
    out.reward_rpc_url = "https://babel-api.mainnet.iotex.io";
    return out;
}

ServeConfig beside_node(const TempDir& dir) {
    ServeConfig out = embedded(dir);
    out.node_grpc = "127.0.0.1:14014";
    out.node_web3 = "http://127.0.0.1:15014";
    return out;
}

std::unique_ptr<Ledger> ledger_in(const TempDir& dir) {
    auto ledger = Ledger::open(dir.path("data"));
    if (!ledger) FAIL(ledger.error().text());
    return std::move(*ledger);
}

/// Adds an answer to the ledger, so that the ledger counts as used.
void work(Ledger& ledger) {
    REQUIRE(ledger.run([](LedgerTx& tx) {
        AnswerRow row;
        row.id = 1;
        row.agent_id = "a";
        return tx.add_answer(row);
    }));
}

void pass_block(Ledger& ledger, std::uint64_t height) {
    REQUIRE(ledger.run([&](LedgerTx& tx) {
        LedgerNumbers numbers;
        numbers.last_height = height;
        return tx.set_numbers(numbers);
    }));
}

std::uint64_t last_height(Ledger& ledger) {
    std::uint64_t out = 0;
    REQUIRE(ledger.run([&](LedgerTx& tx) -> Status {
        out = tx.numbers()->last_height;
        return {};
    }));
    return out;
}

struct Lines {
    std::mutex mutex;
    std::string all;
    Log log() {
        return Log(LogLevel::info, [this](LogLevel, std::string_view text) {
            const std::lock_guard lock(mutex);
            all += std::string(text) + "\n";
        });
    }
};

/// The refusal must tell the operator what to do: which files may be deleted after a trial.
void check_refusal(const Status& status, const TempDir& dir) {
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::config);
    for (const std::string name :
         {"ledger.db,", "ledger.db-wal", "ledger.db-shm", "ledger.mark", "source", "trial"})
        CHECK(status.error().hint.find(name) != std::string::npos);
    CHECK(status.error().hint.find(dir.path("data")) != std::string::npos);
}

}  // namespace

TEST_CASE("a data directory with work in it accepts only the source it was used with", "[serve]") {
    const TempDir dir;
    const auto ledger = ledger_in(dir);
    work(*ledger);
    REQUIRE(check_source(embedded(dir), *ledger));
    REQUIRE(mark_source(embedded(dir)));
    CHECK(check_source(embedded(dir), *ledger));
    const auto checked = [&](const ServeConfig& config) {
        const auto other = check_source(config, *ledger);
        return other ? Status() : Status(fail(other.error()));
    };
    check_refusal(checked(embedded(dir, 2)), dir);
    check_refusal(checked(beside_node(dir)), dir);
    CHECK(check_source(embedded(dir), *ledger));
    ServeConfig elsewhere = beside_node(dir);
    elsewhere.node_grpc = "10.0.0.1:14014";
    CHECK(source_identity(elsewhere) == source_identity(beside_node(dir)));
}

TEST_CASE("checking a source writes no mark, so that a failed start leaves the directory free", "[serve]") {
    const TempDir dir;
    const auto ledger = ledger_in(dir);
    REQUIRE(check_source(embedded(dir), *ledger));
    REQUIRE(check_chain(embedded(dir), *ledger, kEmbeddedChain));
    CHECK_FALSE(fs::exists(dir.path("data") + "/source"));
    CHECK(check_source(beside_node(dir), *ledger));
    CHECK(check_chain(beside_node(dir), *ledger, kTestnet));
    CHECK(bind_chain(beside_node(dir), *ledger, kMainnet, {}));
}

TEST_CASE("a ledger without answers or payouts may change its source and its chain", "[serve]") {
    const TempDir dir;
    const auto ledger = ledger_in(dir);
    REQUIRE(mark_source(embedded(dir)));
    REQUIRE(bind_chain(embedded(dir), *ledger, kEmbeddedChain, {}));
    pass_block(*ledger, 12);
    CHECK(check_source(beside_node(dir), *ledger) == true);
    CHECK(last_height(*ledger) == 0);  // on another chain it starts from zero
    REQUIRE(bind_chain(beside_node(dir), *ledger, kTestnet, {}));
    pass_block(*ledger, 30);
    REQUIRE(check_chain(beside_node(dir), *ledger, kMainnet));
    CHECK(last_height(*ledger) == 0);
    CHECK(bind_chain(beside_node(dir), *ledger, kMainnet, {}));
}

TEST_CASE("a ledger without a chain records that of the first node, logs it, and refuses another", "[serve]") {
    const TempDir dir;
    const auto ledger = ledger_in(dir);
    work(*ledger);  // as left by a version that did not store the chain
    Lines lines;
    REQUIRE(check_chain(beside_node(dir), *ledger, kTestnet));
    REQUIRE(bind_chain(beside_node(dir), *ledger, kTestnet, lines.log()));
    CHECK(lines.all ==
          "the ledger in " + dir.path("data") +
              " belongs to this chain from now on: EVM chain id 4690, node chain id 2 (IoTeX testnet)\n");
    REQUIRE(bind_chain(beside_node(dir), *ledger, kTestnet, lines.log()));
    REQUIRE(bind_chain(beside_node(dir), *ledger, {4690, std::nullopt}, lines.log()));
    // Nothing new was found, so nothing is logged.
    CHECK(std::count(lines.all.begin(), lines.all.end(), '\n') == 1);
    const Status mainnet = check_chain(beside_node(dir), *ledger, kMainnet);
    check_refusal(mainnet, dir);
    CHECK(mainnet.error().why ==
          "its ledger belongs to another chain: it has EVM chain id 4690, node chain id 2 (IoTeX testnet), and "
          "the "
          "node at 127.0.0.1:14014 has EVM chain id 4689, node chain id 1 (IoTeX mainnet)");
    check_refusal(bind_chain(beside_node(dir), *ledger, kMainnet, {}), dir);
    // The same EVM chain id with another node chain id is another chain.
    check_refusal(check_chain(beside_node(dir), *ledger, {4690, 7}), dir);
}

TEST_CASE("a ledger in use refuses another chain, and accepts it after a restart if it is empty", "[serve]") {
    const TempDir dir;
    const auto ledger = ledger_in(dir);
    REQUIRE(bind_chain(beside_node(dir), *ledger, kTestnet, {}));
    const Status refused = bind_chain(beside_node(dir), *ledger, kMainnet, {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::config);
    CHECK(refused.error().hint.find("start ioswarm again") == 0);
}

TEST_CASE("with a reward contract the node must be on the contract's chain", "[serve]") {
    const TempDir dir;
    ServeConfig config = beside_node(dir);
    CHECK(check_reward_chain(config, kTestnet));  // without a contract nothing is compared
    config.reward_contract = "0x236CBF52125E68Db8fA88b893CcaFB2EE542F2d9";
    CHECK(check_reward_chain(config, kMainnet));
    const Status other = check_reward_chain(config, kTestnet);
    REQUIRE_FALSE(other);
    CHECK(other.error().code == ErrorCode::config);
    CHECK(other.error().which == "rewardChainId");
    const auto ledger = ledger_in(dir);
    CHECK_FALSE(check_chain(config, *ledger, kTestnet));
    CHECK_FALSE(bind_chain(config, *ledger, kTestnet, {}));
}

TEST_CASE("with the embedded chain a reward contract may only be on this machine", "[serve]") {
    const TempDir dir;
    ServeConfig config = embedded(dir);
    config.reward_contract = "0x236CBF52125E68Db8fA88b893CcaFB2EE542F2d9";
    const auto allowed = [&](const std::string& url) {
        config.reward_rpc_url = url;
        return check_reward_chain(config, kEmbeddedChain).has_value();
    };
    for (const std::string local : {"http://127.0.0.1:8545", "http://localhost:8545/x", "http://[::1]:8545",
                                    "http://127.0.0.1:8545, http://127.0.0.1:8546"})
        CHECK(allowed(local));
    for (const std::string away :
         {"https://babel-api.mainnet.iotex.io", "http://10.0.0.1:8545", "http://127.0.0.1@evil.example",
          "http://localhost.example", "", "http://127.0.0.1:8545, http://10.0.0.1:8545", "127.0.0.1"})
        CHECK_FALSE(allowed(away));
}

TEST_CASE("a log of state diffs belongs to one chain, and an empty one may change it", "[serve]") {
    const TempDir dir;
    ServeConfig config = beside_node(dir);
    config.diff_store_path = dir.path("statediffs.db");
    const auto diffs = SqliteDiffStore::open(config.diff_store_path);
    REQUIRE(diffs);
    REQUIRE(bind_chain(config, **diffs, kTestnet, {}));
    REQUIRE(bind_chain(config, **diffs, kMainnet, {}));
    REQUIRE((*diffs)->append(test::some_rows(1, 2)));
    CHECK(bind_chain(config, **diffs, kMainnet, {}));
    CHECK(*(*diffs)->chain() == kMainnet);
    const Status refused = check_chain(config, **diffs, kTestnet);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::config);
    CHECK(refused.error().which == config.diff_store_path);
    CHECK(refused.error().hint.find(config.diff_store_path + "-wal") != std::string::npos);
    // Two different embedded chains have the same ids.
    CHECK_FALSE(check_chain(config, **diffs, kMainnet, true));
    CHECK_FALSE(bind_chain(config, **diffs, kEmbeddedChain, {}));
}

TEST_CASE("nothing is read from a node before its chain was checked", "[serve]") {
    test::FakeActPool pool;
    pool.set_tip(ChainTip{5, {}, 0});
    Result<ChainIdentity> answer = fail(ErrorCode::unavailable, "node away");
    int asked = 0;
    bool answer_is_incomplete = false;
    ChainGate gate(
        [&](const std::stop_token&) {
            ++asked;
            return answer;
        },
        [](const ChainIdentity& chain) -> Status {
            if (chain == kMainnet) return {};
            return fail(ErrorCode::config, "another chain");
        },
        [&] { return answer_is_incomplete; });
    const auto gated = gate.gated(static_cast<ActPoolReader&>(pool));
    CHECK(gated->tip().error().code == ErrorCode::unavailable);
    CHECK(gate.last_seen());
    answer = kTestnet;
    CHECK(gated->pending().error().code == ErrorCode::config);
    CHECK(pool.polls() == 0);
    REQUIRE_FALSE(gate.last_seen());
    CHECK(gate.last_seen().error().text().find('/') == std::string::npos);
    answer = kMainnet;
    REQUIRE(gated->tip());
    CHECK(gate.last_seen());
    asked = 0;
    CHECK(gated->pending());
    CHECK(gated->tip());
    CHECK(asked == 0);
    // When the rest of an incomplete answer can be had, the gate asks for it.
    answer_is_incomplete = true;
    CHECK(gated->tip());
    CHECK(asked == 1);
    answer_is_incomplete = false;
    // After a failed call another node may have taken its place.
    pool.fail_tip(Error{ErrorCode::unavailable, "gone", {}, {}, {}});
    CHECK_FALSE(gated->tip());
    pool.fail_tip({});
    answer = kTestnet;
    CHECK(gated->tip().error().code == ErrorCode::config);
}

TEST_CASE("the newest snapshot is known without reading its folder again", "[serve]") {
    const TempDir dir;
    const auto publish = [&](std::uint64_t height) {
        const std::string name = "state-" + std::to_string(height) + ".snap.gz";
        dir.write(name, "12345");
        dir.write("snapshot-meta.json", "{\"height\":" + std::to_string(height) + ",\"file\":\"" + name +
                                            "\",\"bytes\":5,\"sha256\":\"" + std::string(64, 'a') +
                                            "\",\"time\":\"2026-01-01T00:00:00Z\"}");
    };
    CHECK_FALSE(SnapshotWatch("").newest());
    publish(7);
    SnapshotWatch watch(dir.path(), std::chrono::milliseconds(1));
    REQUIRE(watch.newest());
    CHECK(watch.newest()->height == 7);
    publish(9);
    while (watch.newest()->height != 9)
        std::this_thread::yield();
    fs::remove(dir.path("snapshot-meta.json"));
    while (watch.newest())
        std::this_thread::yield();
}
