// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/evm/code.hpp"
#include "core/evm/opcodes.hpp"
#include "core/evm/state.hpp"

namespace ioswarm::evm {

/// How a frame was called. `create` stands for CREATE and CREATE2.
enum class CallKind : std::uint8_t { call, callcode, delegatecall, staticcall, create };

/// A call or creation that a frame has paid for. The frame waits for its result.
struct CallRequest {
    CallKind kind = CallKind::call;
    Account* target = nullptr;  ///< null for a creation: its address is not known yet
    Word value = 0;
    std::uint64_t gas = 0;
    /// In the caller's memory: the call's input, or the init code of a creation.
    std::uint64_t input_offset = 0;
    std::uint64_t input_size = 0;
    std::uint64_t output_offset = 0;
    std::uint64_t output_size = 0;
    std::optional<Word> salt;  ///< set for CREATE2 only
};

/// One running call. The frame and its memory are reused for the next call at the same depth.
struct Frame {
    // The code that runs.
    CodePtr held_code;
    const std::uint8_t* code = nullptr;  ///< followed by kCodePadding zeros
    std::size_t code_size = 0;
    const JumpMap* jumps = nullptr;
    Bytes init_code;  ///< the padded code of a creation
    JumpMap init_jumps;

    // The call that it serves.
    CallKind kind = CallKind::call;
    Account* self = nullptr;
    Address caller;
    Word value = 0;
    BytesView input;
    bool is_static = false;
    State::Snapshot snapshot{};

    // The progress so far.
    const std::uint8_t* pc = nullptr;
    Word* stack = nullptr;  ///< the bottom of the stack
    Word* top = nullptr;    ///< one past the highest word
    std::uint64_t gas = 0;
    Bytes memory;
    std::uint64_t memory_paid = 0;  ///< gas paid for the memory so far
    Bytes return_data;              ///< the return data of the last call that this frame made
    CallRequest request;

    // The end of the frame.
    FailureDetail failure;
    std::uint64_t output_offset = 0;  ///< the output's place in the frame's memory
    std::uint64_t output_size = 0;

    [[nodiscard]] BytesView memory_range(std::uint64_t offset, std::uint64_t size) const {
        return size == 0 ? BytesView{} : BytesView(memory).subspan(offset, size);
    }
    [[nodiscard]] std::size_t height() const noexcept { return static_cast<std::size_t>(top - stack); }
};

}  // namespace ioswarm::evm
