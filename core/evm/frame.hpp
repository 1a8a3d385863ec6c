// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/evm/code.hpp"
#include "core/evm/opcodes.hpp"
#include "core/evm/state.hpp"

namespace ioswarm::evm {

enum class CallKind : std::uint8_t { call, callcode, delegatecall, staticcall, create };

/// A call or creation that a frame has paid for and now waits for.
struct CallRequest {
    CallKind kind = CallKind::call;
    Account* target = nullptr;  ///< of a creation: not yet known
    Word value = 0;
    std::uint64_t gas = 0;
    std::uint64_t input_offset = 0;  ///< in the caller's memory; of a creation: the init code
    std::uint64_t input_size = 0;
    std::uint64_t output_offset = 0;
    std::uint64_t output_size = 0;
    std::optional<Word> salt;  ///< CREATE2
};

/// One running call. Kept and used again for the next call of the same depth, with its memory.
struct Frame {
    // What runs.
    CodePtr held_code;
    const std::uint8_t* code = nullptr;  ///< followed by kCodePadding zeros
    std::size_t code_size = 0;
    const JumpMap* jumps = nullptr;
    Bytes init_code;  ///< of a creation: its code, padded
    JumpMap init_jumps;

    // For whom.
    CallKind kind = CallKind::call;
    Account* self = nullptr;
    Address caller;
    Word value = 0;
    BytesView input;
    bool is_static = false;
    State::Snapshot snapshot{};

    // How far it is.
    const std::uint8_t* pc = nullptr;
    Word* stack = nullptr;  ///< its bottom
    Word* top = nullptr;    ///< one past the highest word
    std::uint64_t gas = 0;
    Bytes memory;
    std::uint64_t memory_paid = 0;  ///< gas for the memory so far
    Bytes return_data;              ///< of the last call
    CallRequest request;

    // How it ended.
    FailureDetail failure;
    std::uint64_t output_offset = 0;  ///< in its memory
    std::uint64_t output_size = 0;

    [[nodiscard]] BytesView memory_range(std::uint64_t offset, std::uint64_t size) const {
        return size == 0 ? BytesView{} : BytesView(memory).subspan(offset, size);
    }
    [[nodiscard]] std::size_t height() const noexcept { return static_cast<std::size_t>(top - stack); }
};

}  // namespace ioswarm::evm
