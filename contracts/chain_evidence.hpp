// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "contracts/chain_client.hpp"
#include "core/base/result.hpp"

namespace ioswarm::contracts {

/// Collects what the endpoints say about one nonce and the transactions signed for it. Each endpoint is asked
/// separately, and no single endpoint is trusted when another one answers. Not thread-safe. Errors of every
/// call: config (an endpoint is on another chain), cancelled. An endpoint that does not answer is not an error.
class ChainEvidence {
  public:
    ChainEvidence(ChainClient& chain, const Address& wallet) : chain_(chain), wallet_(wallet) {}

    /// Call this for a new nonce or after a restart. From `from_block` on, blocks are read if an endpoint does
    /// not offer receipts by hash.
    void begin(std::uint64_t from_block);

    struct Look {
        std::optional<Receipt> receipt;
        std::string endpoint;   ///< the endpoint that showed the receipt
        bool complete = false;  ///< no receipt was found, every endpoint answered, and no block is left to read
        std::string silent;     ///< why an endpoint gave no answer; empty when all answered
        bool more = false;      ///< blocks are left to read: call look() again at once
    };
    /// Looks for a receipt of one of `hashes`.
    [[nodiscard]] Result<Look> look(std::span<const Hash256> hashes);

    enum class Nonce {
        open,     ///< an endpoint says that the nonce is not used
        used,     ///< all endpoints say that it is used, and no block has one of the transactions
        unsure,   ///< an endpoint does not answer
        reading,  ///< blocks are left to read: ask again at once
        found,    ///< a block has one of the transactions
    };
    struct NonceWord {
        Nonce state = Nonce::unsure;
        std::uint64_t height = 0;  ///< the lowest tip among the endpoints
        /// For `open`: how many transactions of the wallet the endpoint counts. If that is below the nonce, a
        /// nonce before it is not used either.
        std::uint64_t confirmed = 0;
        std::optional<Receipt> receipt;
        std::string endpoint;
        std::string silent;
    };
    /// Tells whether `nonce` is used, and whether by one of `hashes`, according to all endpoints and their
    /// blocks.
    [[nodiscard]] Result<NonceWord> nonce_used(std::uint64_t nonce, std::span<const Hash256> hashes);

    enum class Finality {
        final,
        waits,     ///< more blocks or the answers of more endpoints are needed
        disputed,  ///< endpoints contradict each other
    };
    struct Judgement {
        Finality finality = Finality::waits;
        /// Number of blocks on top of the receipt's block, by the endpoint that is furthest behind.
        std::uint64_t depth = 0;
        std::size_t agreeing = 0;  ///< number of endpoints; while it is 0, the depth is 0 too
        std::string why;           ///< for people, when the receipt is not final
    };
    /// Decides whether a receipt is final. An endpoint agrees when it shows the same receipt, knows the block
    /// by that hash, and counts the nonce as used at its tip. The receipt is final when two endpoints agree, or
    /// when one agrees, every endpoint answers, and `blocks` blocks are on top. With `deep`, that many blocks
    /// are needed in both cases, and one endpoint is believed only if no other endpoint leaves the receipt out:
    /// what one endpoint says alone must not release payouts. One contradicting endpoint makes it disputed.
    [[nodiscard]] Result<Judgement> judge(const Receipt& receipt, std::uint64_t nonce, std::uint64_t blocks,
                                          bool deep);

    /// Returns true when every endpoint says that the wallet's confirmed nonce is above `nonce`. Returns false
    /// when one says otherwise or does not answer.
    [[nodiscard]] Result<bool> all_confirm_above(std::uint64_t nonce);

    /// The wallet's confirmed nonce by the endpoint that counts most transactions, and the lowest tip among the
    /// endpoints. Nothing when one does not answer.
    [[nodiscard]] Result<std::optional<NonceAt>> highest_confirmed();

    /// How deep the wallet's transactions with nonces from `first_nonce` on are, except for those in `own`.
    struct Buried {
        bool is_deep = false;             ///< no endpoint has one of them in its newest `blocks` blocks
        std::optional<std::uint64_t> at;  ///< the block of one that is not deep
        std::uint64_t tip = 0;            ///< of the endpoint that has it
        std::string silent;               ///< why an endpoint gave no answer; then `is_deep` is false
    };
    [[nodiscard]] Result<Buried> buried(std::uint64_t first_nonce, std::uint64_t blocks,
                                        std::span<const Hash256> own);

    /// Sends the bytes to every endpoint except the one that was asked last, in case that one dropped the
    /// transaction. Returns true when one of them has it.
    [[nodiscard]] bool send_to_others(const RawEthTx& transaction);

  private:
    enum class Word { agrees, knows_block, contradicts, behind, silent };
    struct Said {
        Word word = Word::silent;
        std::uint64_t tip = 0;
        std::string why;
    };

    /// Returns nothing when the endpoint answers for the right chain, else the reason why it cannot be used.
    [[nodiscard]] Result<std::optional<std::string>> silence(std::size_t index);
    [[nodiscard]] Result<std::optional<Receipt>> by_hash(std::size_t index, std::span<const Hash256> hashes);
    [[nodiscard]] Result<std::optional<Receipt>> by_blocks(std::size_t index, std::span<const Hash256> hashes,
                                                           std::uint64_t* from, bool* more);
    [[nodiscard]] Result<std::optional<Receipt>> shown_by(std::size_t index, const Receipt& receipt);
    [[nodiscard]] Result<Said> ask(std::size_t index, const Receipt& receipt, std::uint64_t nonce);

    ChainClient& chain_;
    Address wallet_;
    std::uint64_t from_block_ = 0;
    std::vector<std::uint64_t> look_from_;   ///< next block to read for look(), per endpoint
    std::vector<std::uint64_t> nonce_from_;  ///< next block to read for nonce_used(), per endpoint
};

}  // namespace ioswarm::contracts
