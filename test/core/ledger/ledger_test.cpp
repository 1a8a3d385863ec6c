// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include "core/ledger/ledger.hpp"
#include "core/sqlite/sqlite.hpp"
#include "test/support/temp_dir.hpp"

namespace ioswarm {
namespace {

using test::TempDir;

/// Answer `number` of agent "a" as a separate row.
AnswerRow answer(std::uint64_t number) {
    AnswerRow out;
    out.id = number + 1;
    for (std::size_t i = 0; i < 8; ++i)
        out.raw_id.bytes[31 - i] = static_cast<std::uint8_t>(number >> (8 * i));
    out.agent_id = "a";
    return out;
}

std::size_t answers_in(Ledger& ledger) {
    std::size_t count = 0;
    const Status status = ledger.run([&](LedgerTx& tx) -> Status {
        auto state = tx.load();
        if (!state) return fail(state.error());
        count = state->answers.size();
        return {};
    });
    REQUIRE(status);
    return count;
}

Status add(LedgerTx& tx, std::uint64_t number) {
    return tx.add_answer(answer(number));
}

/// Changes the file while the ledger does not know of it.
void tamper(const std::string& file, std::string_view sql) {
    auto database = sqlite::Database::open(file, sqlite::Database::Mode::read_write, "ledger");
    REQUIRE(database);
    REQUIRE(database->execute(sql));
}

mode_t mode_of(const std::string& path) {
    struct stat info {};
    REQUIRE(stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777;
}

/// Keeps the ledger's thread busy until it is released.
class Hold {
  public:
    explicit Hold(Ledger& ledger) {
        REQUIRE(ledger.submit({[this](LedgerTx&) -> Status {
                                   entered_.set_value();
                                   release_.get_future().wait();
                                   return {};
                               },
                               {},
                               true}));
        entered_.get_future().wait();
    }
    void let_go() { release_.set_value(); }

  private:
    std::promise<void> entered_;
    std::promise<void> release_;
};

}  // namespace

TEST_CASE("only the owner may read a new ledger") {
    const TempDir dir;
    const std::string data = dir.path("deep/er/data");
    {
        const auto ledger = Ledger::open(data);
        REQUIRE(ledger);
        REQUIRE((*ledger)->ready());
        CHECK(mode_of(data) == 0700);
        for (const char* file : {"ledger.db", "ledger.db-wal", "ledger.lock"})
            CHECK(mode_of(data + "/" + file) == 0600);
    }
    // After an orderly close, everything is in the one file.
    CHECK_FALSE(std::filesystem::exists(data + "/ledger.db-wal"));
    CHECK(Ledger::open(data));
}

TEST_CASE("a directory that others may write to is refused") {
    const TempDir dir;
    REQUIRE(chmod(dir.path().c_str(), 0770) == 0);
    const auto ledger = Ledger::open(dir.path());
    REQUIRE_FALSE(ledger);
    CHECK(ledger.error().code == ErrorCode::permission_denied);
}

TEST_CASE("a second process gets try_again and the pid of the first") {
    const TempDir dir;
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    const pid_t holder = fork();
    REQUIRE(holder >= 0);
    if (holder == 0) {
        const auto ledger = Ledger::open(dir.path());
        const char told = ledger ? 1 : 0;
        if (write(ready[1], &told, 1) == 1) pause();
        _exit(0);
    }
    char told = 0;
    REQUIRE(read(ready[0], &told, 1) == 1);
    REQUIRE(told == 1);
    const auto second = Ledger::open(dir.path());
    REQUIRE_FALSE(second);
    CHECK(second.error().code == ErrorCode::try_again);
    CHECK(second.error().why == "process " + std::to_string(holder) + " holds it");
    REQUIRE(kill(holder, SIGKILL) == 0);
    REQUIRE(waitpid(holder, nullptr, 0) == holder);
    CHECK(Ledger::open(dir.path()));
    close(ready[0]);
    close(ready[1]);
}

TEST_CASE("acknowledged data is there when the ledger is opened again") {
    const TempDir dir;
    {
        auto ledger = Ledger::open(dir.path());
        REQUIRE(ledger);
        REQUIRE((*ledger)->run([](LedgerTx& tx) { return add(tx, 1); }));
    }
    auto ledger = Ledger::open(dir.path());
    REQUIRE(ledger);
    CHECK(answers_in(**ledger) == 1);
}

TEST_CASE("operations that wait together share one commit") {
    const TempDir dir;
    const LedgerOptions options;
    auto ledger = Ledger::open(dir.path(), {}, options);
    REQUIRE(ledger);
    Hold hold(**ledger);
    std::vector<std::future<Status>> all;
    for (std::uint64_t i = 0; i < 500; ++i) {
        auto done = std::make_shared<std::promise<Status>>();
        all.push_back(done->get_future());
        REQUIRE((*ledger)->submit({[i](LedgerTx& tx) { return add(tx, i); },
                                   [done](const Status& status) { done->set_value(status); }, false}));
    }
    hold.let_go();
    for (auto& one : all)
        REQUIRE(one.get());
    // The operation that blocked, and one for all others.
    CHECK(options.metrics.value("ledger_commits") == 2);
    CHECK(options.metrics.value("ledger_operations") == 501);
    CHECK(LedgerCounters(options.metrics).commit_time.count() == 2);
    CHECK(answers_in(**ledger) == 500);
}

TEST_CASE("an operation that fails does not affect others in its commit") {
    const TempDir dir;
    auto ledger = Ledger::open(dir.path());
    REQUIRE(ledger);
    Hold hold(**ledger);
    std::vector<std::pair<std::uint64_t, Status>> told;  // used only on the ledger's thread
    for (std::uint64_t i = 0; i < 20; ++i) {
        REQUIRE((*ledger)->submit({[i](LedgerTx& tx) -> Status {
                                       if (Status status = add(tx, i); !status) return status;
                                       if (i == 7) return fail(ErrorCode::internal, "made to fail");
                                       if (i == 8) return tx.drop_answer(~std::uint64_t{0});
                                       return {};
                                   },
                                   [i, &told](const Status& status) { told.emplace_back(i, status); }, false}));
    }
    hold.let_go();
    CHECK(answers_in(**ledger) == 18);
    REQUIRE(told.size() == 20);
    for (std::size_t i = 0; i < told.size(); ++i) {
        CHECK(told[i].first == i);
        CHECK(told[i].second.has_value() == (i != 7 && i != 8));
    }
    CHECK(told[7].second.error().what == "made to fail");
    CHECK(told[8].second.error().code == ErrorCode::invalid_argument);
    CHECK((*ledger)->ready());
}

TEST_CASE("a write that hangs makes the ledger not ready until it ends") {
    const TempDir dir;
    LedgerOptions options;
    options.hangs_after = std::chrono::milliseconds(1);
    auto ledger = Ledger::open(dir.path("data"), {}, options);
    REQUIRE(ledger);
    Hold hold(**ledger);
    Status ready = (*ledger)->ready();
    while (ready)
        ready = (*ledger)->ready();
    CHECK(ready.error().code == ErrorCode::timed_out);
    CHECK(ready.error().why.find("a write has been under way for ") == 0);
    hold.let_go();
    while (!(*ledger)->ready())
        std::this_thread::yield();
}

TEST_CASE("an operation that runs alone starts after all earlier ones were committed and reported") {
    const TempDir dir;
    auto ledger = Ledger::open(dir.path());
    REQUIRE(ledger);
    Hold hold(**ledger);
    std::vector<int> order;  // used only on the ledger's thread
    const auto submit = [&](int number, bool alone) {
        REQUIRE((*ledger)->submit({[&order, number](LedgerTx&) -> Status {
                                       order.push_back(number);
                                       return {};
                                   },
                                   [&order, number](const Status&) { order.push_back(-number); }, alone}));
    };
    submit(1, false);
    submit(2, false);
    submit(3, true);
    submit(4, false);
    submit(5, true);
    hold.let_go();
    REQUIRE((*ledger)->run([](LedgerTx&) -> Status { return {}; }));
    CHECK(order == std::vector<int>{1, 2, -1, -2, 3, -3, 4, -4, 5, -5});
}

TEST_CASE("a full queue refuses at once, counts the refusal, and completes the operations in it") {
    const TempDir dir;
    LedgerOptions options;
    options.max_waiting = 4;
    auto ledger = Ledger::open(dir.path(), {}, options);
    REQUIRE(ledger);
    Hold hold(**ledger);
    std::vector<std::uint64_t> told;  // used only on the ledger's thread
    std::promise<void> all_done;
    std::vector<Status> refused;
    for (std::uint64_t i = 0; i < 6; ++i) {
        Status taken = (*ledger)->submit({[i](LedgerTx& tx) { return add(tx, i); },
                                          [&, i](const Status&) {
                                              told.push_back(i);
                                              if (i == 3) all_done.set_value();
                                          },
                                          false});
        if (!taken) refused.push_back(std::move(taken));
    }
    REQUIRE(refused.size() == 2);
    CHECK(refused[0].error().code == ErrorCode::resource_exhausted);
    CHECK(options.metrics.value("ledger_refused") == 2);
    hold.let_go();
    all_done.get_future().wait();
    CHECK(answers_in(**ledger) == 4);
    CHECK(told == std::vector<std::uint64_t>{0, 1, 2, 3});  // nothing is reported for a refused operation
}

TEST_CASE("closing completes all waiting operations") {
    const TempDir dir;
    std::atomic<int> good = 0;
    {
        auto ledger = Ledger::open(dir.path());
        REQUIRE(ledger);
        for (std::uint64_t i = 0; i < 300; ++i) {
            REQUIRE((*ledger)->submit({[i](LedgerTx& tx) { return add(tx, i); },
                                       [&](const Status& status) { good += status ? 1 : 0; }, i % 50 == 0}));
        }
    }
    CHECK(good == 300);
    auto ledger = Ledger::open(dir.path());
    CHECK(answers_in(**ledger) == 300);
}

TEST_CASE("when many threads record at once, each answer is there once") {
    const TempDir dir;
    auto ledger = Ledger::open(dir.path());
    REQUIRE(ledger);
    std::atomic<std::uint64_t> added = 0;
    {
        std::vector<std::jthread> threads;
        for (std::uint64_t t = 0; t < 8; ++t) {
            threads.emplace_back([&, t] {
                for (std::uint64_t i = 0; i < 50; ++i) {
                    // Two threads add each number. The second attempt violates the key, which affects only
                    // itself.
                    if ((*ledger)->run([&](LedgerTx& tx) { return add(tx, t / 2 * 1000 + i); })) ++added;
                    static_cast<void>((*ledger)->payouts("a", 10));
                    static_cast<void>((*ledger)->ready());
                }
            });
        }
    }
    CHECK(added == 200);
    CHECK(answers_in(**ledger) == 200);
}

TEST_CASE("a ledger of a newer version is refused with the version in the error") {
    const TempDir dir;
    REQUIRE(Ledger::open(dir.path()));
    tamper(dir.path("ledger.db"), "UPDATE meta SET value = 9 WHERE key = 'schema_version'");
    const auto ledger = Ledger::open(dir.path());
    REQUIRE_FALSE(ledger);
    CHECK(ledger.error().code == ErrorCode::failed_precondition);
    CHECK(ledger.error().why.find("version 9") != std::string::npos);
}

TEST_CASE("a version number that never existed is refused") {
    const TempDir dir;
    REQUIRE(Ledger::open(dir.path()));
    tamper(dir.path("ledger.db"), "UPDATE meta SET value = 0 WHERE key = 'schema_version'");
    CHECK(Ledger::open(dir.path()).error().code == ErrorCode::failed_precondition);
    tamper(dir.path("ledger.db"), "DELETE FROM meta");
    CHECK(Ledger::open(dir.path()).error().code == ErrorCode::data_loss);
}

TEST_CASE("a ledger with altered tables and files of other programs are data_loss") {
    const TempDir dir;
    SECTION("a column was added") {
        REQUIRE(Ledger::open(dir.path()));
        tamper(dir.path("ledger.db"), "ALTER TABLE agents ADD COLUMN more TEXT");
    }
    SECTION("a table is missing") {
        REQUIRE(Ledger::open(dir.path()));
        tamper(dir.path("ledger.db"), "DROP TABLE wallet_changes");
    }
    SECTION("a table was added") {
        REQUIRE(Ledger::open(dir.path()));
        tamper(dir.path("ledger.db"), "CREATE TABLE more(x)");
    }
    SECTION("the database is another program's") {
        tamper(dir.path("ledger.db"), "CREATE TABLE theirs(x)");
    }
    SECTION("the file is not a database") {
        dir.write("ledger.db", std::string(8192, 'x'));
    }
    SECTION("the row of numbers is missing") {
        REQUIRE(Ledger::open(dir.path()));
        tamper(dir.path("ledger.db"), "DELETE FROM numbers");
        auto ledger = Ledger::open(dir.path());
        REQUIRE(ledger);
        const Status status = (*ledger)->run([](LedgerTx& tx) -> Status {
            const auto state = tx.load();
            return state ? Status{} : Status(fail(state.error()));
        });
        REQUIRE_FALSE(status);
        CHECK(status.error().code == ErrorCode::data_loss);
        return;
    }
    const auto ledger = Ledger::open(dir.path());
    REQUIRE_FALSE(ledger);
    CHECK(ledger.error().code == ErrorCode::data_loss);
    CHECK_FALSE(ledger.error().hint.empty());
}

TEST_CASE("a wallet or a number that was changed in the file is data_loss and never used") {
    const TempDir dir;
    const auto set_up = [](LedgerTx& tx) -> Status {
        AgentRow agent;
        agent.agent_id = "anna";
        agent.wallet = Address{{1}};
        agent.next_wallet = Address{{2}};
        if (Status set = tx.set_agent(agent); !set) return set;
        return tx.set_numbers({.last_height = 7, .epoch = 2});
    };
    REQUIRE((*Ledger::open(dir.path()))->run(set_up));
    const auto code_of = [&](auto read) {
        const auto ledger = Ledger::open(dir.path());
        REQUIRE(ledger);
        const Status status = (*ledger)->run([&](LedgerTx& tx) -> Status {
            const auto found = read(tx);
            return found ? Status{} : Status(fail(found.error()));
        });
        return status ? std::optional<ErrorCode>{} : status.error().code;
    };
    const auto agent = [](LedgerTx& tx) { return tx.agent("anna"); };
    const auto numbers = [](LedgerTx& tx) { return tx.numbers(); };
    CHECK(code_of(agent) == std::nullopt);
    CHECK(code_of(numbers) == std::nullopt);
    SECTION("the wallet in force") {
        tamper(dir.path("ledger.db"), "UPDATE agents SET wallet = zeroblob(20)");
        CHECK(code_of(agent) == ErrorCode::data_loss);
    }
    SECTION("the next wallet") {
        tamper(dir.path("ledger.db"), "UPDATE agents SET next_wallet = zeroblob(20)");
        CHECK(code_of(agent) == ErrorCode::data_loss);
    }
    SECTION("the agent's name") {
        tamper(dir.path("ledger.db"), "UPDATE agents SET agent = 'anne'");
        CHECK(code_of([](LedgerTx& tx) { return tx.agent("anne"); }) == ErrorCode::data_loss);
    }
    SECTION("the last height") {
        tamper(dir.path("ledger.db"), "UPDATE numbers SET last_height = 8");
        CHECK(code_of(numbers) == ErrorCode::data_loss);
    }
    SECTION("a wallet that comes into force keeps its hash") {
        REQUIRE((*Ledger::open(dir.path()))->run([](LedgerTx& tx) { return tx.promote_wallets(); }));
        CHECK(code_of(agent) == std::nullopt);
        CHECK((*Ledger::open(dir.path()))->agent("anna").value()->wallet == Address{{2}});
    }
}

TEST_CASE("a damaged page is reported as data_loss and never read as other data") {
    const TempDir dir;
    {
        auto ledger = Ledger::open(dir.path());
        REQUIRE((*ledger)->run([](LedgerTx& tx) -> Status {
            for (std::uint64_t i = 0; i < 2000; ++i) {
                if (Status status = add(tx, i); !status) return status;
            }
            return {};
        }));
    }
    // The pages after the first hold tables and indexes; their headers are overwritten.
    std::string file = dir.read("ledger.db");
    REQUIRE(file.size() > 40 * 4096);
    for (std::size_t page = 20; page * 4096 < file.size(); ++page)
        std::fill_n(file.begin() + static_cast<long>(page) * 4096, 64, '\xff');
    dir.write("ledger.db", file);
    auto ledger = Ledger::open(dir.path());
    REQUIRE(ledger);
    const Status status = (*ledger)->run([](LedgerTx& tx) -> Status {
        const auto state = tx.load();
        return state ? Status{} : Status(fail(state.error()));
    });
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::data_loss);
    CHECK((*ledger)->ready().error().code == ErrorCode::data_loss);
    // It stays that way: nothing is written to a damaged file.
    CHECK_FALSE((*ledger)->run([](LedgerTx& tx) { return tx.probe(); }));
}

}  // namespace ioswarm
