// SPDX-License-Identifier: Apache-2.0
#include "settlement/ledger_payouts.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/try.hpp"
#include "core/ledger/epoch_check.hpp"
#include "core/ledger/ledger_rows.hpp"
#include "core/ledger/schema.hpp"
#include "core/ledger/shared_queries.hpp"
#include "core/sqlite/open_for_reading.hpp"
#include "core/sqlite/sqlite.hpp"

namespace ioswarm::settlement {
namespace {

constexpr const char* kCannotRead = "cannot read the ledger";
/// Rows that one transaction reads; takes about 10 ms.
constexpr std::int64_t kRowsPerPage = 4'000;
constexpr std::size_t kLookupsPerTransaction = 500;
constexpr std::size_t kMaxPayouts = 500'000;
constexpr std::size_t kMaxWithoutWallet = 100'000;

// The page is limited before the filter, so that a transaction takes the same time however few rows wait. The
// ledger stores the wallet that was in force at the close of the epoch in the payout.
constexpr const char* kPage =
    "SELECT p.epoch, p.agent, p.amount_rau, p.wallet, p.notice, e.first_height, e.last_height, p.settled, "
    "a.wallet, a.wallet_hash "
    "FROM (SELECT epoch, agent, amount_rau, wallet, notice, settled FROM payouts WHERE (epoch, agent) > "
    "(?1, ?2) AND epoch < ?3 ORDER BY epoch, agent LIMIT ?4) AS p LEFT JOIN agents AS a ON a.agent = p.agent "
    "LEFT JOIN epochs AS e ON e.epoch = p.epoch ORDER BY p.epoch, p.agent";

/// A position in the order (epoch, agent). Pages begin after it.
struct Cursor {
    std::int64_t epoch = -1;
    std::string agent;
};

/// The position before every payout of this epoch. Agent ids are never empty.
Cursor cursor_before(std::uint64_t epoch) {
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return {static_cast<std::int64_t>(std::min(epoch, kMax)), std::string()};
}

/// A read transaction that ends with its scope.
class ReadTransaction {
  public:
    [[nodiscard]] static Result<std::unique_ptr<ReadTransaction>> begin(sqlite::Database& database) {
        IOSWARM_DO(database.execute("BEGIN"));
        return std::unique_ptr<ReadTransaction>(new ReadTransaction(database));
    }
    ~ReadTransaction() { static_cast<void>(database_.execute("ROLLBACK")); }
    ReadTransaction(const ReadTransaction&) = delete;
    ReadTransaction& operator=(const ReadTransaction&) = delete;

  private:
    explicit ReadTransaction(sqlite::Database& database) : database_(database) {}
    sqlite::Database& database_;
};

std::optional<std::uint64_t> unsigned_of(const std::optional<std::int64_t>& value) {
    if (!value || *value < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*value);
}

}  // namespace

struct LedgerPayouts::Reader {
    explicit Reader(sqlite::Database opened) : database(std::move(opened)) {}

    sqlite::Database database;
    sqlite::Statement page;

    [[nodiscard]] Status read_numbers(LedgerFacts& out);
    /// Passes one page to `take` and moves the cursor to its end. Returns false after the last page.
    template <typename Take>
    [[nodiscard]] Result<bool> read_page(Cursor& at, std::uint64_t below_epoch, const Take& take);
    /// Why the rows that were read are not what was stored. Empty when each matches its stored hash.
    [[nodiscard]] Result<std::string> altered(std::uint64_t first_epoch, std::uint64_t running_epoch);

  private:
    [[nodiscard]] bool is_intact_wallet(const std::string& agent_id,
                                        const std::optional<Address>& wallet) const;
    void check_late_wallet(const std::string& agent_id, const std::optional<Address>& wallet);

    EpochCheck check_;
    std::string altered_wallet_;  ///< why a wallet that was named late must not be paid
};

Status LedgerPayouts::Reader::read_numbers(LedgerFacts& out) {
    IOSWARM_TRY(auto query, database.prepare(kNumbersQuery));
    IOSWARM_TRY(const auto numbers, ioswarm::read_numbers(query, database.file()));
    out.last_height = numbers.last_height;
    out.next_epoch = numbers.epoch;
    IOSWARM_TRY(const auto evm, database.query_integer("SELECT value FROM meta WHERE key = 'evm_chain_id'"));
    IOSWARM_TRY(const auto node, database.query_integer("SELECT value FROM meta WHERE key = 'node_chain_id'"));
    if (const auto id = unsigned_of(evm)) out.chain = ChainIdentity{*id, unsigned_of(node)};
    return {};
}

template <typename Take>
Result<bool> LedgerPayouts::Reader::read_page(Cursor& at, std::uint64_t below_epoch, const Take& take) {
    page.bind(1, at.epoch).bind_text(2, at.agent).bind_u64(3, below_epoch).bind(4, kRowsPerPage);
    std::int64_t count = 0;
    Cursor last = at;
    for (;;) {
        IOSWARM_TRY(const auto row, page.step());
        if (!row) break;
        ++count;
        OwedPayout payout;
        payout.epoch = page.u64(0);
        payout.agent_id = page.text(1);
        const auto amount = page.amount(2);
        const auto wallet = optional_address(page, 3);
        const auto late = optional_address(page, 8);
        if (!amount || !wallet || !late) {
            page.reset();
            return fail(!amount ? amount.error() : !wallet ? wallet.error() : late.error());
        }
        payout.amount_rau = *amount;
        const std::int64_t notice = page.integer(4);
        const auto settled = settled_of(page, 7);
        check_.add(payout.epoch, {payout.agent_id, *amount, *wallet, settled.has_value()}, notice, settled);
        payout.wallet = *wallet ? *wallet : *late;
        const bool waiting = notice == static_cast<std::int64_t>(PayoutNotice::waiting);
        if (waiting && !*wallet) check_late_wallet(payout.agent_id, *late);
        if (*late == *wallet || is_intact_wallet(payout.agent_id, *late)) payout.present_wallet = *late;
        payout.first_height = page.u64(5);
        payout.last_height = page.u64(6);
        last = {page.integer(0), payout.agent_id};
        take(std::move(payout), waiting);
    }
    at = std::move(last);
    return count == kRowsPerPage;
}

/// Whether the agent's current wallet is the one that was stored. Looks at the current row of the page.
bool LedgerPayouts::Reader::is_intact_wallet(const std::string& agent_id,
                                             const std::optional<Address>& wallet) const {
    const auto fits = has_wallet_hash(agent_id, wallet, page, 9);
    return fits && *fits;
}

void LedgerPayouts::Reader::check_late_wallet(const std::string& agent_id,
                                              const std::optional<Address>& wallet) {
    if (is_intact_wallet(agent_id, wallet)) return;
    altered_wallet_ =
        fmt::format("the wallet of agent {} was changed: it does not match its stored hash", agent_id);
}

Result<std::string> LedgerPayouts::Reader::altered(std::uint64_t first_epoch, std::uint64_t running_epoch) {
    IOSWARM_TRY(const auto faults, check_.faults(database, first_epoch, running_epoch));
    return faults.empty() ? altered_wallet_ : faults.front().why;
}

LedgerPayouts::LedgerPayouts(std::filesystem::path dir) : file_(std::move(dir) / "ledger.db") {}

Result<std::unique_ptr<LedgerPayouts::Reader>> LedgerPayouts::open() {
    struct stat info {};
    if (::stat(file_.c_str(), &info) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return fail(ErrorCode::not_found, kCannotRead, file_.string(), "there is none",
                        "serve makes it; check dataDir in the configuration");
        }
        const int error = errno;
        if (error != EACCES) return fail(errno_error(error, kCannotRead, file_.string()));
    }
    if (::access(file_.c_str(), R_OK) != 0) {
        return fail(ErrorCode::permission_denied, kCannotRead, file_.string(), "it belongs to another user",
                    "run the command as the user that runs serve");
    }
    if (static_cast<std::uint64_t>(info.st_ino) != inode_) {
        inode_ = info.st_ino;
        nothing_below_ = 0;
    }
    const std::filesystem::path wal = file_.string() + "-wal";
    // SQLite would create a WAL for a file that has none. Without a WAL nobody is writing to the file, so it is
    // read without one.
    std::error_code ignored;
    IOSWARM_TRY(auto database,
                std::filesystem::exists(wal, ignored)
                    ? sqlite::open_for_reading(file_, "ledger")
                    : sqlite::Database::open(file_, sqlite::Database::Mode::lone_file, "ledger"));
    if (Status status = database.execute("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0;"
                                         "PRAGMA mmap_size = 0; PRAGMA cache_size = -4096");
        !status) {
        return fail(status.error());
    }
    IOSWARM_DO(check_schema(database));
    auto out = std::make_unique<Reader>(std::move(database));
    IOSWARM_TRY(out->page, out->database.prepare(kPage));
    return out;
}

Result<LedgerFacts> LedgerPayouts::read(std::uint64_t first_epoch) {
    IOSWARM_TRY(LedgerFacts out, read_once(first_epoch));
    // serve may have dropped an old epoch between two transactions. That does not happen twice in a row.
    return out.altered.empty() ? std::move(out) : read_once(first_epoch);
}

Result<LedgerFacts> LedgerPayouts::read_once(std::uint64_t first_epoch) {
    IOSWARM_TRY(const auto reader, open());
    if (first_epoch != asked_first_) nothing_below_ = 0;
    asked_first_ = first_epoch;
    LedgerFacts out;
    const std::uint64_t from = std::max(first_epoch, nothing_below_);
    Cursor at = cursor_before(from);
    std::size_t without_wallet = 0;
    const auto take = [&](OwedPayout payout, bool waiting) {
        if (!waiting) return;
        const bool too_many = payout.wallet ? out.waiting.size() - without_wallet >= kMaxPayouts
                                            : without_wallet >= kMaxWithoutWallet;
        if (too_many) return;
        if (!payout.wallet) ++without_wallet;
        out.waiting.push_back(std::move(payout));
    };
    for (bool first = true, more = true; more; first = false) {
        IOSWARM_TRY(const auto transaction, ReadTransaction::begin(reader->database));
        if (first) IOSWARM_DO(reader->read_numbers(out));
        IOSWARM_TRY(more, reader->read_page(at, out.next_epoch, take));
    }
    IOSWARM_TRY(out.altered, reader->altered(from, out.next_epoch));
    if (out.altered.empty()) nothing_below_ = out.waiting.empty() ? out.next_epoch : out.waiting.front().epoch;
    return out;
}

Result<std::vector<LedgerPayouts::Kept>> LedgerPayouts::all(std::uint64_t first_epoch) {
    IOSWARM_TRY(const auto reader, open());
    std::vector<Kept> out;
    LedgerFacts facts;
    IOSWARM_DO(reader->read_numbers(facts));
    Cursor at = cursor_before(first_epoch);
    for (bool more = true; more;) {
        IOSWARM_TRY(const auto transaction, ReadTransaction::begin(reader->database));
        IOSWARM_TRY(more, reader->read_page(at, facts.next_epoch, [&](OwedPayout payout, bool waiting) {
            out.push_back({std::move(payout), waiting});
        }));
    }
    IOSWARM_TRY(auto altered, reader->altered(first_epoch, facts.next_epoch));
    if (!altered.empty()) return fail(altered_ledger(std::move(altered)));
    return out;
}

Result<std::vector<std::optional<U256>>> LedgerPayouts::amounts(
    std::span<const std::pair<std::uint64_t, std::string>> payouts) {
    IOSWARM_TRY(auto reader, open());
    IOSWARM_TRY(auto query,
                reader->database.prepare("SELECT amount_rau FROM payouts WHERE epoch = ?1 AND agent = ?2"));
    std::vector<std::optional<U256>> out;
    out.reserve(payouts.size());
    while (out.size() < payouts.size()) {
        IOSWARM_TRY(const auto transaction, ReadTransaction::begin(reader->database));
        const std::size_t end = std::min(payouts.size(), out.size() + kLookupsPerTransaction);
        while (out.size() < end) {
            const auto& [epoch, agent] = payouts[out.size()];
            IOSWARM_TRY(const auto row, query.bind_u64(1, epoch).bind_text(2, agent).step());
            if (!row) {
                out.emplace_back();
                continue;
            }
            const auto amount = query.amount(0);
            query.reset();
            if (!amount) return fail(amount.error());
            out.emplace_back(*amount);
        }
    }
    return out;
}

Result<std::uint64_t> LedgerPayouts::oldest_epoch() {
    IOSWARM_TRY(auto reader, open());
    IOSWARM_TRY(const auto oldest,
                reader->database.query_integer("SELECT max(epoch) FROM epochs e WHERE NOT EXISTS "
                                               "(SELECT 1 FROM epochs p WHERE p.epoch = e.epoch - 1)"));
    const auto epoch = unsigned_of(oldest);
    if (epoch) return *epoch;
    LedgerFacts facts;
    IOSWARM_DO(reader->read_numbers(facts));
    return facts.next_epoch;
}

Result<std::optional<LedgerPayouts::Announced>> LedgerPayouts::announced_before_contract() {
    IOSWARM_TRY(const auto reader, open());
    IOSWARM_TRY(const auto settles,
                reader->database.query_integer(
                    fmt::format("SELECT 1 FROM payouts WHERE notice = {} OR settled IS NOT NULL LIMIT 1",
                                static_cast<std::int64_t>(PayoutNotice::waiting))));
    if (settles) return std::optional<Announced>{};
    IOSWARM_TRY(auto row, reader->database.prepare(
                              "SELECT count(*), min(epoch), max(epoch) FROM payouts WHERE amount_rau <> '0'"));
    IOSWARM_TRY(const bool found, row.step());
    if (!found || row.u64(0) == 0) return std::optional<Announced>{};
    Announced out{row.u64(0), row.u64(1), row.u64(2)};
    row.reset();
    return std::optional<Announced>(out);
}

}  // namespace ioswarm::settlement
