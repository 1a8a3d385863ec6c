// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/evm/outcome.hpp"
#include "core/evm/rules.hpp"
#include "core/evm/run_limits.hpp"
#include "core/evm/state.hpp"

namespace ioswarm::evm {

/// The values that the opcodes for block and transaction return.
struct Environment {
    std::uint64_t number = 0;
    std::uint64_t timestamp = 0;  ///< seconds
    Address coinbase;
    Word base_fee = 0;
    Word blob_base_fee = 0;
    /// The value of GASLIMIT; the rules say whether it is the block's limit or the transaction's.
    Word gas_limit = 0;
    Word chain_id = 0;
    Address origin;
    Word gas_price = 0;
    std::vector<Hash256> blob_hashes;
    RunLimits limits;
};

/// The outermost call or creation.
struct Message {
    Address from;
    std::optional<Address> to;  ///< nothing for a creation
    Word value = 0;
    BytesView data;  ///< must outlive the run
    std::uint64_t gas = 0;
};

struct MessageResult {
    FailureDetail failure;
    std::uint64_t gas_left = 0;
    /// The data that was returned or reverted with. For a creation it is the code (even if it was refused), or
    /// the data that it reverted with.
    Bytes output;
    std::optional<Address> created;  ///< the address of a creation that began to run
};

struct Frame;

/// The interpreter. It runs a message and all calls inside it without recursion. Once its buffers have grown it
/// allocates memory only for new slots, accounts and logs. The stack of words is one block of 33 MiB of address
/// space; only the part that deep calls reach is ever touched. Frames keep their memory for the next run. The
/// gas limits the memory, because its price grows with the square of its size.
///
/// Used by one thread at a time.
class Machine {
  public:
    Machine();
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    /// `state` must have been reset with the same rules. If the message fails, its changes are undone, except
    /// for the nonce of a creation. After Failure::undefined, not_simulated, too_much_work and out_of_time
    /// the gas and the state are meaningless.
    [[nodiscard]] MessageResult run(const Message& message, State& state, const Rules& rules,
                                    const Environment& environment);

    /// The outermost frame's stack after a run that ended with STOP, bottom first. For tests of single opcodes.
    [[nodiscard]] std::vector<Word> last_stack() const;

  private:
    friend class Interpreter;

    std::unique_ptr<Word[]> words_;  // NOLINT(modernize-avoid-c-arrays): not set to anything
    std::vector<std::unique_ptr<Frame>> frames_;
    std::size_t last_height_ = 0;
    Bytes precompile_output_;
};

}  // namespace ioswarm::evm
