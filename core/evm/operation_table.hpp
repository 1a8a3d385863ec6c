// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "core/evm/interpreter.hpp"

namespace ioswarm::evm {

/// The operations that the step loop does not do itself, by opcode; null for those and for undefined ones.
extern const std::array<Interpreter::Operation, 256> kOperations;

}  // namespace ioswarm::evm
