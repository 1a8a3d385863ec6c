// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/evm/code.hpp"
#include "core/evm/word.hpp"

namespace ioswarm::evm {

/// An account before the run.
struct AccountRecord {
    bool exists = false;
    Word balance = 0;
    /// The nonce of the account's next transaction (the chain calls it the pending nonce).
    std::uint64_t nonce = 0;
    /// Null when no code hash is stored. That is different from code of length 0, which a creation leaves that
    /// returned nothing.
    CodePtr code;
    /// True when the account has a storage root; false when the source cannot tell.
    bool has_storage = false;
};

/// A slot before the run. On the chain an absent slot and one that is present and zero cost different gas (see
/// OriginalValue). A source that cannot tell them apart reports a zero slot as absent.
struct SlotRecord {
    Word value = 0;
    bool present = false;
};

/// The state that a run begins with. Each method may return nothing, which means "not fetched yet". The run
/// then continues with an absent account, an empty slot or a hash of zero, and lists what was missing. So all
/// of it can be fetched at once before the next run.
///
/// A run asks for each thing once. The running thread makes the calls, which must not block.
class StateSource {
  public:
    virtual ~StateSource() = default;

    [[nodiscard]] virtual std::optional<AccountRecord> account(const Address& address) = 0;
    [[nodiscard]] virtual std::optional<SlotRecord> slot(const Address& address, const Word& key) = 0;
    /// The hash of an earlier block.
    [[nodiscard]] virtual std::optional<Hash256> block_hash(std::uint64_t height) = 0;
};

}  // namespace ioswarm::evm
