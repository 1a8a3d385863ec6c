// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unordered_map>
#include <vector>

#include "core/evm/outcome.hpp"
#include "core/evm/rules.hpp"
#include "core/evm/source.hpp"

namespace ioswarm::evm {

/// A slot during a run.
struct Slot {
    Word key = 0;
    bool asked = false;  ///< the source was asked for it
    SlotRecord before;
    Word value = 0;
    Word original = 0;  ///< valid when `listed`
    bool present = false;
    bool listed = false;  ///< it is in the contract's list of original values (OriginalValue::first_read)
    bool warm = false;
    bool consulted = false;
};

/// An account during a run. Its address in memory does not change until State::reset().
struct Account {
    Address address;
    bool asked = false;  ///< the source was asked for it
    AccountRecord before;
    Word balance = 0;
    std::uint64_t nonce = 0;
    CodePtr code;
    bool record = false;  ///< the account exists
    bool object = false;  ///< the chain holds it as a contract with a list of original values
    bool warm = false;
    bool created = false;  ///< SELFDESTRUCT may remove it (see CreatedMark)
    bool destroyed = false;
    bool consulted = false;
    std::unordered_map<Word, Slot, WordHash> slots;
    std::unordered_map<Word, Word, WordHash> transient;

    [[nodiscard]] bool has_code() const noexcept { return code != nullptr && code->size() != 0; }
};

/// The state of one run on top of a source, with a journal that undoes the changes of reverted frames. Used by
/// one thread, and reused from run to run.
class State {
  public:
    /// Forgets everything. From now on it reads from `source` under `rules`; both must outlive the run.
    void reset(StateSource& source, const Rules& rules);

    /// Returns the account, and asks the source for it the first time.
    [[nodiscard]] Account& account(const Address& address);
    /// Records that a step named the account, whether or not it was paid for. An account that it delegates to
    /// is recorded too.
    void consult(Account& account);

    [[nodiscard]] bool exists(const Account& account) const noexcept {
        return account.record || (rules_->original == OriginalValue::first_read && account.object);
    }
    [[nodiscard]] bool is_empty(const Account& account) const noexcept;
    [[nodiscard]] bool is_taken(const Account& account) const noexcept;
    /// The value of EXTCODEHASH.
    [[nodiscard]] Word code_hash(const Account& account) const noexcept;

    /// Call it before a call moves value to an account that does not exist.
    void make_account(Account& account);
    /// Call it before a creation runs.
    void make_contract(Account& account);
    /// The effect of STATICCALL on its target: some rules create the account.
    void touch(Account& account);
    void add_balance(Account& account, const Word& amount);
    /// The caller must have checked that the balance is large enough.
    void subtract_balance(Account& account, const Word& amount);
    void set_nonce(Account& account, std::uint64_t nonce);
    void set_code(Account& account, CodePtr code);
    /// Moves value and records the transfer.
    void transfer(Account& from, Account& to, const Word& amount);
    /// Executes SELFDESTRUCT: moves the balance and marks the account.
    void destroy(Account& account, Account& beneficiary);

    /// Returns the slot, and asks the source for it the first time.
    [[nodiscard]] Slot& slot(Account& account, const Word& key);
    void consult(Account& account, Slot& slot);
    /// The value that SLOAD reads. On the chain a read has side effects: it makes the contract an object, and
    /// the value of a present slot becomes its original value.
    [[nodiscard]] const Word& read(Account& account, Slot& slot);
    /// The original value for the gas of SSTORE. Call it after read().
    [[nodiscard]] Word original(Slot& slot);
    void write(Account& account, Slot& slot, const Word& value);
    [[nodiscard]] Word transient(const Account& account, const Word& key) const;
    void set_transient(Account& account, const Word& key, const Word& value);

    /// Makes it warm. Returns true when it was cold.
    bool warm(Account& account);
    bool warm(Account& account, Slot& slot);
    /// Warms without asking the source, since it may never be used.
    void warm(const Address& address) { warm(entry(address)); }
    void warm(const Address& address, const Word& key) {
        Account& account = entry(address);
        warm(account, entry(account, key));
    }

    void add_refund(std::uint64_t gas) { refund_ += gas; }
    /// Returns false when the counter is lower than `gas`. The chain has no defined outcome then.
    [[nodiscard]] bool subtract_refund(std::uint64_t gas);
    [[nodiscard]] std::uint64_t refund() const noexcept { return refund_; }

    void add_log(Log log) { logs_.push_back(std::move(log)); }
    [[nodiscard]] Word block_hash(std::uint64_t height);

    struct Snapshot {
        std::size_t entries;
        std::size_t logs;
        std::size_t transfers;
        std::uint64_t refund;
    };
    [[nodiscard]] Snapshot snapshot() const noexcept {
        return {journal_.size(), logs_.size(), transfers_.size(), refund_};
    }
    void revert(const Snapshot& snapshot);

    [[nodiscard]] const std::vector<Log>& logs() const noexcept { return logs_; }
    [[nodiscard]] const std::vector<Transfer>& transfers() const noexcept { return transfers_; }
    [[nodiscard]] const Missing& missing() const noexcept { return missing_; }
    /// The accounts and slots that steps named, even in failed frames, in the order of their first use.
    [[nodiscard]] const std::vector<Address>& consulted_accounts() const noexcept {
        return consulted_accounts_;
    }
    [[nodiscard]] const std::vector<SlotId>& consulted_slots() const noexcept { return consulted_slots_; }
    /// The differences from before the run, ordered by address.
    [[nodiscard]] std::vector<AccountChange> changes() const;

  private:
    enum class Kind : std::uint8_t {
        balance,
        nonce,
        code,
        record,
        object,
        warm_account,
        created,
        destroyed,
        slot_value,
        warm_slot,
        transient
    };
    struct Entry {
        Kind kind;
        bool flag = false;
        Account* account = nullptr;
        Slot* slot = nullptr;
        Word* cell = nullptr;
        Word word = 0;
        std::uint64_t number = 0;
        CodePtr code = nullptr;
    };

    [[nodiscard]] Account& entry(const Address& address);
    [[nodiscard]] static Slot& entry(Account& account, const Word& key);
    void undo(Entry& entry);
    void set_flag(Kind kind, Account& account, bool Account::*flag, bool value);
    void set_balance(Account& account, const Word& balance);
    [[nodiscard]] std::optional<AccountChange> change_of(const Account& account) const;

    StateSource* source_ = nullptr;
    const Rules* rules_ = nullptr;
    std::unordered_map<Address, Account, FixedBytesHash> accounts_;
    std::vector<Entry> journal_;
    std::vector<Log> logs_;
    std::vector<Transfer> transfers_;
    std::uint64_t refund_ = 0;
    Missing missing_;
    std::vector<Address> consulted_accounts_;
    std::vector<SlotId> consulted_slots_;
};

}  // namespace ioswarm::evm
