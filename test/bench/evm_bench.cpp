// SPDX-License-Identifier: Apache-2.0
// How much gas the interpreter executes per second of one core's time, on loops that each do one kind of work.
// The same programs can be given to any other interpreter: `evm_bench --programs` prints them in hexadecimal.
#include <ctime>
#include <string_view>

#include "core/evm/transaction.hpp"
#include "test/bench/goal.hpp"

using namespace ioswarm;
using namespace ioswarm::evm;

namespace {

constexpr std::uint64_t kGas = 25'000'000;  // the gas limit of a block
constexpr double kGoal = 50;                // million gas per second
constexpr int kRounds = 7;

struct Program {
    const char* name;
    const char* code;
};

/// Each program loops until the gas is used up. A loop begins at 0 with JUMPDEST and ends with PUSH0 JUMP.
constexpr Program kPrograms[] = {
    // NOLINT(modernize-avoid-c-arrays)
    // Adds, multiplies, subtracts, divides, shifts and compares numbers of 256 bits.
    {"arithmetic",
     "5b7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f7f"
     "1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef818101820281036701234567"
     "89abcdef900460071b60091c8110600101828282090181065050505f56"},
    // Hashes 64 bytes, as mappings in Solidity do.
    {"keccak", "5b60405f20505f56"},
    // Reads and writes four slots that are warm after the first time.
    {"storage", "5b5f546001015f556001546001016001556002546001016002556003546001016003555f56"},
    // Calls another contract, which adds two numbers and returns.
    {"calls", "5b60205f5f5f5f61c0de5af1505f56"},
};
constexpr const char* kCallee = "60015f015f5260205ff3";

class BenchState final : public StateSource {
  public:
    explicit BenchState(const Program& program) : code_(code_of(program.code)), callee_(code_of(kCallee)) {}

    std::optional<AccountRecord> account(const Address& address) override {
        if (address == Word(0xc0de00).to_address()) return AccountRecord{true, 0, 1, code_, false};
        if (address == Word(0xc0de).to_address()) return AccountRecord{true, 0, 1, callee_, false};
        return AccountRecord{true, Word(0, 0, 1, 0), 1, nullptr, false};
    }
    std::optional<SlotRecord> slot(const Address& /*address*/, const Word& /*key*/) override {
        return SlotRecord{1, true};
    }
    std::optional<Hash256> block_hash(std::uint64_t /*height*/) override { return Hash256{}; }

  private:
    static CodePtr code_of(const char* hex) { return std::make_shared<const Code>(from_hex(hex).value()); }

    CodePtr code_;
    CodePtr callee_;
};

/// CPU time of this thread, because the machine may be busy with other things.
double cpu_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// Million gas per second.
double round(Executor& executor, const Program& program) {
    BenchState state(program);
    Transaction transaction;
    transaction.from = Word(0x5e5de5).to_address();
    transaction.to = Word(0xc0de00).to_address();
    transaction.gas_limit = kGas;
    BlockContext block;
    block.chain_id = 4689;
    block.gas_limit = kGas;
    const double before = cpu_seconds();
    const Outcome outcome = executor.run(transaction, block, state, prague_rules());
    const double spent = cpu_seconds() - before;
    if (outcome.failure.kind != Failure::out_of_gas) {
        fmt::print(stderr, "evm_bench: {} ended with: {}\n", program.name, failure_text(outcome.failure));
        std::exit(1);
    }
    return static_cast<double>(kGas) / 1e6 / spent;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "--programs") {
        for (const Program& program : kPrograms)
            fmt::print("{} {}\n", program.name, program.code);
        fmt::print("callee {}\n", kCallee);
        return 0;
    }
    Executor executor;
    for (const Program& program : kPrograms) {
        std::vector<double> rounds;
        for (int i = 0; i < kRounds; ++i)
            rounds.push_back(round(executor, program));
        const bench::Sample figure = bench::sample_of(rounds);
        bench::print_goal("EVM", fmt::format("interpreter, loop of {}", program.name), figure, "Mgas/s", {},
                          "≥ 50 Mgas/s", figure.median >= kGoal);
    }
    return 0;
}
