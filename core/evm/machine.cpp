// SPDX-License-Identifier: Apache-2.0
#include "core/evm/machine.hpp"

#include "core/evm/interpreter.hpp"

namespace ioswarm::evm {
namespace {

/// Room for the full stacks of the outermost frame and of the 1,024 calls that can be nested in it.
constexpr std::size_t kWords = kStackLimit * 1025;

}  // namespace

Machine::Machine() = default;
Machine::~Machine() = default;

MessageResult Machine::run(const Message& message, State& state, const Rules& rules,
                           const Environment& environment) {
    last_height_ = 0;
    // Allocate only when it is needed: most threads that could run something never do.
    if (!words_) words_.reset(new Word[kWords]);
    return Interpreter(*this, state, rules, environment).run(message);
}

std::vector<Word> Machine::last_stack() const {
    return {words_.get(), words_.get() + last_height_};
}

}  // namespace ioswarm::evm
