// SPDX-License-Identifier: Apache-2.0
// How call frames begin and end.
#include <algorithm>
#include <limits>

#include "core/crypto/eth_tx.hpp"
#include "core/crypto/keccak.hpp"
#include "core/evm/interpreter.hpp"
#include "core/evm/precompiles.hpp"

namespace ioswarm::evm {
namespace {

constexpr std::size_t kMaxDepth = 1024;   // nested calls inside the outermost one
constexpr std::size_t kMaxCode = 24'576;  // largest code of a contract, EIP-170
constexpr std::uint64_t kCodeByte = 200;
/// A frame keeps up to this much memory for the next run; anything larger is freed.
constexpr std::size_t kKeptMemory = 1 << 20;

/// The address of CREATE2 (EIP-1014).
Address create2_address(const Address& creator, const Word& salt, BytesView init_code) {
    constexpr std::uint8_t kPrefix = 0xff;
    Keccak256 hash;
    hash.update(BytesView(&kPrefix, 1)).update(creator.view());
    hash.update(salt.to_hash().view()).update(keccak256(init_code).view());
    return *Address::from(hash.finish().view().last(Address::kSize));
}

}  // namespace

MessageResult Interpreter::run(const Message& message) {
    Account& from = state_.account(message.from);
    CallRequest request;
    request.value = message.value;
    request.gas = message.gas;
    if (message.to) {
        request.target = &state_.account(*message.to);
        state_.consult(*request.target);
        start_call(nullptr, request, from, message.data);
    } else {
        request.kind = CallKind::create;
        start_create(nullptr, request, from, message.data);
    }
    while (!ended_) {
        Frame& frame = *machine_.frames_[depth_ - 1];
        resume_clock(frame.gas);
        Exit exit = execute(frame);
        const bool calls = exit == Exit::call || exit == Exit::create;
        // The gas that goes to the call is not spent yet.
        pause_clock(frame.gas + (calls ? frame.request.gas : 0));
        if (calls && is_late()) {
            frame.failure = {Failure::out_of_time, 0, 0, {}};
            exit = Exit::failure;
        }
        switch (exit) {
            case Exit::success:
                finish(frame, true);
                break;
            case Exit::failure:
                finish(frame, false);
                break;
            case Exit::call:
                start_call(&frame, frame.request, *frame.self,
                           frame.memory_range(frame.request.input_offset, frame.request.input_size));
                break;
            case Exit::create:
                start_create(&frame, frame.request, *frame.self,
                             frame.memory_range(frame.request.input_offset, frame.request.input_size));
                break;
            case Exit::go_on:
                break;
        }
    }
    return std::move(result_);
}

void Interpreter::start_call(Frame* caller, const CallRequest& request, Account& from, BytesView input) {
    const bool moves_value = request.kind == CallKind::call || request.kind == CallKind::callcode;
    CallEnd end{{}, request.gas, {}, {}};
    if (depth_ > kMaxDepth) {
        end.failure.kind = Failure::depth;
        return deliver(caller, request.kind, end);
    }
    if (moves_value && !request.value.is_zero() && from.balance < request.value) {
        end.failure.kind = Failure::balance;
        return deliver(caller, request.kind, end);
    }
    const State::Snapshot snapshot = state_.snapshot();
    Account& target = *request.target;
    const auto precompile = precompile_id(rules_, target.address);
    if (request.kind == CallKind::call) {
        if (!state_.exists(target)) {
            if (!precompile && request.value.is_zero()) return deliver(caller, request.kind, end);
            state_.make_account(target);
        }
        state_.transfer(from, target, request.value);
    } else if (request.kind == CallKind::staticcall) {
        state_.touch(target);
    }
    if (precompile) return run_precompile(caller, request, *precompile, input, snapshot);
    CodePtr code = target.code;
    if (rules_.set_code && code && code->delegate()) code = state_.account(*code->delegate()).code;
    if (!code || code->size() == 0) return deliver(caller, request.kind, end);

    Frame& frame = push_frame(caller, request);
    const bool own_state = request.kind == CallKind::delegatecall || request.kind == CallKind::callcode;
    frame.self = own_state ? caller->self : &target;
    frame.caller = request.kind == CallKind::delegatecall ? caller->caller : from.address;
    frame.value = request.kind == CallKind::delegatecall ? caller->value : request.value;
    frame.input = input;
    frame.is_static = request.kind == CallKind::staticcall || (caller != nullptr && caller->is_static);
    frame.snapshot = snapshot;
    frame.code = code->padded();
    frame.code_size = code->size();
    frame.jumps = &code->jumps();
    frame.pc = frame.code;
    frame.held_code = std::move(code);
}

Frame& Interpreter::push_frame(Frame* caller, const CallRequest& request) {
    if (machine_.frames_.size() == depth_) machine_.frames_.push_back(std::make_unique<Frame>());
    Frame& frame = *machine_.frames_[depth_++];
    frame.kind = request.kind;
    frame.gas = request.gas;
    frame.stack = caller == nullptr ? machine_.words_.get() : caller->top;
    frame.top = frame.stack;
    if (frame.memory.capacity() > kKeptMemory) frame.memory = Bytes();
    frame.memory.clear();
    frame.memory_paid = 0;
    frame.return_data.clear();
    frame.failure = {};
    frame.output_offset = 0;
    frame.output_size = 0;
    return frame;
}

void Interpreter::run_precompile(Frame* caller, const CallRequest& request, unsigned id, BytesView input,
                                 const State::Snapshot& snapshot) {
    CallEnd end;
    const std::uint64_t cost = precompile_gas(id, input);
    if (cost > request.gas) {
        end.failure.kind = Failure::out_of_gas;
    } else {
        until_clock_ -= std::min(until_clock_, cost);
        end.failure.kind = evm::run_precompile(id, input, machine_.precompile_output_, watch_);
    }
    if (end.failure.kind == Failure::none) {
        end.gas_left = request.gas - cost;
        end.output = machine_.precompile_output_;
    } else {
        state_.revert(snapshot);
    }
    deliver(caller, request.kind, end);
}

void Interpreter::start_create(Frame* caller, const CallRequest& request, Account& from, BytesView init_code) {
    const std::uint64_t nonce = from.nonce;
    const Address address = request.salt ? create2_address(from.address, *request.salt, init_code)
                                         : contract_address(from.address, nonce);
    Account& made = state_.account(address);
    state_.consult(made);
    CallEnd end{{}, request.gas, {}, address};
    if (depth_ > kMaxDepth) {
        end.failure.kind = Failure::depth;
        return deliver(caller, CallKind::create, end);
    }
    if (from.balance < request.value) {
        end.failure.kind = Failure::balance;
        return deliver(caller, CallKind::create, end);
    }
    if (nonce == std::numeric_limits<std::uint64_t>::max()) {
        end.failure.kind = Failure::nonce_overflow;
        return deliver(caller, CallKind::create, end);
    }
    state_.set_nonce(from, nonce + 1);
    state_.warm(made);
    if (state_.is_taken(made)) {
        end.failure.kind = Failure::address_taken;
        end.gas_left = 0;
        return deliver(caller, CallKind::create, end);
    }
    const State::Snapshot snapshot = state_.snapshot();
    state_.make_contract(made);
    state_.set_nonce(made, 1);
    state_.transfer(from, made, request.value);

    Frame& frame = push_frame(caller, request);
    frame.self = &made;
    frame.caller = from.address;
    frame.value = request.value;
    frame.input = {};
    frame.is_static = false;
    frame.snapshot = snapshot;
    frame.held_code = nullptr;
    frame.init_code.assign(init_code.begin(), init_code.end());
    frame.init_code.resize(init_code.size() + kCodePadding);
    map_jumps(init_code, frame.init_jumps);
    frame.code = frame.init_code.data();
    frame.code_size = init_code.size();
    frame.jumps = &frame.init_jumps;
    frame.pc = frame.code;
}

FailureDetail Interpreter::keep_created_code(Frame& frame) {
    const BytesView code = frame.memory_range(frame.output_offset, frame.output_size);
    if (code.size() > kMaxCode) return {Failure::code_too_large, 0, 0, {}};
    if (!code.empty() && code.front() == 0xef) return {Failure::code_begins_with_ef, 0, 0, {}};
    const std::uint64_t cost = kCodeByte * code.size();
    if (frame.gas < cost) return {Failure::code_not_paid, 0, 0, {}};
    frame.gas -= cost;
    state_.set_code(*frame.self, std::make_shared<const Code>(code));
    return {};
}

void Interpreter::finish(Frame& frame, bool success) {
    const bool made_code = success && frame.kind == CallKind::create;
    if (made_code) frame.failure = keep_created_code(frame);
    CallEnd end{frame.failure, frame.gas, {}, {}};
    const Failure failure = end.failure.kind;
    if (failure != Failure::none) {
        state_.revert(frame.snapshot);
        if (failure != Failure::reverted) end.gas_left = 0;
    }
    if (failure == Failure::none || failure == Failure::reverted || made_code) {
        end.output = frame.memory_range(frame.output_offset, frame.output_size);
    }
    if (frame.kind == CallKind::create) end.created = frame.self->address;
    --depth_;
    if (depth_ == 0) machine_.last_height_ = frame.height();
    frame.held_code = nullptr;
    deliver(depth_ == 0 ? nullptr : machine_.frames_[depth_ - 1].get(), frame.kind, end);
}

/// Hands the result to the frame that made the call. If there is none, or if the run must be given up, the run
/// ends.
void Interpreter::deliver(Frame* caller, CallKind kind, const CallEnd& end) {
    const Failure failure = end.failure.kind;
    if (caller == nullptr || gives_up(failure)) {
        ended_ = true;
        result_ = {end.failure, end.gas_left, to_bytes(end.output), end.created};
        return;
    }
    const bool success = failure == Failure::none;
    caller->gas += end.gas_left;
    if (kind == CallKind::create) {
        *caller->top++ = success ? Word::from(*end.created) : Word{0};
        if (failure == Failure::reverted) {
            caller->return_data.assign(end.output.begin(), end.output.end());
        } else {
            caller->return_data.clear();
        }
        return;
    }
    *caller->top++ = success ? 1 : 0;
    caller->return_data.assign(end.output.begin(), end.output.end());
    const std::size_t count = std::min<std::size_t>(end.output.size(), caller->request.output_size);
    if (count != 0) {
        std::copy_n(end.output.begin(), count,
                    caller->memory.begin() + static_cast<std::ptrdiff_t>(caller->request.output_offset));
    }
}

}  // namespace ioswarm::evm
