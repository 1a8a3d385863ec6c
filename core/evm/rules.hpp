// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ioswarm::evm {

/// What a transaction pays before its first step, in gas. All zero: nothing is charged.
struct IntrinsicGas {
    std::uint64_t base = 0;
    std::uint64_t data_byte = 0;  ///< zero bytes and others alike
    std::uint64_t listed_address = 0;
    std::uint64_t listed_key = 0;
    std::uint64_t authorization = 0;
};

/// The least that a transaction is charged (EIP-7623, with the chain's own numbers).
struct FloorGas {
    std::uint64_t base = 0;
    std::uint64_t data_byte = 0;
};

/// What SSTORE takes for the value of a slot at the beginning of the transaction.
enum class OriginalValue {
    first_read,  ///< the chain: the value at the first read that finds the slot in the contract's storage
    at_start,    ///< Ethereum: the value before the transaction
};

/// When an address cannot take a new contract.
enum class AddressTaken {
    nonce_or_code,
    nonce_code_or_storage,
    known_or_code,  ///< the agent: an account that it was told of, whatever its nonce
};

/// Which creations let a later SELFDESTRUCT of the same transaction remove the account.
enum class CreatedMark {
    every_creation,
    if_absent_before,
    known_new,  ///< the agent: every account that this run made, by a transfer too
};

/// Which rules an account follows; the interpreter itself is the same for all. The values are those of
/// iotex-core v2.3.8 (Cancun) and v2.4.4 (Prague), and of the public agent, as they were found by running each
/// of them.
struct Rules {
    std::string_view name;

    // Around the transaction.
    bool set_code = false;         ///< EIP-7702: delegations are followed, type 4 is accepted
    bool bls_precompiles = false;  ///< EIP-2537: 0x0b to 0x11 exist
    IntrinsicGas intrinsic;
    FloorGas floor;
    std::uint64_t refund_quotient = 0;  ///< the refund is at most used / this; 0: there is none
    bool fees = false;                  ///< gas is bought before the run and settled after it
    bool call_raises_nonce = false;     ///< the outermost call raises the sender's nonce
    bool prewarm = false;  ///< sender, recipient, coinbase, precompiles and the list are warm at first
    bool output_of_creation = false;  ///< the outcome of a creation carries the code

    // What opcodes see.
    bool block_gas_limit = false;       ///< GASLIMIT: the block's limit, else the transaction's own
    bool blob_base_fee = false;         ///< BLOBBASEFEE: the block's, else 0
    bool block_hash_is_number = false;  ///< BLOCKHASH(n) is n
    bool hash_of_no_code = false;  ///< EXTCODEHASH of an account without code: keccak256 of nothing, else 0

    // State.
    OriginalValue original = OriginalValue::first_read;
    AddressTaken taken = AddressTaken::nonce_or_code;
    CreatedMark created = CreatedMark::every_creation;
    bool touch_makes_account = false;    ///< moving 0 and STATICCALL make an account that was absent
    bool code_hash_fills = false;        ///< an account with the hash of empty code is not empty
    bool burn_on_self_transfer = false;  ///< SELFDESTRUCT to itself empties the balance of an old contract
    bool deletes_destroyed = false;      ///< what was created and destroyed is removed at the end
    bool transfers_in_logs = false;  ///< each transfer adds a log (of 0 too); else they stand apart (not of 0)
    bool reserved_topic = false;     ///< LOG with first topic 0: dropped with three topics, else not minable
};

/// The chain before and from the upgrade named Yap; both see the newest state.
[[nodiscard]] const Rules& cancun_rules() noexcept;
[[nodiscard]] const Rules& prague_rules() noexcept;
/// The public agent, which executes a task's data.
[[nodiscard]] const Rules& agent_rules() noexcept;

/// First height with Prague's rules: 48,985,561 on mainnet (chain id 4689), 42,819,841 on testnet (4690), never
/// on other chains.
[[nodiscard]] std::uint64_t prague_height(std::uint64_t chain_id) noexcept;
/// The chain's rules for the block at `height`; `prague_from` is the first height with Prague's rules on a
/// chain of one's own. Blocks from before Vanuatu (33,730,921 on mainnet) followed older rules, which are not
/// here.
[[nodiscard]] const Rules& chain_rules(std::uint64_t chain_id, std::uint64_t height,
                                       std::optional<std::uint64_t> prague_from = std::nullopt) noexcept;

}  // namespace ioswarm::evm
