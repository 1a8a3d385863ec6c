// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/evm/frame.hpp"
#include "core/evm/machine.hpp"

namespace ioswarm::evm {

/// Tells how a frame leaves the step loop, or that it goes on.
enum class Exit : std::uint8_t { go_on, success, failure, call, create };

/// One run of a Machine; internal to core/evm. interpreter.cpp has the step loop, operations*.cpp the opcodes
/// that need more than the stack, and calls.cpp calls and creations.
class Interpreter {
  public:
    Interpreter(Machine& machine, State& state, const Rules& rules, const Environment& environment)
        : machine_(machine),
          state_(state),
          rules_(rules),
          environment_(environment),
          watch_(environment.limits) {}

    [[nodiscard]] MessageResult run(const Message& message);

    using Operation = Exit (Interpreter::*)(Frame&);

  private:
    friend struct OperationTable;

    /// Executes steps until the frame ends or makes a call.
    [[nodiscard]] Exit execute(Frame& frame);

    /// Records the account or slot that an opcode names, for an opcode that fails early because other operands
    /// or its constant gas are missing.
    void consult_operand(Frame& frame, Op op, const Word* top);

    // Operations. Each takes its operands off the stack. The constant gas is already paid.
    Exit op_exp(Frame& frame);
    Exit op_keccak256(Frame& frame);
    Exit op_address(Frame& frame);
    Exit op_balance(Frame& frame);
    Exit op_origin(Frame& frame);
    Exit op_caller(Frame& frame);
    Exit op_callvalue(Frame& frame);
    Exit op_calldatasize(Frame& frame);
    Exit op_calldatacopy(Frame& frame);
    Exit op_codesize(Frame& frame);
    Exit op_codecopy(Frame& frame);
    Exit op_gasprice(Frame& frame);
    Exit op_extcodesize(Frame& frame);
    Exit op_extcodecopy(Frame& frame);
    Exit op_returndatasize(Frame& frame);
    Exit op_returndatacopy(Frame& frame);
    Exit op_extcodehash(Frame& frame);
    Exit op_blockhash(Frame& frame);
    Exit op_coinbase(Frame& frame);
    Exit op_timestamp(Frame& frame);
    Exit op_number(Frame& frame);
    Exit op_prevrandao(Frame& frame);
    Exit op_gaslimit(Frame& frame);
    Exit op_chainid(Frame& frame);
    Exit op_selfbalance(Frame& frame);
    Exit op_basefee(Frame& frame);
    Exit op_blobhash(Frame& frame);
    Exit op_blobbasefee(Frame& frame);
    Exit op_sload(Frame& frame);
    Exit op_sstore(Frame& frame);
    Exit op_tload(Frame& frame);
    Exit op_tstore(Frame& frame);
    Exit op_mcopy(Frame& frame);
    Exit op_log(Frame& frame);
    Exit op_call(Frame& frame);
    Exit op_callcode(Frame& frame);
    Exit op_delegatecall(Frame& frame);
    Exit op_staticcall(Frame& frame);
    Exit call_family(Frame& frame, CallKind kind);
    [[nodiscard]] bool charge_target(Frame& frame, Account& target);
    Exit op_create(Frame& frame);
    Exit op_create2(Frame& frame);
    Exit create_family(Frame& frame, bool salted);
    Exit op_return(Frame& frame);
    Exit op_revert(Frame& frame);
    [[nodiscard]] bool set_output(Frame& frame);
    Exit op_selfdestruct(Frame& frame);
    Exit copy_to_memory(Frame& frame, BytesView source);

    /// Pays for the first use of an account. Returns null when there is not enough gas.
    [[nodiscard]] Account* use_account(Frame& frame, const Word& address);
    /// Computes the end of a memory range in bytes (0 for size 0). On an overflow the frame fails and false is
    /// returned.
    [[nodiscard]] bool memory_end(Frame& frame, const Word& offset, const Word& size, std::uint64_t& end) const;
    /// Pays `gas` and the price of memory up to `end`, then grows the memory.
    [[nodiscard]] bool charge_memory(Frame& frame, std::uint64_t end, std::uint64_t gas);
    /// Computes the price of memory up to `end` beyond what is already paid. On an overflow the frame fails and
    /// false is returned.
    [[nodiscard]] bool memory_cost(Frame& frame, std::uint64_t end, std::uint64_t& cost) const;
    void grow_memory(Frame& frame, std::uint64_t end) const;
    [[nodiscard]] bool charge(Frame& frame, std::uint64_t gas, std::string_view inner = {}) const;
    [[nodiscard]] bool write_allowed(Frame& frame) const;
    [[nodiscard]] bool charge_sstore(Frame& frame, Slot& slot, const Word& value);
    /// Grows memory for MLOAD, MSTORE and MSTORE8, when their fast path does not apply.
    [[nodiscard]] bool extend(Frame& frame, const Word& offset, std::uint64_t size);

    /// Calls. CallEnd tells the calling frame how its call or creation ended.
    struct CallEnd {
        FailureDetail failure;
        std::uint64_t gas_left = 0;
        BytesView output;
        std::optional<Address> created;
    };
    void start_call(Frame* caller, const CallRequest& request, Account& from, BytesView input);
    void start_create(Frame* caller, const CallRequest& request, Account& from, BytesView init_code);
    [[nodiscard]] Frame& push_frame(Frame* caller, const CallRequest& request);
    void run_precompile(Frame* caller, const CallRequest& request, unsigned id, BytesView input,
                        const State::Snapshot& snapshot);
    void finish(Frame& frame, bool success);
    [[nodiscard]] FailureDetail keep_created_code(Frame& frame);
    void deliver(Frame* caller, CallKind kind, const CallEnd& end);
    [[nodiscard]] static bool gives_up(Failure failure) noexcept {
        return failure == Failure::undefined || failure == Failure::not_simulated ||
               failure == Failure::too_much_work || failure == Failure::out_of_time;
    }

    // The clock is read once per kGasPerClock gas, in whatever frames the gas is spent. The step loop compares
    // the frame's gas with clock_at_ after everything but the shortest opcodes.
    void resume_clock(std::uint64_t gas) noexcept;
    void pause_clock(std::uint64_t gas) noexcept;
    /// Reads the clock for a frame with this much gas. Returns true if the run must be given up.
    [[nodiscard]] bool is_late(std::uint64_t gas) noexcept;
    /// The same between frames: reads the clock if it is due.
    [[nodiscard]] bool is_late() noexcept;

    Machine& machine_;
    State& state_;
    const Rules& rules_;
    const Environment& environment_;
    std::size_t depth_ = 0;  ///< number of running frames
    MessageResult result_;
    bool ended_ = false;
    RunWatch watch_;
    std::uint64_t clock_at_ = 0;      ///< the running frame's gas at which the clock is read
    std::uint64_t clock_beyond_ = 0;  ///< gas of other frames that may be spent before it is read
    std::uint64_t until_clock_ = 0;   ///< between frames: gas until the clock is read
};

}  // namespace ioswarm::evm
