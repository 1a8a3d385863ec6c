// SPDX-License-Identifier: Apache-2.0
#include "contracts/sent_journal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/atomic_file.hpp"
#include "core/base/descriptor.hpp"
#include "core/base/sync_folder.hpp"
#include "core/base/try.hpp"
#include "core/crypto/secp256k1.hpp"
#include "core/sqlite/private_file.hpp"

namespace ioswarm::contracts {
namespace {

using Json = nlohmann::json;
using State = SentEntry::State;

constexpr const char* kCannotKeep = "cannot use the journal of sent transactions";
constexpr std::size_t kMaxJournal = std::size_t{64} << 20U;
constexpr std::array<std::string_view, 4> kStateNames{"open", "mined", "refused", "replaced"};

Json entry_json(const SentEntry& entry) {
    Json attempts = Json::array();
    for (const RawEthTx& one : entry.attempts)
        attempts.push_back({{"hash", to_hex0x(one.hash.view())}, {"raw", to_hex0x(one.raw)}});
    Json out{{"id", entry.id},
             {"kind", entry.kind},
             {"key", entry.key},
             {"nonce", entry.nonce},
             {"from_block", entry.from_block},
             {"attempts", attempts},
             {"state", kStateNames.at(static_cast<std::size_t>(entry.state))}};
    if (entry.state == State::mined) {
        out["hash"] = to_hex0x(entry.hash.view());
        out["block"] = entry.block;
        out["status"] = entry.status;
        out["gas_used"] = entry.gas_used;
        out["gas_price"] = to_decimal(entry.gas_price);
        if (entry.contract) out["contract"] = to_hex0x(entry.contract->view());
    }
    return out;
}

/// Empty if a field is missing or has another type.
std::optional<SentEntry> entry_of(const Json& json) try {
    SentEntry out;
    out.id = json.at("id").get<std::uint64_t>();
    out.kind = json.at("kind").get<std::string>();
    out.key = json.at("key").get<std::string>();
    out.nonce = json.at("nonce").get<std::uint64_t>();
    out.from_block = json.at("from_block").get<std::uint64_t>();
    for (const Json& one : json.at("attempts")) {
        const auto hash = fixed_from_hex<Hash256>(one.at("hash").get<std::string>());
        const auto raw = from_hex(one.at("raw").get<std::string>());
        if (!hash || !raw) return std::nullopt;
        out.attempts.push_back({*raw, *hash});
    }
    const auto state = std::ranges::find(kStateNames, json.at("state").get<std::string>());
    if (state == kStateNames.end() || out.attempts.empty()) return std::nullopt;
    out.state = static_cast<State>(state - kStateNames.begin());
    if (out.state != State::mined) return out;
    const auto hash = fixed_from_hex<Hash256>(json.at("hash").get<std::string>());
    const auto price = u256_from_decimal(json.at("gas_price").get<std::string>());
    if (!hash || !price) return std::nullopt;
    out.hash = *hash;
    out.gas_price = *price;
    out.block = json.at("block").get<std::uint64_t>();
    out.status = json.at("status").get<std::uint64_t>();
    out.gas_used = json.at("gas_used").get<std::uint64_t>();
    if (json.contains("contract")) out.contract = fixed_from_hex<Address>(json["contract"].get<std::string>());
    return out;
} catch (const Json::exception&) {
    return std::nullopt;
}

std::string journal_name(std::uint64_t chain_id, const Address& wallet) {
    return fmt::format("{}-{}", chain_id, to_hex0x(wallet.view()));
}

/// Rewords a lower-level error for the user of the journal.
tl::unexpected<Error> of_journal(Error error) {
    error.what = kCannotKeep;
    if (error.code == ErrorCode::try_again) {
        error.hint = "it sends from the same wallet: wait until it has ended, then run this again";
    }
    return fail(std::move(error));
}

tl::unexpected<Error> damaged(const std::string& path, std::string why) {
    return fail(
        ErrorCode::data_loss, kCannotKeep, path, std::move(why),
        "find out which of its transactions were mined before you move it away: what it contains is not sent "
        "again, and what it has lost would be");
}

/// True if `entry` can follow the entries read before: it is either a new one with the next number, or a new
/// version of the last one, which was open.
bool follows(const std::vector<SentEntry>& before, const SentEntry& entry) {
    const bool none_open = before.empty() || before.back().state != State::open;
    if (entry.id == before.size() + 1) return none_open;
    return entry.id == before.size() && !none_open && before.back().kind == entry.kind &&
           before.back().key == entry.key && before.back().nonce == entry.nonce;
}

struct JournalText {
    std::vector<SentEntry> entries;
    std::size_t whole = 0;  ///< number of complete bytes; a line that a crash cut off may follow
};

Result<JournalText> read_journal(std::string_view text, const std::string& path) {
    JournalText out;
    while (out.whole < text.size()) {
        const std::size_t end = text.find('\n', out.whole);
        const std::string_view line = text.substr(out.whole, end - out.whole);
        const auto entry = entry_of(Json::parse(line, nullptr, false));
        const bool last = end == std::string_view::npos || end + 1 == text.size();
        // An incomplete last line can be dropped: nothing is sent before its whole line is on the disk.
        if (end == std::string_view::npos || (last && line.find('\0') != std::string_view::npos)) break;
        if (!line.empty()) {
            if (!entry) return damaged(path, fmt::format("byte {} begins a damaged line", out.whole));
            if (!follows(out.entries, *entry)) {
                return damaged(path,
                               fmt::format("the line at byte {} contradicts the ones before it", out.whole));
            }
            if (entry->id > out.entries.size()) {
                out.entries.push_back(*entry);
            } else {
                out.entries.back() = *entry;
            }
        }
        out.whole = end + 1;
    }
    return out;
}

Status check_open_entry(const std::vector<SentEntry>& entries, const std::string& path, std::uint64_t chain_id,
                        const Address& wallet) {
    if (entries.empty() || entries.back().state != State::open) return {};
    if (is_signed_by(entries.back(), chain_id, wallet)) return {};
    return damaged(path, "the wallet's key did not sign the transaction that is open");
}

Status check_journal_file(int fd, const std::string& path) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return fail(errno_error(errno, kCannotKeep, path));
    if (!S_ISREG(info.st_mode)) return fail(ErrorCode::io, kCannotKeep, path, "it is not a regular file");
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
    return fail(ErrorCode::permission_denied, kCannotKeep, path, "others may write to it", "chmod 600 " + path);
}

}  // namespace

const SentEntry* last_success(const std::vector<SentEntry>& entries, std::string_view kind,
                              std::string_view key) noexcept {
    const auto found = std::find_if(entries.rbegin(), entries.rend(), [&](const SentEntry& entry) {
        return entry.kind == kind && entry.key == key && entry.succeeded();
    });
    return found == entries.rend() ? nullptr : &*found;
}

std::vector<SentEntry> given_up_entries(const std::vector<SentEntry>& entries, std::string_view kind,
                                        std::string_view key) {
    std::vector<SentEntry> out;
    std::set<Hash256> later;
    for (auto one = entries.rbegin(); one != entries.rend(); ++one) {
        if (one->kind != kind || one->key != key) continue;
        if (one->succeeded()) break;
        const bool is_new = std::ranges::none_of(
            one->attempts, [&later](const RawEthTx& attempt) { return later.contains(attempt.hash); });
        for (const RawEthTx& attempt : one->attempts)
            later.insert(attempt.hash);
        const bool is_given_up = one->state == State::refused || one->state == State::replaced;
        const bool is_nonce_mined = std::ranges::any_of(entries, [&one](const SentEntry& other) {
            return other.state == State::mined && other.nonce == one->nonce;
        });
        if (is_new && is_given_up && !is_nonce_mined) out.push_back(*one);
    }
    return out;
}

bool is_signed_by(const SentEntry& entry, std::uint64_t chain_id, const Address& wallet) {
    return std::ranges::all_of(entry.attempts, [&](const RawEthTx& attempt) {
        const auto decoded = decode_signed(attempt.raw);
        if (!decoded || decoded->tx.chain_id != chain_id || decoded->tx.nonce != entry.nonce) return false;
        if (transaction_hash(decoded->tx, decoded->signature) != attempt.hash) return false;
        const auto signer = recover(signing_hash(decoded->tx), decoded->signature);
        return signer && address_of(*signer) == wallet;
    });
}

Result<LockFile> lock_wallet(const std::filesystem::path& directory, std::uint64_t chain_id,
                             const Address& wallet) {
    std::error_code ignored;
    if (std::filesystem::is_symlink(directory, ignored)) {
        return fail(
            ErrorCode::permission_denied, kCannotKeep, directory.string(), "it is a symbolic link",
            "who may change it could lead the journal elsewhere: let XDG_STATE_HOME name the real place");
    }
    IOSWARM_DO(prepare_private_directory(directory));
    return LockFile::acquire(directory / (journal_name(chain_id, wallet) + ".lock"));
}

Result<SentJournal> SentJournal::open(const std::filesystem::path& directory, std::uint64_t chain_id,
                                      const Address& wallet) {
    auto lock = lock_wallet(directory, chain_id, wallet);
    if (!lock) return of_journal(std::move(lock).error());
    const std::string path = (directory / (journal_name(chain_id, wallet) + ".jsonl")).string();
    IOSWARM_TRY(auto file,
                open_file(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, kCannotKeep, 0600));
    IOSWARM_DO(check_journal_file(file.get(), path));
    if (Status synced = sync_folder(directory.string()); !synced) return of_journal(std::move(synced).error());
    const auto text = read_file(path, kMaxJournal);
    if (!text) return of_journal(text.error());
    IOSWARM_TRY(auto read, read_journal(*text, path));
    IOSWARM_DO(check_open_entry(read.entries, path, chain_id, wallet));
    if (read.whole < text->size() && ::ftruncate(file.get(), static_cast<off_t>(read.whole)) != 0)
        return fail(errno_error(errno, kCannotKeep, path));
    SentJournal out(std::move(*lock), path, std::move(file));
    out.entries_ = std::move(read.entries);
    return out;
}

Result<std::vector<SentEntry>> SentJournal::peek(const std::filesystem::path& directory, std::uint64_t chain_id,
                                                 const Address& wallet) {
    const std::string path = (directory / (journal_name(chain_id, wallet) + ".jsonl")).string();
    const auto text = read_file(path, kMaxJournal);
    if (!text && text.error().code == ErrorCode::not_found) return std::vector<SentEntry>{};
    if (!text) return of_journal(text.error());
    IOSWARM_TRY(auto read, read_journal(*text, path));
    return std::move(read.entries);
}

Status SentJournal::append(const SentEntry& entry) {
    const std::string line = entry_json(entry).dump() + "\n";
    const off_t before = ::lseek(file_.get(), 0, SEEK_END);
    if (Status written = write_all(file_.get(), as_bytes(line), kCannotKeep, path_); !written) {
        // Half a line in the middle of the journal would make it unreadable.
        if (before >= 0 && ::ftruncate(file_.get(), before) != 0) file_.reset();
        return written;
    }
    return sync_file(file_.get(), kCannotKeep, path_);
}

const SentEntry* SentJournal::open_entry() const noexcept {
    const auto found = std::ranges::find(entries_, State::open, &SentEntry::state);
    return found == entries_.end() ? nullptr : &*found;
}

std::uint64_t SentJournal::next_nonce() const noexcept {
    std::uint64_t next = 0;
    for (const SentEntry& entry : entries_) {
        if (entry.state == State::mined) next = std::max(next, entry.nonce + 1);
    }
    return next;
}

Status SentJournal::add(SentEntry entry) {
    if (open_entry() != nullptr)
        return fail(ErrorCode::internal, kCannotKeep, path_, "a transaction is open already");
    entry.id = entries_.size() + 1;
    entry.state = State::open;
    IOSWARM_DO(append(entry));
    entries_.push_back(std::move(entry));
    return {};
}

Status SentJournal::add_attempt(const RawEthTx& attempt) {
    const auto open = std::ranges::find(entries_, State::open, &SentEntry::state);
    if (open == entries_.end()) return fail(ErrorCode::internal, kCannotKeep, path_, "no transaction is open");
    SentEntry changed = *open;
    changed.attempts.push_back(attempt);
    IOSWARM_DO(append(changed));
    *open = std::move(changed);
    return {};
}

Status SentJournal::close(SentEntry::State state) {
    const auto open = std::ranges::find(entries_, State::open, &SentEntry::state);
    if (open == entries_.end()) return fail(ErrorCode::internal, kCannotKeep, path_, "no transaction is open");
    SentEntry changed = *open;
    changed.state = state;
    IOSWARM_DO(append(changed));
    *open = std::move(changed);
    return {};
}

Status SentJournal::close(const Receipt& receipt) {
    const auto open = std::ranges::find(entries_, State::open, &SentEntry::state);
    if (open == entries_.end()) return fail(ErrorCode::internal, kCannotKeep, path_, "no transaction is open");
    SentEntry changed = *open;
    changed.state = State::mined;
    changed.hash = receipt.transaction;
    changed.block = receipt.block;
    changed.status = receipt.status;
    changed.gas_used = receipt.gas_used;
    changed.gas_price = receipt.gas_price;
    changed.contract = receipt.contract;
    IOSWARM_DO(append(changed));
    *open = std::move(changed);
    return {};
}

}  // namespace ioswarm::contracts
