// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "contracts/chain_types.hpp"
#include "core/base/descriptor.hpp"
#include "core/base/result.hpp"
#include "core/crypto/eth_tx.hpp"
#include "core/sqlite/lock_file.hpp"

namespace ioswarm::contracts {

/// One transaction of a wallet, from before it is sent until it is mined or abandoned.
struct SentEntry {
    enum class State {
        open,      ///< signed and perhaps sent
        mined,     ///< has a receipt, for success or failure
        refused,   ///< no endpoint accepted it, and none may have kept it
        replaced,  ///< another transaction of the wallet was mined with its nonce
    };
    std::uint64_t id = 0;  ///< from 1, in the order of the journal
    std::string kind;      ///< the command: "deploy", "claim", "fund"
    std::string key;       ///< the subject of the command; the same command has the same key
    std::uint64_t nonce = 0;
    /// The tip at signing; the transaction cannot be in that block or an earlier one.
    std::uint64_t from_block = 0;
    /// The signed bytes of all attempts. They have the same nonce and payload, and each has a higher price than
    /// the one before.
    std::vector<RawEthTx> attempts;
    State state = State::open;
    // Set for a mined transaction:
    Hash256 hash;
    std::uint64_t block = 0;
    std::uint64_t status = 0;
    std::uint64_t gas_used = 0;
    U256 gas_price;
    std::optional<Address> contract;

    [[nodiscard]] bool succeeded() const noexcept { return state == State::mined && status == 1; }
};

/// The newest successful entry of this kind and key; null if there is none.
[[nodiscard]] const SentEntry* last_success(const std::vector<SentEntry>& entries, std::string_view kind,
                                            std::string_view key) noexcept;

/// The entries of this kind and key that were refused or replaced since the key's last success, newest first.
/// Left out are those whose nonce was mined with another entry, and those whose bytes a later entry has, too.
[[nodiscard]] std::vector<SentEntry> given_up_entries(const std::vector<SentEntry>& entries,
                                                      std::string_view kind, std::string_view key);

/// True if `wallet` itself signed every attempt of the entry. A journal written by somebody else must not make
/// this program send, or sign again at a higher price, something that the owner never ordered.
[[nodiscard]] bool is_signed_by(const SentEntry& entry, std::uint64_t chain_id, const Address& wallet);

/// The lock that a process holds while it may sign transactions of this wallet on this chain:
/// `directory`/<chain>- <wallet>.lock. It creates the directory (0700) if it is missing. The commands that keep
/// a SentJournal hold it, and so does the settler, which keeps its own records. Errors: try_again (another
/// process holds it; `why` names it), io, permission_denied (also if the directory is a symbolic link or others
/// may write to it).
[[nodiscard]] Result<LockFile> lock_wallet(const std::filesystem::path& directory, std::uint64_t chain_id,
                                           const Address& wallet);

/// All transactions that one wallet has sent on one chain with this program's commands, so that none is ever
/// sent twice. It is a file of JSON lines per chain and wallet. Each line is appended and synced before
/// anything is sent. Only one process may hold it at a time. Not thread-safe.
class SentJournal {
  public:
    /// Opens or creates `directory`/<chain>-<wallet>.jsonl with mode 0600, and creates the directory (0700) if
    /// it is missing. A last line that a crash cut off is dropped: it has no line end, or contains zeros where
    /// the file system had reserved space. Errors: try_again (another process holds it; `why` names it),
    /// data_loss (another line cannot be read or contradicts earlier ones, or the wallet's key did not sign the
    /// open transaction), io, permission_denied (also if others may write to the file).
    [[nodiscard]] static Result<SentJournal> open(const std::filesystem::path& directory,
                                                  std::uint64_t chain_id, const Address& wallet);
    /// Returns the current entries, for a dry run. It locks nothing, creates nothing and changes no file. Empty
    /// if there is no journal. Errors: data_loss, io, permission_denied.
    [[nodiscard]] static Result<std::vector<SentEntry>> peek(const std::filesystem::path& directory,
                                                             std::uint64_t chain_id, const Address& wallet);

    [[nodiscard]] const std::vector<SentEntry>& entries() const noexcept { return entries_; }
    /// The open entry, of which there is at most one; null if there is none.
    [[nodiscard]] const SentEntry* open_entry() const noexcept;
    /// One above the highest mined nonce; 0 if there is none.
    [[nodiscard]] std::uint64_t next_nonce() const noexcept;

    // Each of these is on disk when it returns without an error. After an error nothing may be sent.
    /// Adds an open entry and sets its id.
    [[nodiscard]] Status add(SentEntry entry);
    /// Adds another attempt to the open entry.
    [[nodiscard]] Status add_attempt(const RawEthTx& attempt);
    /// Closes the open entry as refused or replaced.
    [[nodiscard]] Status close(SentEntry::State state);
    /// Closes the open entry as mined.
    [[nodiscard]] Status close(const Receipt& receipt);

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

  private:
    SentJournal(LockFile lock, std::string path, Descriptor file)
        : lock_(std::move(lock)), path_(std::move(path)), file_(std::move(file)) {}
    [[nodiscard]] Status append(const SentEntry& entry);

    LockFile lock_;
    std::string path_;
    Descriptor file_;
    std::vector<SentEntry> entries_;
};

}  // namespace ioswarm::contracts
