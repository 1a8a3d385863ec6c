// SPDX-License-Identifier: Apache-2.0
#include "core/evm/state.hpp"

#include <algorithm>

#include "core/crypto/keccak.hpp"

namespace ioswarm::evm {
namespace {

const Word& hash_of_nothing() {
    static const Word made = Word::from(keccak256({}));
    return made;
}

}  // namespace

void State::reset(StateSource& source, const Rules& rules) {
    source_ = &source;
    rules_ = &rules;
    accounts_.clear();
    journal_.clear();
    logs_.clear();
    transfers_.clear();
    refund_ = 0;
    missing_ = {};
    consulted_accounts_.clear();
    consulted_slots_.clear();
}

Account& State::entry(const Address& address) {
    const auto [found, inserted] = accounts_.try_emplace(address);
    if (inserted) found->second.address = address;
    return found->second;
}

Account& State::account(const Address& address) {
    Account& account = entry(address);
    if (account.asked) return account;
    account.asked = true;
    auto record = source_->account(address);
    if (!record) missing_.accounts.push_back(address);
    account.before = record ? std::move(*record) : AccountRecord{};
    account.balance = account.before.balance;
    account.nonce = account.before.nonce;
    account.code = account.before.code;
    account.record = account.before.exists;
    return account;
}

void State::consult(Account& account) {
    if (account.consulted) return;
    account.consulted = true;
    consulted_accounts_.push_back(account.address);
    if (rules_->set_code && account.code && account.code->delegate()) {
        consult(this->account(*account.code->delegate()));
    }
}

bool State::is_empty(const Account& account) const noexcept {
    const bool filled = rules_->code_hash_fills ? account.code != nullptr : account.has_code();
    return account.nonce == 0 && account.balance.is_zero() && !filled;
}

bool State::is_taken(const Account& account) const noexcept {
    if (account.has_code()) return true;
    switch (rules_->taken) {
        case AddressTaken::nonce_or_code:
            return account.nonce != 0;
        case AddressTaken::nonce_code_or_storage:
            return account.nonce != 0 || account.before.has_storage;
        case AddressTaken::known_or_code:
            return account.record && !account.created;
    }
    return false;
}

Word State::code_hash(const Account& account) const noexcept {
    if (is_empty(account)) return 0;
    if (account.code != nullptr) return Word::from(account.code->hash());
    return rules_->hash_of_no_code && account.record ? hash_of_nothing() : Word{0};
}

void State::set_flag(Kind kind, Account& account, bool Account::*flag, bool value) {
    if (account.*flag == value) return;
    journal_.push_back({.kind = kind, .flag = account.*flag, .account = &account});
    account.*flag = value;
}

void State::make_account(Account& account) {
    if (rules_->created == CreatedMark::known_new) {
        if (account.record) return;
    }
    set_flag(Kind::record, account, &Account::record, true);
    set_flag(Kind::created, account, &Account::created, true);
}

void State::make_contract(Account& account) {
    const bool mark = rules_->created != CreatedMark::if_absent_before || !exists(account);
    set_flag(Kind::record, account, &Account::record, true);
    if (mark) set_flag(Kind::created, account, &Account::created, true);
}

void State::touch(Account& account) {
    if (rules_->touch_makes_account) make_account(account);
}

void State::set_balance(Account& account, const Word& balance) {
    journal_.push_back({.kind = Kind::balance, .account = &account, .word = account.balance});
    account.balance = balance;
}

void State::add_balance(Account& account, const Word& amount) {
    touch(account);
    if (amount.is_zero()) return;
    set_flag(Kind::record, account, &Account::record, true);
    set_balance(account, account.balance + amount);
}

void State::subtract_balance(Account& account, const Word& amount) {
    touch(account);
    if (!amount.is_zero()) set_balance(account, account.balance - amount);
}

void State::set_nonce(Account& account, std::uint64_t nonce) {
    touch(account);
    set_flag(Kind::record, account, &Account::record, true);
    journal_.push_back({.kind = Kind::nonce, .account = &account, .number = account.nonce});
    account.nonce = nonce;
}

void State::set_code(Account& account, CodePtr code) {
    set_flag(Kind::record, account, &Account::record, true);
    set_flag(Kind::object, account, &Account::object, true);
    journal_.push_back({.kind = Kind::code, .account = &account, .code = std::move(account.code)});
    account.code = std::move(code);
}

void State::transfer(Account& from, Account& to, const Word& amount) {
    subtract_balance(from, amount);
    add_balance(to, amount);
    if (!rules_->transfers_in_logs) {
        if (!amount.is_zero()) transfers_.push_back({from.address, to.address, amount});
        return;
    }
    Log log;
    log.topics = {Word{0}, Word::from(from.address), Word::from(to.address)};
    std::array<std::uint8_t, 32> bytes;
    amount.store(bytes.data());
    log.data.assign(std::find_if(bytes.begin(), bytes.end(), [](std::uint8_t b) { return b != 0; }),
                    bytes.end());
    logs_.push_back(std::move(log));
}

void State::destroy(Account& account, Account& beneficiary) {
    const Word balance = account.balance;
    subtract_balance(account, balance);
    add_balance(beneficiary, balance);
    if (rules_->burn_on_self_transfer) {
        set_balance(account, 0);
    } else if (!balance.is_zero()) {
        transfers_.push_back({account.address, beneficiary.address, balance});
    }
    if (account.created) set_flag(Kind::destroyed, account, &Account::destroyed, true);
}

Slot& State::entry(Account& account, const Word& key) {
    const auto [found, inserted] = account.slots.try_emplace(key);
    if (inserted) found->second.key = key;
    return found->second;
}

Slot& State::slot(Account& account, const Word& key) {
    Slot& slot = entry(account, key);
    if (slot.asked) return slot;
    slot.asked = true;
    const auto record = source_->slot(account.address, key);
    if (!record) missing_.slots.push_back({account.address, key});
    slot.before = record.value_or(SlotRecord{});
    slot.value = slot.before.value;
    slot.present = slot.before.present;
    return slot;
}

void State::consult(Account& account, Slot& slot) {
    if (slot.consulted) return;
    slot.consulted = true;
    consulted_slots_.push_back({account.address, slot.key});
}

const Word& State::read(Account& account, Slot& slot) {
    set_flag(Kind::object, account, &Account::object, true);
    if (slot.present && !slot.listed) {
        slot.listed = true;
        slot.original = slot.value;
    }
    return slot.value;
}

Word State::original(Slot& slot) {
    if (rules_->original == OriginalValue::at_start) return slot.before.value;
    return slot.listed ? slot.original : Word{0};
}

void State::write(Account& account, Slot& slot, const Word& value) {
    journal_.push_back({.kind = Kind::slot_value,
                        .flag = slot.present,
                        .account = &account,
                        .slot = &slot,
                        .word = slot.value});
    slot.value = value;
    slot.present = true;
}

Word State::transient(const Account& account, const Word& key) const {
    const auto found = account.transient.find(key);
    return found == account.transient.end() ? Word{0} : found->second;
}

void State::set_transient(Account& account, const Word& key, const Word& value) {
    Word& cell = account.transient.try_emplace(key, Word{0}).first->second;
    journal_.push_back({.kind = Kind::transient, .account = &account, .cell = &cell, .word = cell});
    cell = value;
}

bool State::warm(Account& account) {
    if (account.warm) return false;
    set_flag(Kind::warm_account, account, &Account::warm, true);
    return true;
}

bool State::warm(Account& account, Slot& slot) {
    if (slot.warm) return false;
    warm(account);  // this matters for the agent's rules, where the running contract may be cold
    slot.warm = true;
    journal_.push_back({.kind = Kind::warm_slot, .account = &account, .slot = &slot});
    return true;
}

bool State::subtract_refund(std::uint64_t gas) {
    if (gas > refund_) return false;
    refund_ -= gas;
    return true;
}

Word State::block_hash(std::uint64_t height) {
    const auto hash = source_->block_hash(height);
    if (hash) return Word::from(*hash);
    auto& noted = missing_.block_hashes;
    if (std::find(noted.begin(), noted.end(), height) == noted.end()) noted.push_back(height);
    return 0;
}

void State::revert(const Snapshot& snapshot) {
    while (journal_.size() > snapshot.entries) {
        undo(journal_.back());
        journal_.pop_back();
    }
    logs_.erase(logs_.begin() + static_cast<std::ptrdiff_t>(snapshot.logs), logs_.end());
    transfers_.erase(transfers_.begin() + static_cast<std::ptrdiff_t>(snapshot.transfers), transfers_.end());
    refund_ = snapshot.refund;
}

void State::undo(Entry& entry) {
    Account& account = *entry.account;
    switch (entry.kind) {
        case Kind::balance:
            account.balance = entry.word;
            break;
        case Kind::nonce:
            account.nonce = entry.number;
            break;
        case Kind::code:
            account.code = std::move(entry.code);
            break;
        case Kind::record:
            account.record = entry.flag;
            break;
        case Kind::object:
            account.object = entry.flag;
            // The list of original values is dropped with the object. An object that stays keeps its list.
            for (auto& [key, slot] : account.slots)
                slot.listed = false;
            break;
        case Kind::warm_account:
            account.warm = entry.flag;
            break;
        case Kind::created:
            account.created = entry.flag;
            break;
        case Kind::destroyed:
            account.destroyed = entry.flag;
            break;
        case Kind::slot_value:
            entry.slot->value = entry.word;
            entry.slot->present = entry.flag;
            break;
        case Kind::warm_slot:
            entry.slot->warm = false;
            break;
        case Kind::transient:
            *entry.cell = entry.word;
            break;
    }
}

std::optional<AccountChange> State::change_of(const Account& account) const {
    AccountChange change;
    change.address = account.address;
    if (rules_->deletes_destroyed && account.destroyed) {
        change.removed = account.before.exists;
        return change.removed ? std::optional(change) : std::nullopt;
    }
    change.came = exists(account) && !account.before.exists;
    if (account.balance != account.before.balance) change.balance = account.balance;
    if (account.nonce != account.before.nonce) change.nonce = account.nonce;
    const BytesView old_code = account.before.code ? account.before.code->bytes() : BytesView{};
    const BytesView new_code = account.code ? account.code->bytes() : BytesView{};
    // A creation that returns nothing leaves the hash of empty code where there was none.
    const bool code_came = account.code != nullptr && account.before.code == nullptr;
    if (code_came || !std::equal(old_code.begin(), old_code.end(), new_code.begin(), new_code.end())) {
        change.code = to_bytes(new_code);
    }
    for (const auto& [key, slot] : account.slots) {
        const bool came = rules_->original == OriginalValue::first_read && slot.present != slot.before.present;
        if (slot.value != slot.before.value || came)
            change.slots.push_back({key, slot.before.value, slot.value});
    }
    std::sort(change.slots.begin(), change.slots.end(),
              [](const SlotChange& a, const SlotChange& b) { return a.key < b.key; });
    const bool differs = change.came || change.balance || change.nonce || change.code || !change.slots.empty();
    return differs ? std::optional(std::move(change)) : std::nullopt;
}

std::vector<AccountChange> State::changes() const {
    std::vector<AccountChange> out;
    for (const auto& [address, account] : accounts_) {
        if (auto change = change_of(account)) out.push_back(std::move(*change));
    }
    std::sort(out.begin(), out.end(),
              [](const AccountChange& a, const AccountChange& b) { return a.address < b.address; });
    return out;
}

}  // namespace ioswarm::evm
