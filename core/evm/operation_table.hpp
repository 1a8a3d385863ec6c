// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "core/evm/interpreter.hpp"

namespace ioswarm::evm {

/// The operations outside of the step loop, indexed by opcode. Null for opcodes that the loop itself executes,
/// and for undefined ones.
extern const std::array<Interpreter::Operation, 256> kOperations;

}  // namespace ioswarm::evm
