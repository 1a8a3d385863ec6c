// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "contracts/chain_client.hpp"
#include "contracts/gas.hpp"
#include "contracts/sent_journal.hpp"
#include "core/crypto/secp256k1.hpp"

namespace ioswarm::contracts {

/// Time for whoever waits for a transaction; tests have their own.
class WaitClock {
  public:
    using Time = std::chrono::steady_clock::time_point;
    virtual ~WaitClock() = default;
    [[nodiscard]] virtual Time now() const { return std::chrono::steady_clock::now(); }
    /// Sleeps for `time`, or less when `stop` is requested.
    virtual void sleep(std::chrono::milliseconds time, const std::stop_token& stop);
};

/// What a transaction is to do, and what it may cost.
struct TransactionOrder {
    std::string kind;  ///< see SentEntry
    std::string key;
    std::optional<Address> to;  ///< nothing = creation
    U256 value;
    Bytes data;
    std::uint64_t gas_limit = 0;
    U256 gas_price;
    U256 max_gas_price;        ///< while it waits its price may rise to this
    bool dynamic_fee = false;  ///< EIP-1559, with gas_price as the fee cap; else a legacy transaction
    std::uint64_t nonce = 0;
};

/// The price for a new transaction: what the node suggests, at least the chain's least and the newest block's
/// base fee. Error resource_exhausted: that is above `cap`.
[[nodiscard]] Result<U256> choose_gas_price(ChainClient& chain, const U256& cap);

/// The next nonce for `wallet`: what the node's pool says, checked against the confirmed nonce and the journal.
/// Errors: unavailable (the node is behind the journal), bad_data (the two nonces are absurdly far apart, or
/// absurdly high).
[[nodiscard]] Result<std::uint64_t> choose_nonce(ChainClient& chain, const SentJournal* journal,
                                                 const Address& wallet);

struct SenderSettings {
    std::chrono::milliseconds timeout{std::chrono::minutes(5)};
    std::chrono::milliseconds poll{1'000};
    std::uint64_t blocks_until_bump = 3;  ///< without being mined, before it is sent again or its price rises
};

/// Carries one transaction at a time to its end, so that none is ever sent twice: signs it, stores it in the
/// journal, sends it, sends the same bytes again while it is not mined, and raises the price under the same
/// nonce when the chain's price has passed it. Not thread-safe.
class TransactionSender {
  public:
    TransactionSender(ChainClient& chain, SentJournal& journal, PrivateKey key, SenderSettings settings,
                      WaitClock& clock, std::stop_token stop = {});

    /// Called with every hash that goes out for the first time, for messages.
    void on_sent(std::function<void(const Hash256&)> notice) { notice_ = std::move(notice); }

    /// Signs and carries out a new order; the journal must have no open entry. The result is the finished
    /// entry, also of a transaction that failed on chain (look at succeeded()). Errors: config (wrong chain,
    /// nothing signed), failed_check (refused for good: no funds, gas; nothing was sent), timed_out (not mined
    /// in time: still open in the journal, `which` is the hash), aborted (another transaction of this wallet
    /// took the nonce), cancelled, unavailable, and those of the journal.
    [[nodiscard]] Result<SentEntry> run(const TransactionOrder& order);

    /// Carries the journal's open entry to its end. Same result.
    [[nodiscard]] Result<SentEntry> resume(const U256& max_gas_price);

  private:
    struct Wait;

    [[nodiscard]] Status submit(Wait& wait);
    [[nodiscard]] Result<std::optional<Receipt>> look(Wait& wait);
    [[nodiscard]] static bool agrees(ChainEndpoint& endpoint, const Receipt& receipt);
    [[nodiscard]] static Error unconfirmed(const Wait& wait, bool stopped);
    [[nodiscard]] Result<bool> is_final(const Receipt& receipt, std::uint64_t nonce);
    [[nodiscard]] Status raise_price(Wait& wait);
    [[nodiscard]] Result<SentEntry> wait_for(Wait& wait);
    [[nodiscard]] Result<SentEntry> finish_replaced(const Wait& wait);

    ChainClient& chain_;
    SentJournal& journal_;
    PrivateKey key_;
    SenderSettings settings_;
    WaitClock& clock_;
    std::stop_token stop_;
    std::function<void(const Hash256&)> notice_;
};

}  // namespace ioswarm::contracts
