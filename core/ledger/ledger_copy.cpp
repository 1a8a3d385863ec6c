// SPDX-License-Identifier: Apache-2.0
#include "core/ledger/ledger_copy.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/try.hpp"
#include "core/ledger/epoch_check.hpp"
#include "core/ledger/ledger_tx.hpp"
#include "core/ledger/schema.hpp"
#include "core/ledger/shared_queries.hpp"
#include "core/ledger/usage_mark.hpp"
#include "core/sqlite/database_copy.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm {
namespace {

constexpr std::size_t kMaxProblems = 20;
constexpr const char* kLedgerName = "ledger";

/// Checks that the pages are sound and that the tables are those of a ledger.
Status check_pages(sqlite::Database& database) {
    IOSWARM_DO(check_schema(database));
    IOSWARM_TRY(auto check, database.prepare("PRAGMA quick_check(1)"));
    IOSWARM_TRY(const auto row, check.step());
    if (row && check.text(0) == "ok") return {};
    return fail(ErrorCode::data_loss, "the ledger is damaged", database.file(), row ? check.text(0) : "",
                "'ioswarm ledger check' shows more");
}

Status make_target(const std::filesystem::path& to) {
    if (mkdir(to.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(errno_error(errno, "cannot make the directory for the copy", to.string()));
    return {};
}

/// Checks the permissions without opening the file: closing it again would drop the locks that a ledger of this
/// process has on it.
Status check_readable(const std::filesystem::path& file) {
    if (::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) == 0) return {};
    if (errno != ENOENT) return fail(errno_error(errno, "cannot open the ledger", file.string()));
    return fail(ErrorCode::not_found, "cannot open the ledger", file.string(), "there is none",
                "name the data directory of serve: --data-dir DIR");
}

// ---- examination

class Examination {
  public:
    Examination(sqlite::Database& database, LedgerFacts& facts) : database_(database), facts_(facts) {}

    Status run() {
        // One transaction, so that all figures that are compared are from one moment. It is short, since
        // histories are bounded.
        IOSWARM_DO(database_.execute("BEGIN"));
        Status status;
        for (const auto step :
             {&Examination::check_pages, &Examination::read_meta, &Examination::read_counts,
              &Examination::check_epochs, &Examination::check_payouts, &Examination::check_wallets}) {
            status = (this->*step)();
            if (!status) break;
        }
        static_cast<void>(database_.execute("ROLLBACK"));
        return status;
    }

  private:
    void tell(std::string problem) {
        if (facts_.problems.size() < kMaxProblems) facts_.problems.push_back(std::move(problem));
    }

    template <typename Each>
    Status each_row(const char* sql, Each each) {
        IOSWARM_TRY(auto rows, database_.prepare(sql));
        for (;;) {
            IOSWARM_TRY(const auto row, rows.step());
            if (!row) return {};
            each(rows);
        }
    }

    Status check_pages() {
        return each_row("PRAGMA integrity_check(10)", [&](const sqlite::Statement& row) {
            if (row.text(0) != "ok") tell(row.text(0));
        });
    }

    Status read_meta() {
        std::optional<std::uint64_t> evm;
        std::optional<std::uint64_t> node;
        Status status = each_row("SELECT key, value FROM meta", [&](const sqlite::Statement& row) {
            if (row.text(0) == "evm_chain_id") evm = row.u64(1);
            if (row.text(0) == "node_chain_id") node = row.u64(1);
        });
        if (evm) facts_.chain = ChainIdentity{*evm, node};
        if (!status) return status;
        IOSWARM_TRY(auto query, database_.prepare(kNumbersQuery));
        auto numbers = read_numbers(query, facts_.file.string());
        if (!numbers) {
            tell(numbers.error().why);
            // The other checks are better with damaged numbers than with none.
            numbers = read_numbers_unchecked(query, facts_.file.string());
        }
        if (!numbers) return {};
        facts_.last_height = numbers->last_height;
        facts_.running_epoch = numbers->epoch;
        return {};
    }

    /// A payout without a wallet is paid to the wallet that its agent has now.
    Status check_wallets() {
        return each_row("SELECT agent, wallet, wallet_hash, next_wallet, next_wallet_hash FROM agents",
                        [&](const sqlite::Statement& row) {
                            for (const int column : {1, 3}) {
                                const auto wallet = optional_address(row, column);
                                const auto fits = wallet
                                                      ? has_wallet_hash(row.text(0), *wallet, row, column + 1)
                                                      : Result<bool>(false);
                                if (!fits || !*fits)
                                    tell(fmt::format(
                                        "the wallet of agent {} was changed: it does not match its stored hash",
                                        row.text(0)));
                            }
                        });
    }

    Status read_counts() {
        for (const auto& [sql, count] : {std::pair{"SELECT count(*) FROM agents", &facts_.agents},
                                         {"SELECT count(*) FROM answers", &facts_.open_answers},
                                         {"SELECT count(*) FROM epochs", &facts_.closed_epochs}}) {
            IOSWARM_TRY(const auto found, database_.query_integer(sql));
            *count = static_cast<std::uint64_t>(std::max<std::int64_t>(found.value_or(0), 0));
        }
        return {};
    }

    Status check_epochs() {
        std::uint64_t height = 0;
        Status status =
            each_row("SELECT epoch, last_height FROM epochs ORDER BY epoch", [&](const sqlite::Statement& row) {
                if (row.u64(1) < height) tell(fmt::format("epoch {} ends below the one before it", row.u64(0)));
                height = row.u64(1);
            });
        if (height > facts_.last_height)
            tell(
                fmt::format("an epoch ends at height {}, above the last block {}", height, facts_.last_height));
        return status;
    }

    Status compare_hashes(EpochCheck& check) {
        IOSWARM_TRY(const auto first, database_.query_integer("SELECT min(epoch) FROM epochs"));
        if (!first) return {};
        IOSWARM_TRY(const auto faults,
                    check.faults(database_, static_cast<std::uint64_t>(std::max<std::int64_t>(*first, 0)),
                                 facts_.running_epoch));
        for (const EpochFault& fault : faults)
            tell(fault.why);
        return {};
    }

    /// Checks that each epoch's payouts add up to its pool, that every amount is a number, and that closed
    /// epochs match their stored hashes.
    Status check_payouts() {
        U256 sum = 0;
        std::optional<std::uint64_t> epoch;
        U256 pool = 0;
        bool is_kept = false;
        EpochCheck check;
        const auto finish = [&] {
            if (epoch && is_kept && sum != pool)
                tell(fmt::format("the payouts of epoch {} do not add up to its pool", *epoch));
        };
        const Status status = each_row(
            "SELECT p.epoch, p.amount_rau, p.notice, e.pool_rau, p.agent, p.wallet, p.settled FROM payouts p "
            "LEFT JOIN epochs e ON e.epoch = p.epoch ORDER BY p.epoch, p.agent",
            [&](const sqlite::Statement& row) {
                const auto amount = row.amount(1);
                if (!amount) return tell(fmt::format("a payout of epoch {} is not a number", row.u64(0)));
                if (epoch != row.u64(0)) {
                    finish();
                    epoch = row.u64(0);
                    sum = 0;
                    is_kept = !row.is_null(3);
                    const auto of_epoch = is_kept ? row.amount(3) : Result<U256>(U256(0));
                    if (!of_epoch) tell(fmt::format("the pool of epoch {} is not a number", *epoch));
                    pool = of_epoch ? *of_epoch : U256(0);
                }
                sum += *amount;
                const auto wallet = optional_address(row, 5);
                if (!wallet) tell(fmt::format("a wallet of epoch {} is not an address", *epoch));
                const std::string agent = row.text(4);
                check.add(*epoch, {agent, *amount, wallet ? *wallet : std::nullopt, !row.is_null(6)},
                          row.integer(2), settled_of(row, 6));
                ++facts_.payouts;
                if (row.integer(2) != 2) return;
                ++facts_.waiting_payouts;
                facts_.waiting_rau += *amount;
            });
        finish();
        return status ? compare_hashes(check) : status;
    }

    sqlite::Database& database_;
    LedgerFacts& facts_;
};

}  // namespace

Result<std::filesystem::path> back_up_ledger(const std::filesystem::path& data_dir,
                                             const std::filesystem::path& to) {
    const std::filesystem::path file = data_dir / "ledger.db";
    IOSWARM_TRY(const auto use, read_ledger_use(data_dir));
    IOSWARM_DO(check_ledger_files(data_dir, use));
    IOSWARM_DO(check_readable(file));
    IOSWARM_DO(make_target(to));
    IOSWARM_TRY(auto database, open_database_reader(file, kLedgerName));
    IOSWARM_DO(check_schema(database));
    const std::filesystem::path copy = to / "ledger.db";
    IOSWARM_DO(copy_database(database, copy, kLedgerName, check_pages));
    return copy;
}

Result<LedgerFacts> examine_ledger(const std::filesystem::path& path) {
    LedgerFacts facts;
    std::error_code error;
    const bool is_directory = std::filesystem::is_directory(path, error);
    facts.file = is_directory ? path / "ledger.db" : path;
    if (is_directory) {
        IOSWARM_TRY(const auto use, read_ledger_use(path));
        IOSWARM_DO(check_ledger_files(path, use));
    }
    IOSWARM_DO(check_readable(facts.file));
    facts.bytes = std::filesystem::file_size(facts.file, error);
    IOSWARM_TRY(auto database, open_database_reader(facts.file, kLedgerName));
    IOSWARM_TRY(const auto empty, is_without_tables(database));
    if (empty) {
        return fail(ErrorCode::data_loss, "cannot read the ledger", facts.file.string(),
                    "it is empty; a copy of a running ledger without ledger.db-wal looks like this",
                    "put back the whole copy, or a backup made by 'ioswarm ledger backup'");
    }
    IOSWARM_DO(check_schema(database));
    IOSWARM_DO(Examination(database, facts).run());
    return facts;
}

}  // namespace ioswarm
