// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "contracts/chain_client.hpp"
#include "contracts/chain_evidence.hpp"
#include "contracts/gas.hpp"
#include "contracts/sent_journal.hpp"
#include "core/crypto/secp256k1.hpp"

namespace ioswarm::contracts {

/// The clock for waiting for a transaction; tests replace it.
class WaitClock {
  public:
    using Time = std::chrono::steady_clock::time_point;
    virtual ~WaitClock() = default;
    [[nodiscard]] virtual Time now() const { return std::chrono::steady_clock::now(); }
    /// Sleeps for `time`, or less when `stop` is requested.
    virtual void sleep(std::chrono::milliseconds time, const std::stop_token& stop);
};

/// What a transaction should do and what it may cost.
struct TransactionOrder {
    std::string kind;  ///< see SentEntry
    std::string key;
    std::optional<Address> to;  ///< empty = contract creation
    U256 value;
    Bytes data;
    std::uint64_t gas_limit = 0;
    U256 gas_price;
    U256 max_gas_price;        ///< the price may be raised to this while the transaction waits
    bool dynamic_fee = false;  ///< true: EIP-1559 with gas_price as the fee cap; false: a legacy transaction
    std::uint64_t nonce = 0;
};

/// Chooses the price for a new transaction: the node's suggestion, but at least the chain's minimum and the
/// newest block's base fee. Error resource_exhausted: that is above `cap`.
[[nodiscard]] Result<U256> choose_gas_price(ChainClient& chain, const U256& cap);

/// Chooses the next nonce for `wallet`: the one of the node's pool, checked against the confirmed nonce and the
/// journal. Errors: unavailable (the node is behind the journal), bad_data (the two nonces are absurdly far
/// apart or absurdly high).
[[nodiscard]] Result<std::uint64_t> choose_nonce(ChainClient& chain, const SentJournal* journal,
                                                 const Address& wallet);

/// The times of a TransactionSender.
struct SenderSettings {
    std::chrono::milliseconds timeout{std::chrono::minutes(5)};
    std::chrono::milliseconds poll{1'000};
    /// After this many blocks without being mined it is sent again or its price is raised.
    std::uint64_t blocks_until_bump = 3;
    /// False: return the open entry as soon as an endpoint has taken the transaction.
    bool wait = true;
    /// A transaction counts as lost when all endpoints say over this many blocks that its nonce is used, and
    /// show their blocks without it. On IoTeX this is about half a minute.
    std::uint64_t blocks_until_lost = 12;
};

/// The error of a wallet that has `balance` and needs `needed`, both in rau.
[[nodiscard]] Error balance_error(const Address& wallet, const U256& balance, const U256& needed);

/// Sends one transaction at a time and waits for its result, so that none is ever sent twice. It signs the
/// transaction, stores it in the journal and sends it. While it is not mined, it sends the same bytes again. If
/// the chain's price has risen above its price, it raises the price under the same nonce. Not thread-safe.
class TransactionSender {
  public:
    TransactionSender(ChainClient& chain, SentJournal& journal, PrivateKey key, SenderSettings settings,
                      WaitClock& clock, std::stop_token stop = {});

    /// Sets a function that is called with the hash of every new attempt, for messages.
    void on_sent(std::function<void(const Hash256&)> notice) { notice_ = std::move(notice); }

    /// Signs and sends a new order and waits for it. The journal must have no open entry. First calls
    /// find_given_up(); if that finds a transaction, it is returned and nothing new is signed. Returns the
    /// finished entry, even if the transaction failed on the chain (check succeeded()), or with
    /// SenderSettings::wait off perhaps one that is still open. Errors: config (wrong chain; nothing was
    /// signed), failed_check (refused for good, for example no funds or too much gas; nothing was sent),
    /// try_again (refused for now), timed_out (not mined in time; it stays open in the journal, and `which` is
    /// the hash), aborted (another transaction of this wallet used the nonce), cancelled, unavailable, and
    /// those of the journal.
    [[nodiscard]] Result<SentEntry> run(const TransactionOrder& order);

    /// Looks again for the transactions of this kind and key that the journal gave up, as refused or replaced,
    /// since the key's last success. An endpoint may have refused one and kept it all the same, or may have
    /// shown its block too late. If one was mined, or may still be mined, its same bytes become the open entry
    /// again, and it is awaited as in resume(). Empty: nothing of this key can be mined any more, except with a
    /// nonce that no endpoint counts as used. The journal must have no open entry. Errors: unavailable (an
    /// endpoint does not answer; nothing may be signed for this key), and those of run().
    [[nodiscard]] Result<std::optional<SentEntry>> find_given_up(std::string_view kind, std::string_view key,
                                                                 const U256& max_gas_price);

    /// Finishes the journal's open entry. Same result and errors as run().
    [[nodiscard]] Result<SentEntry> resume(const U256& max_gas_price);

  private:
    struct Wait;

    [[nodiscard]] Status submit(Wait& wait);
    [[nodiscard]] Status after_refusal(Wait& wait, const SendResult& sent);
    [[nodiscard]] Result<std::optional<Receipt>> look(Wait& wait);
    [[nodiscard]] Status raise_price(Wait& wait);
    [[nodiscard]] Result<SentEntry> wait_for(Wait& wait);
    [[nodiscard]] Result<SentEntry> finish_replaced(const Wait& wait);
    [[nodiscard]] Error unconfirmed(const Wait& wait, bool stopped) const;

    // In sender_doubts.cpp: one endpoint's word is not enough where money would be sent a second time.
    [[nodiscard]] Result<std::optional<Receipt>> look_everywhere(Wait& wait);
    [[nodiscard]] static bool agrees(ChainEndpoint& endpoint, const Receipt& receipt);
    [[nodiscard]] Result<bool> is_final(const Receipt& receipt, std::uint64_t nonce);
    [[nodiscard]] std::vector<ChainEndpoint*> endpoints_of_chain();
    [[nodiscard]] bool is_unused_everywhere(std::uint64_t nonce);
    [[nodiscard]] bool is_believable(const SentEntry& entry, SendOutcome outcome);
    [[nodiscard]] Error refusal_error(const SentEntry& entry, const SendResult& sent);
    [[nodiscard]] Result<bool> may_be_mined(const SentEntry& given_up);

    ChainClient& chain_;
    SentJournal& journal_;
    PrivateKey key_;
    SenderSettings settings_;
    WaitClock& clock_;
    std::stop_token stop_;
    ChainEvidence evidence_;
    std::function<void(const Hash256&)> notice_;
};

/// The state of one transaction while it is sent and awaited.
struct TransactionSender::Wait {
    SentEntry entry;
    U256 max_gas_price;
    std::vector<Hash256> hashes;
    std::uint64_t scan_from = 0;
    std::uint64_t sent_at = 0;  ///< the tip when it was last sent
    bool sent = false;          ///< sent by this process
    bool maybe_kept = false;    ///< an endpoint may have it
    bool send_again = true;
    std::optional<std::uint64_t> wallet_nonce;  ///< the wallet's next nonce, as a node last reported it
    /// The height at which all endpoints first said that its nonce is used and that no block contains it.
    std::optional<std::uint64_t> used_since;
    bool is_lost = false;       ///< they have said so for SenderSettings::blocks_until_lost blocks
    bool more_to_read = false;  ///< the last search did not reach all blocks
    Error last_error;
};

}  // namespace ioswarm::contracts
