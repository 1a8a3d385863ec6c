// SPDX-License-Identifier: Apache-2.0
// Bits that flip in ledger.db, and rows that somebody edits. SQLite notices neither.
#include <array>
#include <iterator>

#include <fcntl.h>
#include <unistd.h>

#include "core/base/descriptor.hpp"
#include "core/sqlite/sqlite.hpp"
#include "settlement/ledger_payouts.hpp"
#include "test/settlement/ledger_file.hpp"
#include "test/settlement/store_fixture.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using namespace ioswarm::test;
using ioswarm::settlement::LedgerPayouts;

namespace {

constexpr std::size_t kFlipPageSize = 4096;

/// A closed ledger with three epochs. Anna had a wallet when they closed, bert named his later, and carl was
/// paid for epoch 1.
struct ClosedLedger {
    ClosedLedger() {
        const auto anna = filled_with<Address>(1);
        const auto carl = filled_with<Address>(3);
        file.change([](LedgerTx& tx) { return tx.set_chain({4690, 2}); });
        for (std::uint64_t epoch = 1; epoch <= 3; ++epoch)
            file.close_epoch(epoch, {{"anna", 1000 + epoch, anna},
                                     {"bert", 2000 + epoch, std::nullopt},
                                     {"carl", 3000 + epoch, carl}});
        file.name_wallet("bert", filled_with<Address>(2));
        file.change([](LedgerTx& tx) -> Status {
            const auto marked = tx.mark_notice_due(1, "carl");
            if (!marked) return fail(marked.error());
            return *marked ? Status{} : fail(ErrorCode::internal, "the payout was not waiting");
        });
        file.close();
    }

    void edit(const std::string& sql) const {
        auto database = sqlite::Database::open(path(), sqlite::Database::Mode::read_write, "ledger");
        REQUIRE(database);
        REQUIRE(database->execute(sql));
    }
    [[nodiscard]] std::filesystem::path path() const {
        return std::filesystem::path(file.dir.path()) / "ledger.db";
    }
    [[nodiscard]] Result<settlement::LedgerFacts> read() const {
        return LedgerPayouts(file.dir.path()).read(0);
    }

    LedgerFile file;
};

bool same_payout(const settlement::OwedPayout& a, const settlement::OwedPayout& b) {
    return a.epoch == b.epoch && a.agent_id == b.agent_id && a.amount_rau == b.amount_rau &&
           a.first_height == b.first_height && a.last_height == b.last_height;
}

enum class Outcome { refused, same, unpaid, wrong };

/// `unpaid`: the wallet that was named late is not found, so its payouts stay owed.
Outcome outcome_of(const Result<settlement::LedgerFacts>& facts, const settlement::LedgerFacts& sound) {
    if (!facts) return facts.error().text().empty() ? Outcome::wrong : Outcome::refused;
    if (!facts->altered.empty()) return Outcome::refused;
    const bool other_chain = facts->chain && !facts->may_be_paid_on(4690);
    if (other_chain) return Outcome::refused;
    if (facts->waiting.size() != sound.waiting.size() || facts->next_epoch != sound.next_epoch ||
        facts->last_height != sound.last_height) {
        return Outcome::wrong;
    }
    Outcome out = Outcome::same;
    for (std::size_t i = 0; i < sound.waiting.size(); ++i) {
        const settlement::OwedPayout& one = facts->waiting[i];
        if (!same_payout(one, sound.waiting[i])) return Outcome::wrong;
        if (one.wallet == sound.waiting[i].wallet) continue;
        if (one.wallet || one.agent_id != "bert") return Outcome::wrong;
        out = Outcome::unpaid;
    }
    return out;
}

/// The bytes of a page that hold something: its header with the places of the rows, and the rows.
std::vector<std::size_t> used_bytes(const std::string& bytes, std::size_t page) {
    const std::size_t start = (page - 1) * kFlipPageSize;
    const auto u16_at = [&](std::size_t at) {
        return static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[at])) << 8U |
               static_cast<std::uint8_t>(bytes[at + 1]);
    };
    const std::size_t rows = u16_at(start + 3);
    const std::size_t content = u16_at(start + 5);
    std::vector<std::size_t> out;
    for (std::size_t at = 0; at < 8 + 2 * rows; ++at)
        out.push_back(start + at);
    for (std::size_t at = content; at < kFlipPageSize; ++at)
        out.push_back(start + at);
    return out;
}

}  // namespace

TEST_CASE("whatever bit of the ledger's rows flips, what is owed stays the same or nothing is paid") {
    const ClosedLedger ledger;
    const auto sound = ledger.read();
    REQUIRE(sound);
    REQUIRE(sound->altered.empty());
    REQUIRE(sound->waiting.size() == 8);
    REQUIRE(sound->waiting[1].wallet == filled_with<Address>(2));

    std::vector<std::pair<std::string, std::size_t>> pages;
    {
        auto database = sqlite::Database::open(ledger.path(), sqlite::Database::Mode::lone_file, "ledger");
        REQUIRE(database);
        for (const char* name : {"numbers", "agents", "epochs", "payouts", "meta"}) {
            const auto root = database->query_integer("SELECT rootpage FROM sqlite_master WHERE name = '" +
                                                      std::string(name) + "'");
            REQUIRE(root);
            pages.emplace_back(name, static_cast<std::size_t>(root->value()));
        }
    }
    const std::string bytes = whole_file(ledger.path());
    const Descriptor file(::open(ledger.path().c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(file.get() >= 0);
    const auto put = [&](std::size_t at, char byte) {
        REQUIRE(::pwrite(file.get(), &byte, 1, static_cast<off_t>(at)) == 1);
    };
    std::array<std::size_t, 4> seen{};
    for (const auto& [table, page] : pages) {
        for (const std::size_t at : used_bytes(bytes, page)) {
            for (unsigned bit = 0; bit < 8; ++bit) {
                put(at, static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << bit)));
                const auto facts = ledger.read();
                const Outcome outcome = outcome_of(facts, *sound);
                ++seen[static_cast<std::size_t>(outcome)];
                if (outcome == Outcome::wrong)
                    FAIL_CHECK(table << ": byte " << at % kFlipPageSize << ", bit " << bit);
            }
            put(at, bytes[at]);
        }
    }
    INFO("refused " << seen[0] << ", the same " << seen[1] << ", one stays unpaid " << seen[2]);
    CHECK(seen[0] > 4'000);
    CHECK(seen[1] > 1'000);  // flips in ranks, weights and counts of work
    CHECK(seen[2] > 0);
    CHECK(ledger.read()->altered.empty());
}

TEST_CASE("a row of a closed epoch that was changed is named, and so is a payout that lost its mark") {
    const ClosedLedger ledger;
    const auto altered_by = [&](const std::string& sql) {
        ledger.edit(sql);
        const auto facts = ledger.read();
        REQUIRE(facts);
        return facts->altered;
    };
    using Catch::Matchers::Contains;
    SECTION("an amount") {
        CHECK_THAT(altered_by("UPDATE payouts SET amount_rau = '1005' WHERE epoch = 2 AND agent = 'anna'"),
                   Contains("epoch 2 is not what it was when it closed"));
    }
    SECTION("a wallet") {
        CHECK_THAT(altered_by("UPDATE payouts SET wallet = zeroblob(20) WHERE epoch = 3 AND agent = 'carl'"),
                   Contains("epoch 3 is not"));
    }
    SECTION("an agent") {
        CHECK_THAT(altered_by("UPDATE payouts SET agent = 'anne' WHERE epoch = 2 AND agent = 'anna'"),
                   Contains("epoch 2 is not"));
    }
    SECTION("a height") {
        CHECK_THAT(altered_by("UPDATE epochs SET last_height = 21 WHERE epoch = 2"),
                   Contains("epoch 2 is not"));
    }
    SECTION("the pool, and the payouts with it") {
        CHECK_THAT(altered_by("UPDATE epochs SET pool_rau = '6007' WHERE epoch = 2;"
                              "UPDATE payouts SET amount_rau = '1003' WHERE epoch = 2 AND agent = 'anna'"),
                   Contains("epoch 2 is not"));
    }
    SECTION("a payout is missing") {
        CHECK_THAT(altered_by("DELETE FROM payouts WHERE epoch = 2 AND agent = 'anna'"),
                   Contains("epoch 2 is not"));
    }
    SECTION("all payouts of an epoch are missing") {
        CHECK_THAT(altered_by("DELETE FROM payouts WHERE epoch = 2"), Contains("epoch 2 is not"));
    }
    SECTION("an epoch is missing") {
        CHECK_THAT(altered_by("DELETE FROM payouts WHERE epoch = 2; DELETE FROM epochs WHERE epoch = 2"),
                   Contains("epochs 2 to 2 are missing"));
    }
    SECTION("the newest epoch is missing") {
        CHECK_THAT(altered_by("DELETE FROM payouts WHERE epoch = 3; DELETE FROM epochs WHERE epoch = 3"),
                   Contains("the running epoch is 4, and the last closed one is 2"));
    }
    SECTION("the hash of an epoch is missing") {
        CHECK_THAT(altered_by("UPDATE epochs SET hash = NULL WHERE epoch = 2"),
                   Contains("hash of epoch 2 is missing"));
    }
    SECTION("an owed payout looks paid") {
        CHECK_THAT(altered_by("UPDATE payouts SET notice = 0 WHERE epoch = 2 AND agent = 'anna'"),
                   Contains("epoch 2, agent anna") && Contains("settled"));
    }
    SECTION("a paid payout looks owed") {
        CHECK_THAT(altered_by("UPDATE payouts SET notice = 2 WHERE epoch = 1 AND agent = 'carl'"),
                   Contains("epoch 1, agent carl"));
    }
    SECTION("a wallet that was named late") {
        CHECK_THAT(altered_by("UPDATE agents SET wallet = zeroblob(20) WHERE agent = 'bert'"),
                   Contains("wallet of agent bert"));
    }
    SECTION("the numbers of the running epoch") {
        ledger.edit("UPDATE numbers SET last_height = 1000000");
        const auto facts = ledger.read();
        REQUIRE_FALSE(facts);
        CHECK(facts.error().code == ErrorCode::data_loss);
        CHECK_THAT(facts.error().text(), Contains("table numbers does not match its stored hash"));
    }
    CHECK_FALSE(LedgerPayouts(ledger.file.dir.path()).all(0));
}
