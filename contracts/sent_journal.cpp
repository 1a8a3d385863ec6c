// SPDX-License-Identifier: Apache-2.0
#include "contracts/sent_journal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/atomic_file.hpp"

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

/// Nothing when a field is missing or of another type.
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

Status sync_directory(const std::filesystem::path& directory) {
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail(errno_error(errno, kCannotKeep, directory.string()));
    const bool synced = ::fsync(fd) == 0;
    const int why = errno;
    ::close(fd);
    if (!synced) return fail(errno_error(why, kCannotKeep, directory.string()));
    return {};
}

}  // namespace

SentJournal::SentJournal(SentJournal&& other) noexcept
    : lock_(std::move(other.lock_)),
      path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      entries_(std::move(other.entries_)) {}

SentJournal& SentJournal::operator=(SentJournal&& other) noexcept {
    std::swap(lock_, other.lock_);
    std::swap(path_, other.path_);
    std::swap(fd_, other.fd_);
    std::swap(entries_, other.entries_);
    return *this;
}

SentJournal::~SentJournal() {
    if (fd_ >= 0) ::close(fd_);
}

Result<SentJournal> SentJournal::open(const std::filesystem::path& directory, std::uint64_t chain_id,
                                      const Address& wallet) {
    if (Status made = prepare_private_directory(directory); !made) return fail(std::move(made).error());
    const std::string name = fmt::format("{}-{}", chain_id, to_hex0x(wallet.view()));
    auto lock = LockFile::acquire(directory / (name + ".lock"));
    if (!lock) return fail(std::move(lock).error());
    const std::string path = (directory / (name + ".jsonl")).string();
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return fail(errno_error(errno, kCannotKeep, path));
    SentJournal out(std::move(*lock), path, fd);
    if (Status synced = sync_directory(directory); !synced) return fail(std::move(synced).error());
    if (Status read = out.read_all(); !read) return fail(std::move(read).error());
    return out;
}

Status SentJournal::read_all() {
    const auto text = read_file(path_, kMaxJournal);
    if (!text) return fail(text.error());
    std::size_t begin = 0;
    while (begin < text->size()) {
        const std::size_t end = text->find('\n', begin);
        const std::string_view line = std::string_view(*text).substr(begin, end - begin);
        const auto entry = entry_of(Json::parse(line, nullptr, false));
        const bool last = end == std::string::npos || end + 1 == text->size();
        if (end == std::string::npos || (!entry && last)) {
            // Cut off by a crash: nothing was sent before the whole line was on disk.
            if (::ftruncate(fd_, static_cast<off_t>(begin)) != 0)
                return fail(errno_error(errno, kCannotKeep, path_));
            break;
        }
        if (!entry) {
            return fail(ErrorCode::data_loss, kCannotKeep, path_,
                        fmt::format("byte {} begins a damaged line", begin),
                        "do not delete it before you know which of its transactions were mined");
        }
        const auto known = std::ranges::find(entries_, entry->id, &SentEntry::id);
        if (known == entries_.end()) {
            entries_.push_back(*entry);
        } else {
            *known = *entry;
        }
        begin = end + 1;
    }
    return {};
}

Status SentJournal::append(const SentEntry& entry) {
    const std::string line = entry_json(entry).dump() + "\n";
    const off_t before = ::lseek(fd_, 0, SEEK_END);
    std::size_t written = 0;
    while (written < line.size()) {
        const ssize_t got = ::write(fd_, line.data() + written, line.size() - written);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            const int why = got < 0 ? errno : EIO;
            if (before >= 0 && ::ftruncate(fd_, before) != 0) ::close(std::exchange(fd_, -1));
            return fail(errno_error(why, kCannotKeep, path_));
        }
        written += static_cast<std::size_t>(got);
    }
    if (::fdatasync(fd_) != 0) return fail(errno_error(errno, kCannotKeep, path_));
    return {};
}

const SentEntry* SentJournal::open_entry() const noexcept {
    const auto found = std::ranges::find(entries_, State::open, &SentEntry::state);
    return found == entries_.end() ? nullptr : &*found;
}

const SentEntry* SentJournal::last_success(std::string_view kind, std::string_view key) const noexcept {
    const auto found = std::find_if(entries_.rbegin(), entries_.rend(), [&](const SentEntry& entry) {
        return entry.kind == kind && entry.key == key && entry.succeeded();
    });
    return found == entries_.rend() ? nullptr : &*found;
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
    if (Status stored = append(entry); !stored) return stored;
    entries_.push_back(std::move(entry));
    return {};
}

Status SentJournal::add_attempt(const RawEthTx& attempt) {
    const auto open = std::ranges::find(entries_, State::open, &SentEntry::state);
    if (open == entries_.end()) return fail(ErrorCode::internal, kCannotKeep, path_, "no transaction is open");
    SentEntry changed = *open;
    changed.attempts.push_back(attempt);
    if (Status stored = append(changed); !stored) return stored;
    *open = std::move(changed);
    return {};
}

Status SentJournal::close(SentEntry::State state) {
    const auto open = std::ranges::find(entries_, State::open, &SentEntry::state);
    if (open == entries_.end()) return fail(ErrorCode::internal, kCannotKeep, path_, "no transaction is open");
    SentEntry changed = *open;
    changed.state = state;
    if (Status stored = append(changed); !stored) return stored;
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
    if (Status stored = append(changed); !stored) return stored;
    *open = std::move(changed);
    return {};
}

}  // namespace ioswarm::contracts
