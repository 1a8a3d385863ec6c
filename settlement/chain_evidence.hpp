// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "contracts/chain_client.hpp"
#include "core/base/result.hpp"

namespace ioswarm::settlement {

/// What the endpoints, each asked by itself, say of one nonce and the transactions that were signed for it. No
/// single endpoint is believed when another one can be heard. Not thread-safe. Error of every call: config (an
/// endpoint is on another chain), cancelled; an endpoint that does not answer is no error.
class ChainEvidence {
  public:
    ChainEvidence(contracts::ChainClient& chain, const Address& wallet) : chain_(chain), wallet_(wallet) {}

    /// A new nonce, or a new start: blocks are read from `from_block` on where receipts by hash are not
    /// offered.
    void begin(std::uint64_t from_block);

    struct Look {
        std::optional<contracts::Receipt> receipt;
        std::string endpoint;   ///< that showed it
        bool complete = false;  ///< nothing was found, every endpoint answered, and no block is left to read
        std::string silent;     ///< why an endpoint could not be heard; empty: all were
        bool more = false;      ///< blocks are left to read: look again at once
    };
    /// Looks for a receipt of one of `hashes`.
    [[nodiscard]] Result<Look> look(std::span<const Hash256> hashes);

    enum class Nonce {
        open,     ///< an endpoint says that it is not used
        used,     ///< every endpoint says that it is, and no block has one of the transactions
        unsure,   ///< an endpoint cannot be heard
        reading,  ///< blocks are left to read: ask again at once
        found,    ///< a block has one of the transactions
    };
    struct NonceWord {
        Nonce state = Nonce::unsure;
        std::uint64_t height = 0;  ///< the lowest tip among the endpoints
        std::optional<contracts::Receipt> receipt;
        std::string endpoint;
        std::string silent;
    };
    /// Whether `nonce` is used up, and by whom, as all endpoints' blocks tell it.
    [[nodiscard]] Result<NonceWord> nonce_used(std::uint64_t nonce, std::span<const Hash256> hashes);

    enum class Finality {
        final,
        waits,     ///< more blocks are needed, or an endpoint must be heard
        disputed,  ///< endpoints contradict one another
    };
    struct Judgement {
        Finality finality = Finality::waits;
        std::uint64_t depth = 0;  ///< blocks on top of it, as the endpoint that is least far sees it
        std::string why;          ///< for people, when it is not final
    };
    /// Whether a receipt is final: shown alike by two endpoints, or by the only one with `blocks` blocks on
    /// top, with the block known by that hash and the nonce confirmed at the tip's height. `deep`: blocks on
    /// top are needed whatever the number of endpoints.
    [[nodiscard]] Result<Judgement> judge(const contracts::Receipt& receipt, std::uint64_t nonce,
                                          std::uint64_t blocks, bool deep);

    /// True: every endpoint says that the wallet's confirmed nonce is above `nonce`. False: one says that it
    /// is not, or cannot be heard.
    [[nodiscard]] Result<bool> all_confirm_above(std::uint64_t nonce);

    /// Hands the bytes to every endpoint but the one that was asked last, for transactions that one of them may
    /// have dropped. True: one has it.
    [[nodiscard]] bool send_to_others(const RawEthTx& transaction);

  private:
    enum class Word { agrees, knows_block, contradicts, behind, silent };
    struct Said {
        Word word = Word::silent;
        std::uint64_t tip = 0;
        std::string why;
    };

    /// Nothing: it answers, for the right chain. Else why it cannot be heard.
    [[nodiscard]] Result<std::optional<std::string>> silence(std::size_t index);
    [[nodiscard]] Result<std::optional<contracts::Receipt>> by_hash(std::size_t index,
                                                                    std::span<const Hash256> hashes);
    [[nodiscard]] Result<std::optional<contracts::Receipt>> by_blocks(std::size_t index,
                                                                      std::span<const Hash256> hashes,
                                                                      std::uint64_t* from, bool* more);
    [[nodiscard]] Result<std::optional<contracts::Receipt>> shown_by(std::size_t index,
                                                                     const contracts::Receipt& receipt);
    [[nodiscard]] Result<Said> ask(std::size_t index, const contracts::Receipt& receipt, std::uint64_t nonce);

    contracts::ChainClient& chain_;
    Address wallet_;
    std::uint64_t from_block_ = 0;
    std::vector<std::uint64_t> look_from_;   ///< per endpoint
    std::vector<std::uint64_t> nonce_from_;  ///< per endpoint
};

}  // namespace ioswarm::settlement
