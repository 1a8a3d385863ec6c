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
    /// The number of the account's next transaction (what the chain calls its pending nonce).
    std::uint64_t nonce = 0;
    /// Null: no code hash is stored. Code of length 0 is something else: a creation that returned nothing.
    CodePtr code;
    /// The account has a storage root; a source that cannot tell says false.
    bool has_storage = false;
};

/// A slot before the run. On the chain, absent and "present and zero" differ in gas (see OriginalValue); a
/// source that cannot tell says absent for zero.
struct SlotRecord {
    Word value = 0;
    bool present = false;
};

/// Where a run reads the state that it begins with. Each method may answer "not fetched yet" with nothing: the
/// run then goes on with an absent account, an empty slot or a hash of zero, and lists what was missing, so
/// that all of it can be fetched at once before the next run.
///
/// A run asks for each thing once. Called by the thread that runs; must not block.
class StateSource {
  public:
    virtual ~StateSource() = default;

    [[nodiscard]] virtual std::optional<AccountRecord> account(const Address& address) = 0;
    [[nodiscard]] virtual std::optional<SlotRecord> slot(const Address& address, const Word& key) = 0;
    /// The hash of an earlier block.
    [[nodiscard]] virtual std::optional<Hash256> block_hash(std::uint64_t height) = 0;
};

}  // namespace ioswarm::evm
