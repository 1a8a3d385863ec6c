// SPDX-License-Identifier: Apache-2.0
#include "settlement/file_check.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/base/u512.hpp"
#include "core/crypto/eth_tx.hpp"
#include "core/crypto/keccak.hpp"
#include "core/crypto/sha256.hpp"
#include "core/sqlite/rows.hpp"
#include "settlement/schema.hpp"
#include "settlement/store_rows.hpp"

namespace ioswarm::settlement {
namespace {

constexpr std::int64_t kSpendDayMs = 86'400'000;
constexpr std::size_t kIntentsPerCheck = 200;

tl::unexpected<Error> damaged_file(const sqlite::Database& database, std::string why) {
    return settlement_altered(database, "the file is damaged: " + std::move(why));
}

Status check_pages(sqlite::Database& database) {
    IOSWARM_TRY(auto check, database.prepare("PRAGMA integrity_check(1)"));
    IOSWARM_TRY(const auto row, check.step());
    const std::string found = row ? check.text(0) : std::string("no answer");
    if (found != "ok") return damaged_file(database, found);
    return {};
}

/// One row of `covered`, with the intent that it belongs to.
struct CoveredLine {
    std::uint64_t intent = 0;
    CoveredPayout payout;
    bool paid = false;
};

/// Compares the rows of the tables with each other, intent by intent.
class ContentCheck {
  public:
    ContentCheck(sqlite::Database& database, const SettlementIdentity& identity)
        : database_(database), identity_(identity) {}

    [[nodiscard]] Status run() {
        IOSWARM_DO(check_cover());
        IOSWARM_TRY(auto covered,
                    database_.prepare(
                        "SELECT intent, epoch, agent, wallet, amount_rau, paid_order IS NOT NULL FROM covered "
                        "ORDER BY intent, epoch, agent"));
        covered_ = std::move(covered);
        IOSWARM_DO(next_covered());
        for (std::uint64_t first = 0;;) {
            IOSWARM_TRY(const auto rows, read_intents(database_, first, kIntentsPerCheck));
            if (rows.empty()) break;
            for (const IntentRow& intent : rows) {
                IOSWARM_DO(check_intent(intent));
            }
            first = rows.back().id + 1;
        }
        if (line_) return damaged(fmt::format("intent {} is missing", line_->intent));
        return check_totals();
    }

  private:
    [[nodiscard]] tl::unexpected<Error> damaged(std::string why) const {
        return damaged_file(database_, std::move(why));
    }

    /// `cover` has exactly the payouts of the intents that neither failed nor were cancelled.
    [[nodiscard]] Status check_cover() {
        IOSWARM_TRY(auto counts,
                    database_.prepare(
                        "SELECT (SELECT count(*) FROM cover), count(*), count(v.intent) FROM covered c "
                        "JOIN intent i ON i.id = c.intent "
                        "LEFT JOIN cover v ON v.epoch = c.epoch AND v.agent = c.agent AND v.intent = c.intent "
                        "WHERE i.state NOT IN ('final_reverted', 'cancelled')"));
        IOSWARM_DO(counts.step());
        if (counts.u64(0) != counts.u64(1) || counts.u64(1) != counts.u64(2))
            return damaged("the covered payouts are not those of the transactions");
        return {};
    }

    [[nodiscard]] Status next_covered() {
        line_.reset();
        IOSWARM_TRY(const auto row, covered_.step());
        if (!row) return {};
        IOSWARM_TRY(const auto wallet, covered_.fixed<Address>(3));
        IOSWARM_TRY(const auto amount, covered_.amount(4));
        line_ = CoveredLine{
            covered_.u64(0), {covered_.u64(1), covered_.text(2), wallet, amount}, covered_.integer(5) != 0};
        return {};
    }

    [[nodiscard]] Status check_intent(const IntentRow& intent) {
        const std::string name = fmt::format("intent {}", intent.id);
        const bool pays = intent.kind != IntentKind::weights;
        std::vector<CoveredPayout> payouts;
        U512 sum = 0;
        while (line_ && line_->intent <= intent.id) {
            if (line_->intent != intent.id || line_->paid != (intent.state == IntentState::final_ok))
                return damaged(name + ": its payouts do not fit its state");
            sum += to_u512(line_->payout.amount_rau);
            payouts.push_back(std::move(line_->payout));
            IOSWARM_DO(next_covered());
        }
        paid_payouts_ += intent.state == IntentState::final_ok ? payouts.size() : 0;
        const bool fits = pays
                              ? payouts_hash(payouts) == intent.payouts_hash && sum == to_u512(intent.value_rau)
                              : payouts.empty() && intent.value_rau == 0;
        if (!fits) return damaged(name + ": its payouts are not those for which it was made");
        if (intent.to != identity_.contract) return damaged(name + " pays another contract");
        if (!is_final(intent.state) && !has_its_key(intent)) return damaged(name + " is not what was planned");
        const bool paid = intent.state == IntentState::final_ok;
        if (is_final(intent.state)) {
            paid_rau_ += paid ? intent.value_rau : U256(0);
            gas_rau_ += U256(intent.gas_used) * intent.gas_price;
        }
        return check_attempts(intent, name);
    }

    /// The key is a hash of the intent's work. The number of earlier tries of the same work is not stored, so
    /// it is looked for.
    [[nodiscard]] bool has_its_key(const IntentRow& intent) const {
        constexpr std::uint64_t kFirstTries = 10'000;
        const std::uint64_t most = std::min<std::uint64_t>(intent.id, kFirstTries);
        for (std::uint64_t generation = 0; generation <= most; ++generation) {
            if (intent_key(identity_, intent, generation) == intent.key) return true;
        }
        return intent.id > kFirstTries;  // the same weights may have been sent more often than that
    }

    [[nodiscard]] static bool is_of_intent(const AttemptRow& attempt, const IntentRow& intent) {
        const auto decoded = decode_signed(attempt.raw);
        if (!decoded) return true;  // no flipped bit does this, since the bytes match their hash
        if (decoded->tx.nonce != intent.nonce) return false;
        if (attempt.kind == AttemptKind::noop) return true;
        return decoded->tx.value == intent.value_rau && decoded->tx.data == intent.data;
    }

    [[nodiscard]] Status check_attempts(const IntentRow& intent, const std::string& name) {
        IOSWARM_TRY(const auto attempts, read_attempts(database_, intent.id));
        U256 max_gas = 0;
        for (const AttemptRow& attempt : attempts) {
            if (keccak256(attempt.raw) != attempt.hash)
                return damaged(fmt::format("{}, attempt {}: its bytes do not match its stored hash", name,
                                           attempt.number));
            if (!is_of_intent(attempt, intent))
                return damaged(
                    fmt::format("{}, attempt {}: its bytes do something else", name, attempt.number));
            max_gas = std::max(max_gas, U256(U256(attempt.gas_limit) * attempt.gas_price));
        }
        IOSWARM_TRY(auto spend,
                    database_.prepare("SELECT day, value_rau, gas_rau FROM spend WHERE intent = ?1"));
        IOSWARM_TRY(const auto found, spend.bind_u64(1, intent.id).step());
        if (found != !attempts.empty()) return damaged(name + ": what it spent is not noted");
        if (!found) return {};
        IOSWARM_TRY(const auto value, spend.amount(1));
        IOSWARM_TRY(const auto gas, spend.amount(2));
        const bool is_over = is_final(intent.state);
        const bool moved = !is_over || intent.state == IntentState::final_ok;
        const U256 wanted_gas = is_over ? U256(intent.gas_used) * intent.gas_price : max_gas;
        if (spend.integer(0) != attempts.front().signed_ms / kSpendDayMs ||
            value != (moved ? intent.value_rau : U256(0)) || gas != wanted_gas)
            return damaged(name + ": what it spent does not fit its transactions");
        return {};
    }

    [[nodiscard]] Status check_totals() {
        IOSWARM_TRY(auto meta, database_.prepare("SELECT paid_rau, gas_rau, paid_payouts, (SELECT "
                                                 "coalesce(max(paid_order), 0) FROM covered) FROM "
                                                 "meta"));
        IOSWARM_DO(meta.step());
        IOSWARM_TRY(const auto paid, meta.amount(0));
        IOSWARM_TRY(const auto gas, meta.amount(1));
        if (paid != paid_rau_ || gas != gas_rau_ || meta.u64(2) != paid_payouts_ ||
            meta.u64(3) != paid_payouts_)
            return damaged("its totals are not the sums of its transactions");
        return {};
    }

    sqlite::Database& database_;
    const SettlementIdentity& identity_;
    sqlite::Statement covered_;
    std::optional<CoveredLine> line_;  ///< the next row of covered_; nothing after the last one
    std::uint64_t paid_payouts_ = 0;
    U256 paid_rau_;
    U256 gas_rau_;
};

Status check_identity_sum(sqlite::Database& database, const SettlementIdentity& identity) {
    IOSWARM_TRY(const auto stored, database.query_integer("PRAGMA user_version"));
    // Files of earlier versions have none.
    if (stored.value_or(0) == 0 || *stored == identity_checksum(identity)) return {};
    return damaged_file(database, "chain, contract, wallet or first epoch are not those that it was made for");
}

}  // namespace

std::int64_t identity_checksum(const SettlementIdentity& identity) {
    const std::string text = fmt::format(
        "{} {} {} {} {} {} {}", identity.chain_id, to_hex(identity.contract.view()), to_string(identity.pool),
        to_hex(identity.wallet.view()), identity.first_nonce, identity.first_epoch, identity.pool_from_block);
    Sha256 sha;
    sha.update(as_bytes(text));
    const Hash256 hash = sha.finish();
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < sizeof out; ++i)
        out = out << 8U | hash.bytes[i];
    return std::max<std::int64_t>(out & 0x7fffffffU, 1);
}

Status check_settlement_content(sqlite::Database& database, const SettlementIdentity& identity) {
    IOSWARM_DO(check_pages(database));
    IOSWARM_DO(check_identity_sum(database, identity));
    return ContentCheck(database, identity).run();
}

}  // namespace ioswarm::settlement
