// SPDX-License-Identifier: Apache-2.0
#include "test/e2e/settle_fixture.hpp"

#include <csignal>
#include <fstream>

#include <catch2/catch.hpp>

#include "contracts/artifact.hpp"
#include "contracts/keystore.hpp"
#include "contracts/reward_pool.hpp"
#include "core/crypto/address.hpp"
#include "core/crypto/keccak.hpp"
#include "core/net/http_client.hpp"
#include "core/net/json_rpc.hpp"
#include "core/sqlite/sqlite.hpp"
#include "settlement/store.hpp"
#include "settlement/view.hpp"
#include "test/support/killing_proxy.hpp"

namespace ioswarm::test {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kBetweenBlocks{100};

AnvilSettings mainnet_settings() {
    AnvilSettings out;
    out.chain_id = kSettleChain;
    return out;
}

Bytes creation_of(settlement::PoolVersion pool) {
    if (pool == settlement::PoolVersion::v3) return to_bytes(reward_pool_creation_code());
    static const Bytes code = [] {
        const TempDir dir;
        std::filesystem::copy_file(IOSWARM_POOL_V2, dir.path("pool.sol"));
        const ProgramRun run = run_program(
            {"/usr/bin/env", "node", IOSWARM_COMPILE, IOSWARM_CONTRACT_PACKAGES "/node_modules", dir.path()});
        INFO(run.err);
        REQUIRE(run.code == 0);
        return from_hex(json::parse(dir.read("pool.json")).at("bytecode").get<std::string>()).value();
    }();
    return code;
}

}  // namespace

SettleChain& SettleChain::get() {
    static SettleChain one;
    return one;
}

SettleChain::SettleChain() : anvil_(mainnet_settings()) {
    miner_ = std::jthread([url = anvil_.url()](const std::stop_token& stop) {
        JsonRpcClient client(HttpClient::create(url).value());
        std::mutex mutex;
        std::condition_variable_any stopped;
        std::unique_lock lock(mutex);
        while (!stopped.wait_for(lock, stop, kBetweenBlocks, [] { return false; }) && !stop.stop_requested())
            static_cast<void>(client.call({"evm_mine", "[]"}));
    });
}

SettleChain::~SettleChain() = default;

U256 SettleChain::balance(const Address& account) {
    return anvil_.balance(account);
}

std::uint64_t SettleChain::nonce(const Address& account) {
    const auto text = anvil_.rpc("eth_getTransactionCount", json::array({to_hex0x(account.view()), "latest"}));
    return static_cast<std::uint64_t>(*u256_from_quantity(text.get<std::string>()));
}

void SettleChain::set_balance(const Address& account, const U256& rau) {
    anvil_.set_balance(account, rau);
}

ChainReceipt SettleChain::send(const ChainCall& call) {
    return anvil_.send(call);
}

CallOutcome SettleChain::call(const ChainCall& call) {
    return anvil_.call(call);
}

SettleWorld::SettleWorld(const SettleCase& what, const std::string& name, const std::string& serve_keys)
    : what_(what), funds_(U256(1'000'000'000'000'000'000) * 100'000) {
    const PrivateKey key = contracts::key_from_hex(to_hex(keccak256(as_bytes(name)).view())).value();
    signer_ = key.address();
    dir_.write("key", to_hex(key.bytes()) + "\n");
    std::filesystem::create_directory(data_dir());
    std::filesystem::permissions(data_dir(), std::filesystem::perms::owner_all);
    SettleChain::get().set_balance(signer_, funds_);
    contract_ = deploy(what.pool);
    dir_.write("settle.yaml",
               "ioswarm:\n"
               "  dataDir: " +
                   data_dir() +
                   "\n"
                   "  rewardContract: '" +
                   to_checksum_hex(contract_) +
                   "'\n"
                   "  rewardChainId: " +
                   std::to_string(kSettleChain) +
                   "\n"
                   "  rewardSignerKeyFile: " +
                   dir_.path("key") +
                   "\n"
                   "  settlement:\n"
                   "    push: " +
                   (what.push ? "true" : "false") +
                   "\n"
                   "    maxPerSettlementIOTX: 10000\n"
                   "    maxPerDayIOTX: 100000\n" +
                   serve_keys);
    write_settlement(what.pool);
}

Address SettleWorld::deploy(settlement::PoolVersion pool) const {
    Bytes creation = creation_of(pool);
    creation.resize(creation.size() + 12);
    creation.insert(creation.end(), signer_.bytes.begin(), signer_.bytes.end());
    const Address deployer{{0xde, 0x01}};
    const ChainReceipt made = SettleChain::get().send({deployer, std::nullopt, creation, 0});
    REQUIRE(made.ok);
    return *made.contract;
}

/// Writes what `settle init` would write. Version 2's code is not the real one here, so the command would
/// refuse it.
void SettleWorld::write_settlement(settlement::PoolVersion pool) const {
    settlement::SettlementIdentity identity;
    identity.chain_id = kSettleChain;
    identity.contract = contract_;
    identity.pool = pool;
    identity.wallet = signer_;
    identity.created_ms = 1;
    REQUIRE(settlement::SettlementStore::create(data_dir(), identity));
}

void SettleWorld::close_epoch(const std::vector<Share>& shares) {
    auto ledger = Ledger::open(data_dir());
    REQUIRE(ledger);
    const std::uint64_t epoch = epochs_++;
    const Status written = (*ledger)->run([&](LedgerTx& tx) -> Status {
        EpochRow row;
        row.epoch = epoch;
        row.first_height = 100 * epoch + 1;
        row.last_height = 100 * (epoch + 1);
        for (const Share& share : shares)
            row.pool_rau += share.amount;
        row.reward_rau = row.pool_rau;
        row.agents = shares.size();
        LedgerNumbers numbers;
        numbers.last_height = row.last_height;
        numbers.epoch = epoch + 1;
        numbers.epoch_first_height = row.last_height + 1;
        if (Status set = tx.set_numbers(numbers); !set) return set;
        if (Status set = tx.set_chain({kSettleChain, 1}); !set) return set;
        std::vector<PayoutRow> payouts;
        for (const Share& share : shares) {
            AgentRow agent;
            agent.agent_id = share.agent;
            agent.wallet = share.wallet;
            if (Status set = tx.set_agent(agent); !set) return set;
            PayoutRow payout;
            payout.epoch = epoch;
            payout.agent_id = share.agent;
            payout.amount_rau = share.amount;
            payout.wallet = share.wallet;
            payout.paid_agents = static_cast<std::uint32_t>(shares.size());
            payout.notice = PayoutNotice::waiting;
            payouts.push_back(std::move(payout));
        }
        return tx.add_epoch(row, payouts);
    });
    if (!written) FAIL(written.error().text());
    for (const Share& share : shares) {
        if (share.wallet) owed_[*share.wallet] += share.amount;
    }
}

std::uint64_t SettleWorld::read_ledger() {
    auto file = sqlite::Database::open(std::filesystem::path(data_dir()) / "ledger.db",
                                       sqlite::Database::Mode::read_only, "ledger");
    REQUIRE(file);
    auto rows = file->prepare("SELECT wallet, amount_rau FROM payouts WHERE wallet IS NOT NULL");
    REQUIRE(rows);
    owed_.clear();
    for (;;) {
        const auto row = rows->step();
        REQUIRE(row);
        if (!*row) break;
        owed_[rows->fixed<Address>(0).value()] += rows->amount(1).value();
    }
    return static_cast<std::uint64_t>(file->query_integer("SELECT count(*) FROM epochs").value().value_or(0));
}

std::vector<std::string> SettleWorld::command(const std::string& url, std::vector<std::string> more) const {
    std::vector<std::string> out{IOSWARM_BINARY,           "settle",           "--config",
                                 dir_.path("settle.yaml"), "--reward-rpc-url", url};
    out.insert(out.end(), more.begin(), more.end());
    return out;
}

std::vector<std::string> SettleWorld::environment() const {
    return {"XDG_STATE_HOME=" + dir_.path("state")};
}

ProgramRun SettleWorld::settle(std::vector<std::string> more) const {
    return run_program(command(SettleChain::get().url(), std::move(more)), environment());
}

bool SettleWorld::settle_killed(int request, bool after) const {
    KillingProxy proxy(request, after ? KillingProxy::When::after : KillingProxy::When::before,
                       SettleChain::get().url());
    Program program(command(proxy.url()), environment());
    proxy.aim_at(program.pid());
    const int code = program.wait();
    CAPTURE(program.err(), program.out());
    CHECK(code == (proxy.killed() ? 128 + SIGKILL : 0));
    return proxy.killed();
}

U256 SettleWorld::has(const Address& wallet) const {
    SettleChain& chain = SettleChain::get();
    const CallOutcome claimable = chain.call({signer_, contract_, contracts::claimable_call(wallet), 0});
    REQUIRE(claimable.ok);
    return chain.balance(wallet) + contracts::read_pool_uint(claimable.data).value();
}

void SettleWorld::check_paid() const {
    SettleChain& chain = SettleChain::get();
    U256 all;
    for (const auto& [wallet, amount] : owed_) {
        CAPTURE(to_hex0x(wallet.view()));
        CHECK(to_decimal(has(wallet)) == to_decimal(amount));
        if (amount != 0) CHECK((chain.balance(wallet) != 0) == what_.push);
        all += amount;
    }
    const auto view = settlement::SettlementView::open(data_dir());
    REQUIRE(view);
    const auto summary = (*view)->summary();
    REQUIRE(summary);
    CHECK(to_decimal(summary->paid_rau) == to_decimal(all));
    CHECK(to_decimal(funds_ - chain.balance(signer_)) == to_decimal(all + summary->gas_rau));
    const auto intents = (*view)->intents(0, 10'000);
    REQUIRE(intents);
    std::uint64_t nonces = 0;
    for (const settlement::IntentRow& intent : *intents)
        nonces += intent.nonce ? 1U : 0U;
    CHECK(chain.nonce(signer_) == nonces);
}

}  // namespace ioswarm::test
