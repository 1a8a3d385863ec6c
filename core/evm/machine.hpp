// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "core/evm/outcome.hpp"
#include "core/evm/rules.hpp"
#include "core/evm/state.hpp"

namespace ioswarm::evm {

/// What the opcodes of block and transaction give.
struct Environment {
    std::uint64_t number = 0;
    std::uint64_t timestamp = 0;  ///< seconds
    Address coinbase;
    Word base_fee = 0;
    Word blob_base_fee = 0;
    Word gas_limit = 0;  ///< what GASLIMIT gives; whose limit that is, the rules say
    Word chain_id = 0;
    Address origin;
    Word gas_price = 0;
    std::vector<Hash256> blob_hashes;
    /// The run is given up after this moment (Failure::out_of_time). It is looked at now and then, so that a
    /// run may last some milliseconds longer.
    std::optional<std::chrono::steady_clock::time_point> deadline;
};

/// The outermost call or creation.
struct Message {
    Address from;
    std::optional<Address> to;  ///< nothing: a creation
    Word value = 0;
    BytesView data;  ///< must outlive the run
    std::uint64_t gas = 0;
};

struct MessageResult {
    FailureDetail failure;
    std::uint64_t gas_left = 0;
    /// What was returned or reverted with; of a creation the code (refused code too), or what it reverted with.
    Bytes output;
    std::optional<Address> created;  ///< the address of a creation that was entered
};

struct Frame;

/// The interpreter. Runs a message and everything that it calls without recursion and, but for new slots,
/// accounts and logs, without allocation once its memories have grown: the stack of words is one block (33 MiB
/// of address space, of which only what deep calls reach is ever touched), and frames keep their memory for the
/// next run. Memory is bounded by the gas, whose price for it rises with the square.
///
/// Used by one thread at a time.
class Machine {
  public:
    Machine();
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    /// `state` was reset with the same rules. Changes of a message that fails are undone, but for a creation's
    /// nonce. After Failure::undefined, not_simulated and out_of_time neither the gas nor the state means
    /// anything.
    [[nodiscard]] MessageResult run(const Message& message, State& state, const Rules& rules,
                                    const Environment& environment);

    /// The outermost frame's stack after a run that ended with STOP, bottom first: for tests of single opcodes.
    [[nodiscard]] std::vector<Word> last_stack() const;

  private:
    friend class Interpreter;

    std::unique_ptr<Word[]> words_;  // NOLINT(modernize-avoid-c-arrays): not set to anything
    std::vector<std::unique_ptr<Frame>> frames_;
    std::size_t last_height_ = 0;
    Bytes precompile_output_;
};

}  // namespace ioswarm::evm
