// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "contracts/chain_types.hpp"
#include "core/base/result.hpp"
#include "core/crypto/eth_tx.hpp"
#include "core/sqlite/lock_file.hpp"

namespace ioswarm::contracts {

/// One transaction of a wallet, from before it is sent until it is mined or dead.
struct SentEntry {
    enum class State {
        open,      ///< signed; perhaps sent
        mined,     ///< has a receipt, of success or failure
        refused,   ///< no endpoint took it, and none may have
        replaced,  ///< another transaction of the wallet was mined with its nonce
    };
    std::uint64_t id = 0;  ///< from 1, in the order of the journal
    std::string kind;      ///< which command: "deploy", "claim", "fund"
    std::string key;       ///< what the command was about; the same command has the same key
    std::uint64_t nonce = 0;
    std::uint64_t from_block = 0;  ///< the tip when it was signed: it cannot be in that block or an earlier one
    /// The bytes that were signed, all with this nonce and payload and each with a higher price than the one
    /// before.
    std::vector<RawEthTx> attempts;
    State state = State::open;
    // Of a mined one:
    Hash256 hash;
    std::uint64_t block = 0;
    std::uint64_t status = 0;
    std::uint64_t gas_used = 0;
    U256 gas_price;
    std::optional<Address> contract;

    [[nodiscard]] bool succeeded() const noexcept { return state == State::mined && status == 1; }
};

/// The newest entry of this kind and key that succeeded; null without one.
[[nodiscard]] const SentEntry* last_success(const std::vector<SentEntry>& entries, std::string_view kind,
                                            std::string_view key) noexcept;

/// What one wallet has sent on one chain with this program's commands, so that none is ever sent twice: a file
/// of JSON lines per chain and wallet, appended to and synced before anything goes out. Held by one process at
/// a time. Not thread-safe.
class SentJournal {
  public:
    /// Opens or begins `directory`/<chain>-<wallet>.jsonl, mode 0600, and makes the directory (0700) where it
    /// is missing. A last line that a crash cut off is dropped: it has no end, or zeros where the file system
    /// had reserved room. Errors: try_again (another process has it; `why` names it), data_loss (another line
    /// cannot be read or contradicts the ones before it, or the wallet's key did not sign what is open), io,
    /// permission_denied (also when others may write to the file).
    [[nodiscard]] static Result<SentJournal> open(const std::filesystem::path& directory,
                                                  std::uint64_t chain_id, const Address& wallet);
    /// What the journal holds now, for a dry run: takes and makes nothing, and drops no line on the disk. Empty
    /// where there is none. Errors: data_loss, io, permission_denied.
    [[nodiscard]] static Result<std::vector<SentEntry>> peek(const std::filesystem::path& directory,
                                                             std::uint64_t chain_id, const Address& wallet);
    SentJournal(SentJournal&& other) noexcept;
    SentJournal& operator=(SentJournal&& other) noexcept;
    ~SentJournal();

    [[nodiscard]] const std::vector<SentEntry>& entries() const noexcept { return entries_; }
    /// The one that is open; there is never more than one.
    [[nodiscard]] const SentEntry* open_entry() const noexcept;
    /// The nonce behind the highest that was mined; 0 without one.
    [[nodiscard]] std::uint64_t next_nonce() const noexcept;

    // Each is on disk when it returns without an error; after an error nothing may be sent.
    /// Adds an open entry (its id is set here).
    [[nodiscard]] Status add(SentEntry entry);
    /// Adds another attempt to the open entry.
    [[nodiscard]] Status add_attempt(const RawEthTx& attempt);
    /// Ends the open entry as refused or replaced.
    [[nodiscard]] Status close(SentEntry::State state);
    /// Ends the open entry as mined.
    [[nodiscard]] Status close(const Receipt& receipt);

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  private:
    SentJournal(LockFile lock, std::string path, int fd)
        : lock_(std::move(lock)), path_(std::move(path)), fd_(fd) {}
    [[nodiscard]] Status append(const SentEntry& entry);

    LockFile lock_;
    std::string path_;
    int fd_ = -1;
    std::vector<SentEntry> entries_;
};

}  // namespace ioswarm::contracts
