// SPDX-License-Identifier: Apache-2.0
#include "settlement/audit.hpp"

#include "contracts/reward_pool.hpp"
#include "core/sqlite/sqlite.hpp"
#include "test/settlement/settler_fixture.hpp"

using namespace ioswarm;
using namespace ioswarm::settlement;
using namespace ioswarm::test;
using Version = FakeRewardPool::Version;

namespace {

AuditReport audit_of(SettlerWorld& world, bool with_chain = true) {
    auto view = SettlementView::open(world.dir.path());
    REQUIRE(view);
    auto report = audit(**view, world.ledger, with_chain ? world.client.get() : nullptr, world.settings.limits);
    INFO((report ? std::string() : report.error().text()));
    REQUIRE(report);
    return std::move(*report);
}

/// Returns the invariants that are broken.
std::vector<std::string> broken(const AuditReport& report) {
    std::vector<std::string> out;
    for (const AuditFinding& one : report.findings) {
        if (one.severity == AuditFinding::Severity::error) out.push_back(one.invariant);
    }
    return out;
}

/// Changes settlement.db as a bug or a person could. First removes the triggers that forbid it.
void tamper_settlement(SettlerWorld& world, const std::string& sql) {
    world.settler.reset();
    world.store.reset();
    auto database = sqlite::Database::open(world.dir.path("settlement.db"), sqlite::Database::Mode::read_write,
                                           "settlement file");
    REQUIRE(database);
    std::vector<std::pair<std::string, std::string>> triggers;
    {
        auto found =
            database->prepare("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid");
        REQUIRE(found);
        while (*found->step())
            triggers.emplace_back(found->text(0), found->text(1));
    }
    for (const auto& [name, text] : triggers)
        REQUIRE(database->execute("DROP TRIGGER " + name));
    const Status changed = database->execute(sql);
    INFO((changed ? std::string() : changed.error().text()));
    REQUIRE(changed.has_value());
    for (const auto& [name, text] : triggers)
        REQUIRE(database->execute(text));
}

/// Pays three epochs in two settlements.
void pay_some(SettlerWorld& world) {
    world.owe(1, 'a', 10);
    world.owe(1, 'b', 5);
    world.run();
    world.owe(2, 'a', 7);
    world.owe(3, 'a', 8);
    world.run();
    REQUIRE(world.mined() == (world.identity.pool == PoolVersion::v3 ? 2 : 4));
}

}  // namespace

TEST_CASE("after settlements on every kind of pool all invariants hold") {
    for (const Version version : {Version::v3, Version::v2, Version::v2_damaged}) {
        SettlerWorld world(version);
        if (version == Version::v2_damaged) {
            Bytes code(4'025, 0x5b);
            code[0xbb8] = 0x08;
            code[0xbb9] = 0x66;
            world.before = [code](std::size_t, const RpcCall& call) -> std::optional<Result<RpcReply>> {
                if (call.method != "eth_getCode") return std::nullopt;
                RpcReply reply;
                reply.kind = RpcReply::Kind::text;
                reply.value = to_hex0x(code);
                return reply;
            };
        }
        pay_some(world);
        const AuditReport report = audit_of(world);
        CAPTURE(report.findings.empty() ? std::string() : report.findings.front().text);
        CHECK(broken(report).empty());
        CHECK(report.holds());
        CHECK(report.halt().reason == HaltReason::none);
        CHECK(report.payouts == 4);
        CHECK(report.receipts == world.mined());
        CHECK(report.owed == 0);
    }
}

TEST_CASE("the audit counts owed payouts, and a settlement in progress is no fault") {
    SettlerWorld world;
    pay_some(world);
    world.owe(4, 'c', 3);
    CHECK(audit_of(world).owed == 1);
    world.steps();
    world.chain.mine();
    world.steps();  // mined, but not final
    CHECK(world.store->live_intent()->value().state == IntentState::mined);
    CHECK(broken(audit_of(world)).empty());
}

TEST_CASE("a ledger that lacks a paid payout, or has another amount, halts the settler") {
    SettlerWorld world;
    pay_some(world);
    auto rows = world.ledger.rows;
    world.ledger.rows.erase({2, "a"});
    const AuditReport lacking = audit_of(world);
    CHECK(broken(lacking) == std::vector<std::string>{"I3"});
    CHECK(lacking.halt().reason == HaltReason::ledger_differs);
    CHECK(lacking.halt().detail.find("epoch 2, agent a") != std::string::npos);

    world.ledger.rows = rows;
    world.ledger.rows[{1, "b"}].first += 1;
    const AuditReport other = audit_of(world);
    CHECK(broken(other) == std::vector<std::string>{"I3"});
    CHECK(other.halt().reason == HaltReason::ledger_differs);

    // It is not a difference when the ledger dropped old payouts after its retention time.
    world.ledger.rows = rows;
    world.ledger.rows.erase({1, "a"});
    world.ledger.rows.erase({1, "b"});
    CHECK(broken(audit_of(world)).empty());
}

TEST_CASE("a transaction of the wallet that the settlement file does not have is found") {
    SettlerWorld world;
    pay_some(world);
    EthTx foreign;
    foreign.chain_id = 4690;
    foreign.nonce = world.chain.nonce(world.key.address());
    foreign.gas_price = U256(2'000'000'000'000);
    foreign.gas_limit = 21'000;
    foreign.to = filled_with<Address>(0x44);
    REQUIRE(world.client->send(sign_transaction(foreign, world.key)).outcome ==
            contracts::SendOutcome::accepted);
    world.chain.mine();
    const AuditReport report = audit_of(world);
    CHECK(broken(report) == std::vector<std::string>{"I4"});
    CHECK(report.halt().reason == HaltReason::foreign_transaction);
    CHECK(audit_of(world, false).holds());

    // After an operator has given up the nonce, the file and the chain agree again.
    world.owe(4, 'a', 1);
    CHECK(world.run().state == SettlerStep::State::halted);
    world.chain.mine(6);
    REQUIRE(world.settler->resume().has_value());
    CHECK(broken(audit_of(world)).empty());
    CHECK(world.run().state == SettlerStep::State::idle);
    CHECK(broken(audit_of(world)).empty());
}

TEST_CASE("a deposit into a version 2 pool that the settlement file does not have is found") {
    SettlerWorld world(Version::v2);
    const auto notes_of = [](const AuditReport& report) {
        std::string out;
        for (const AuditFinding& one : report.findings)
            out += one.text + "\n";
        return out;
    };
    world.owe(1, 'a', 10);
    CHECK(notes_of(audit_of(world)).find("this file has signed nothing yet") != std::string::npos);
    world.run();
    CHECK(broken(audit_of(world)).empty());
    CHECK(notes_of(audit_of(world)).find("were not compared") != std::string::npos);

    // A copy of the data directory settles.
    EthTx copy;
    copy.chain_id = 4690;
    copy.nonce = world.chain.nonce(world.key.address());
    copy.gas_price = U256(2'000'000'000'000);
    copy.gas_limit = 1'000'000;
    copy.to = world.contract;
    copy.value = U256(7);
    copy.data = contracts::deposit_and_settle_call({}, {});
    const RawEthTx raw = sign_transaction(copy, world.key);
    REQUIRE(world.client->send(raw).outcome == contracts::SendOutcome::accepted);
    world.chain.mine();
    const AuditReport report = audit_of(world);
    CHECK(broken(report) == std::vector<std::string>{"I4", "I1"});
    CHECK(report.halt().reason == HaltReason::foreign_transaction);
    CHECK(notes_of(report).find(to_hex0x(raw.hash.view())) != std::string::npos);
}

TEST_CASE("each change of a settlement file breaks its own invariant") {
    const std::vector<std::pair<std::string, std::string>> changes{
        {"UPDATE covered SET amount_rau = '1' WHERE intent = 1 AND agent = 'b'", "I1"},
        {"UPDATE covered SET agent = 'q' WHERE intent = 1 AND agent = 'b'; UPDATE cover SET agent = 'q' WHERE "
         "intent = 1 AND agent = 'b'",
         "I1"},
        {"UPDATE intent SET value_rau = '1' WHERE id = 1", "I1"},
        {"UPDATE intent SET nonce = 5 WHERE id = 2", "I2"},
        {"UPDATE attempt SET gas_price = '5' WHERE intent = 1", "I2"},
        {"UPDATE attempt SET raw = x'00' WHERE intent = 1", "I2"},
        {"UPDATE meta SET paid_rau = '1'", "I5"},
        {"UPDATE meta SET gas_rau = '1'", "I5"},
        {"UPDATE intent SET gas_used = gas_used + 1 WHERE id = 1", "I5"},
        {"UPDATE intent SET hash = x'" + std::string(64, '3') + "' WHERE id = 1", "I6"},
        {"UPDATE meta SET halt = 'reverted', halt_ms = 1", "I10"},
    };
    for (const auto& [sql, invariant] : changes) {
        CAPTURE(sql);
        SettlerWorld world;
        pay_some(world);
        tamper_settlement(world, sql);
        const AuditReport report = audit_of(world);
        const auto found = broken(report);
        CHECK(std::ranges::find(found, invariant) != found.end());
        CHECK_FALSE(report.holds());
        CHECK(report.halt().reason != HaltReason::none);
    }
}

TEST_CASE("a contract or coordinator other than the file's is found") {
    SettlerWorld world;
    pay_some(world);
    world.chain.put_contract(world.contract, std::make_shared<FakeRewardPool>(Version::v3, world.contract,
                                                                              filled_with<Address>(0x55)));
    CHECK(audit_of(world).halt().reason == HaltReason::pool_differs);
    world.chain.put_contract(
        world.contract, std::make_shared<FakeRewardPool>(Version::v2, world.contract, world.key.address()));
    CHECK(audit_of(world).halt().reason == HaltReason::pool_differs);
}

TEST_CASE("a transaction whose result on the chain differs from the file is found") {
    SettlerWorld world;
    pay_some(world);
    world.after = [](std::size_t, const RpcCall& call, Result<RpcReply> reply) {
        if (call.method != "eth_getTransactionReceipt") return reply;
        const std::size_t at = reply->value.find("\"status\":\"0x1\"");
        if (at != std::string::npos) reply->value.replace(at, 14, "\"status\":\"0x0\"");
        return reply;
    };
    const auto found = broken(audit_of(world));
    CHECK(std::ranges::count(found, "I1") == 2);
    world.after = nullptr;
    world.before = [](std::size_t, const RpcCall& call) -> std::optional<Result<RpcReply>> {
        if (call.method != "eth_getTransactionReceipt") return std::nullopt;
        return RpcReply{};
    };
    CHECK(std::ranges::count(broken(audit_of(world)), "I1") == 2);
}

TEST_CASE("exceeded limits and settlements that do not end give warnings") {
    SettlerWorld world;
    pay_some(world);
    world.settings.limits.max_gas_price = 1;
    world.settings.limits.max_per_day_rau = 1;
    const AuditReport report = audit_of(world);
    CHECK(report.holds());
    CHECK(std::ranges::count(report.findings, "I7", &AuditFinding::invariant) == 3);

    SettlerWorld late;
    late.owe(1, 'a', 1);
    late.steps();
    late.chain.forget_pool();
    late.chain.mine(30);
    CHECK(std::ranges::count(audit_of(late).findings, "I9", &AuditFinding::invariant) == 1);
}

TEST_CASE(
    "given an endpoint shows a wrong gas, when it is audited later, then that is a warning and no error") {
    // Given: the only endpoint understates the gas of every receipt until the settlements are final
    SettlerWorld world;
    world.after = [](std::size_t, const RpcCall&, Result<RpcReply> reply) {
        const std::string name = R"("gasUsed":")";
        const std::size_t at = reply ? reply->value.find(name) : std::string::npos;
        if (at == std::string::npos) return reply;
        const std::size_t begin = at + name.size();
        reply->value.replace(begin, reply->value.find('"', begin) - begin, "0x1");
        return reply;
    };
    pay_some(world);
    world.after = nullptr;
    const AuditReport report = audit_of(world);
    CHECK(report.holds());
    CHECK(std::ranges::count_if(report.findings, [](const AuditFinding& one) {
              return one.severity == AuditFinding::Severity::warning && one.invariant == "I5";
          }) == 2);
}

TEST_CASE(
    "given a receipt without the settlement's event, when the settler waits, then it names the endpoint") {
    SettlerWorld world;
    world.owe(1, 'a', 10);
    world.after = [](std::size_t, const RpcCall&, Result<RpcReply> reply) {
        const std::size_t at = reply ? reply->value.find(R"("logs":[)") : std::string::npos;
        if (at != std::string::npos) reply->value.replace(at, 8, R"("logs":[],"none":[)");
        return reply;
    };
    const SettlerStep step = world.run();
    CHECK(step.hold.reason == HoldReason::endpoint);
    CHECK(step.hold.detail.find("http://fake:0 shows a receipt of 0x") != std::string::npos);
    world.after = nullptr;
    CHECK(world.run().state == SettlerStep::State::idle);
}
