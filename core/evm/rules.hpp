// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ioswarm::evm {

/// The gas that a transaction pays before its first step. All zero: nothing is charged.
struct IntrinsicGas {
    std::uint64_t base = 0;
    std::uint64_t data_byte = 0;  ///< zero bytes cost as much as others
    std::uint64_t listed_address = 0;
    std::uint64_t listed_key = 0;
    std::uint64_t authorization = 0;
};

/// The smallest charge for a transaction (EIP-7623, with this chain's numbers).
struct FloorGas {
    std::uint64_t base = 0;
    std::uint64_t data_byte = 0;
};

/// The value that SSTORE uses as the slot's value at the beginning of the transaction.
enum class OriginalValue {
    first_read,  ///< the chain: the value at the first read that finds the slot in the contract's storage
    at_start,    ///< Ethereum: the value before the transaction
};

/// The condition under which an address cannot take a new contract.
enum class AddressTaken {
    nonce_or_code,
    nonce_code_or_storage,
    known_or_code,  ///< the agent: an account that its task describes, whatever its nonce
};

/// The creations that allow a later SELFDESTRUCT in the same transaction to remove the account.
enum class CreatedMark {
    every_creation,
    if_absent_before,
    known_new,  ///< the agent: every account that this run made, even by a transfer
};

/// The rules for running a transaction; the interpreter itself is the same for all of them. The values are
/// those of iotex-core v2.3.8 (Cancun), of v2.4.4 (Prague) and of the public agent. They were found by running
/// each of the three.
struct Rules {
    std::string_view name;

    // Rules around the transaction.
    bool set_code = false;         ///< EIP-7702: delegations are followed, type 4 is accepted
    bool bls_precompiles = false;  ///< EIP-2537: 0x0b to 0x11 exist
    IntrinsicGas intrinsic;
    FloorGas floor;
    std::uint64_t refund_quotient = 0;  ///< the refund is at most the used gas divided by this; 0: no refund
    bool fees = false;                  ///< gas is bought before the run and settled after it
    bool call_raises_nonce = false;     ///< the outermost call raises the sender's nonce
    /// Sender, recipient, coinbase, precompiles and the access list are warm from the start.
    bool prewarm = false;
    bool output_of_creation = false;  ///< the outcome of a creation contains the code

    // Values that opcodes see.
    bool block_gas_limit = false;       ///< GASLIMIT is the block's limit, else the transaction's own
    bool blob_base_fee = false;         ///< BLOBBASEFEE is the block's, else 0
    bool block_hash_is_number = false;  ///< BLOCKHASH(n) is n
    /// EXTCODEHASH of an account without code is keccak256 of nothing, else 0.
    bool hash_of_no_code = false;

    // Rules about state.
    OriginalValue original = OriginalValue::first_read;
    AddressTaken taken = AddressTaken::nonce_or_code;
    CreatedMark created = CreatedMark::every_creation;
    /// A transfer of 0 and STATICCALL create an absent account.
    bool touch_makes_account = false;
    bool code_hash_fills = false;  ///< an account with the hash of empty code is not empty
    /// SELFDESTRUCT to itself empties the balance of a contract that is not new.
    bool burn_on_self_transfer = false;
    bool deletes_destroyed = false;  ///< an account that was created and destroyed is removed at the end
    /// Each transfer adds a log, even a transfer of 0. Else transfers are listed apart from the logs, without
    /// those of 0.
    bool transfers_in_logs = false;
    /// A LOG whose first topic is 0 is dropped if it has three topics; otherwise the transaction cannot be
    /// mined.
    bool reserved_topic = false;
};

/// The chain's rules before and after the upgrade named Yap. Both see the newest state.
[[nodiscard]] const Rules& cancun_rules() noexcept;
[[nodiscard]] const Rules& prague_rules() noexcept;
/// The rules of the public agent, which executes the data of a task.
[[nodiscard]] const Rules& agent_rules() noexcept;

/// The first height with Prague's rules: 48,985,561 on mainnet (chain id 4689) and 42,819,841 on testnet
/// (4690). Never on other chains.
[[nodiscard]] std::uint64_t prague_height(std::uint64_t chain_id) noexcept;
/// The chain's rules for the block at `height`. `prague_from` sets the first height with Prague's rules on a
/// private chain. Blocks before Vanuatu (33,730,921 on mainnet) followed older rules, which are not
/// implemented.
[[nodiscard]] const Rules& chain_rules(std::uint64_t chain_id, std::uint64_t height,
                                       std::optional<std::uint64_t> prague_from = std::nullopt) noexcept;

}  // namespace ioswarm::evm
