// SPDX-License-Identifier: Apache-2.0
// `ioswarm settle` with a damaged file, a copied directory and an endpoint that lies: nothing is paid twice,
// and the message says what to do.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

#include "test/cli/settlement/settle_fixture.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using Catch::Matchers::Contains;

namespace {

void write_file(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// A world that has paid epoch 0 and owes nothing that is not paid.
struct PaidWorld : SettleWorld {
    PaidWorld() {
        close_epoch(0, {"anna-01", "bert-01"});
        REQUIRE(settle({"init", "--yes"}).code == 0);
        REQUIRE(settle({}).code == 0);
        REQUIRE(has("anna-01") == 10);
        REQUIRE(has("bert-01") == 20);
        sound = whole_file(file);
    }
    [[nodiscard]] U256 has(const std::string& agent) const {
        return chain.balance(wallet_of(agent)) / U256(1'000'000'000'000'000'000);
    }
    std::string file = data + "/settlement.db";
    std::string sound;
};

}  // namespace

TEST_CASE("a damaged settlement.db pays nothing, and rebuilding it pays nothing twice", "[settle]") {
    const PaidWorld w;
    w.close_epoch(1, {"carl-01"});
    std::string damaged = w.sound;
    std::string why;
    SECTION("cut in half") {
        damaged.resize(damaged.size() / 2);
    }
    SECTION("a flipped byte in a paid payout") {
        const std::size_t at = damaged.find("anna-01");
        REQUIRE(at != std::string::npos);
        damaged[at + 6] = 'z';
        why = "the file is damaged";
    }
    SECTION("another file") {
        damaged =
            "this is no database, but a text that is long enough to be read as the head of one, as SQLite "
            "needs a hundred bytes";
    }
    write_file(w.file, damaged);
    const ToolRun run = w.settle({});
    INFO(run.err);
    CHECK(run.code == 1);
    CHECK_THAT(run.err, Contains(w.file) && Contains(why) && Contains("ioswarm settle init --rebuild"));
    CHECK(run.out.empty());
    CHECK(w.has("carl-01") == 0);

    CHECK(w.settle({"init", "--rebuild", "--yes"}).code == 1);  // the damaged file is still there
    std::filesystem::rename(w.file, w.file + ".damaged");
    for (const char* end : {"-wal", "-shm"})
        std::filesystem::remove(w.file + end);
    REQUIRE(w.settle({"init", "--rebuild", "--yes"}).code == 0);
    CHECK(w.settle({}).code == 0);
    CHECK(w.has("anna-01") == 10);
    CHECK(w.has("bert-01") == 20);
    CHECK(w.has("carl-01") == 10);
}

TEST_CASE("an empty settlement.db is made anew only with a look at what is paid", "[settle]") {
    const PaidWorld w;
    write_file(w.file, "");
    const ToolRun run = w.settle({});
    CHECK(run.code == 78);
    CHECK_THAT(run.err, Contains("ioswarm settle init"));
    const ToolRun init = w.settle({"init", "--yes"});
    INFO(init.err);
    CHECK(init.code == 1);
    CHECK_THAT(init.err, Contains("--rebuild"));
    REQUIRE(w.settle({"init", "--rebuild", "--yes"}).code == 0);
    CHECK(w.settle({}).code == 0);
    CHECK(w.has("anna-01") == 10);
}

TEST_CASE("what a rebuilt copy of the data directory has paid is not paid by the original", "[settle]") {
    const PaidWorld w;
    w.close_epoch(1, {"carl-01"});
    const std::string copy = w.dir.path("copy");
    std::filesystem::copy(w.data, copy, std::filesystem::copy_options::recursive);
    std::filesystem::remove(copy + "/settlement.db");
    std::string text = whole_file(w.config);
    text.replace(text.find(w.data), w.data.size(), copy);
    const std::string config = w.dir.write("copy.yaml", text);
    const auto from_copy = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"--config", config});
        return run_tool(cli::add_settle, std::move(arguments));
    };
    const ToolRun rebuilt = from_copy({"init", "--rebuild", "--yes"});
    INFO(rebuilt.err);
    REQUIRE(rebuilt.code == 0);
    CHECK(from_copy({}).code == 0);
    CHECK(w.has("carl-01") == 10);

    const ToolRun run = w.settle({});
    INFO(run.err);
    CHECK(run.code == 75);
    CHECK_THAT(run.err, Contains("nothing was paid") && Contains("lastEpoch"));
    CHECK(w.has("anna-01") == 10);
    CHECK(w.has("bert-01") == 20);
    CHECK(w.has("carl-01") == 10);
}

TEST_CASE("an endpoint of another chain is 78, and nothing is signed", "[settle]") {
    const PaidWorld w;
    w.close_epoch(1, {"carl-01"});
    w.alter.set([](std::string answer, const std::string& body) {
        if (body.find("eth_chainId") == std::string::npos) return answer;
        const std::size_t at = answer.find("0x1252");
        return at == std::string::npos ? answer : answer.replace(at, 6, "0x1251");
    });
    const ToolRun run = w.settle({});
    INFO(run.err);
    CHECK(run.code == 78);
    CHECK(w.has("carl-01") == 0);
    w.alter.clear();
    CHECK(w.settle({}).code == 0);
    CHECK(w.has("carl-01") == 10);
}

TEST_CASE("a wallet that seems to have sent more than the file knows halts, and an audit ends it", "[settle]") {
    const PaidWorld w;
    w.close_epoch(1, {"carl-01"});
    w.alter.set([](std::string answer, const std::string& body) {
        if (body.find("eth_getTransactionCount") == std::string::npos) return answer;
        const std::size_t at = answer.find("\"0x1\"");
        return at == std::string::npos ? answer : answer.replace(at, 5, "\"0x9\"");
    });
    const ToolRun run = w.settle({});
    INFO(run.err);
    CHECK(run.code == 1);
    CHECK_THAT(run.err,
               Contains("halted") && Contains("somebody else uses this key") && Contains("settle audit"));
    CHECK(w.has("carl-01") == 0);
    w.alter.clear();
    CHECK(w.settle({"resume", "--yes"}).code == 0);
    CHECK(w.settle({}).code == 0);
    CHECK(w.has("carl-01") == 10);
}

TEST_CASE("receipts of other transactions are not believed, and the next run finishes", "[settle]") {
    const PaidWorld w;
    w.close_epoch(1, {"carl-01"});
    w.alter.set([](std::string answer, const std::string& body) {
        if (body.find("eth_getTransactionReceipt") == std::string::npos) return answer;
        const std::string key = "\"transactionHash\":\"0x";
        for (std::size_t at = answer.find(key); at != std::string::npos; at = answer.find(key, at + 1))
            answer.replace(at + key.size(), 64, std::string(64, 'e'));
        return answer;
    });
    const ToolRun run = w.settle({"--timeout", "3s"});
    INFO(run.err);
    CHECK((run.code == 0 || run.code == 75));  // the block may show it instead
    w.alter.clear();
    CHECK(w.settle({}).code == 0);
    CHECK(w.has("carl-01") == 10);
}

TEST_CASE("an endpoint that dies while it is asked is 75, and the next run pays once", "[settle]") {
    const PaidWorld w;
    w.close_epoch(1, {"carl-01"});
    w.node_away = true;
    const ToolRun run = w.settle({"--timeout", "1s"});
    INFO(run.err);
    CHECK(run.code == 75);
    CHECK_THAT(run.err, Contains("cannot get an HTTP answer"));
    w.node_away = false;
    CHECK(w.settle({}).code == 0);
    CHECK(w.has("carl-01") == 10);
}
