// SPDX-License-Identifier: Apache-2.0
// How many token transfers per second are made into L3 tasks when their state is in the cache. It includes the
// run that finds code and slots, the task's data, and the run on that data.
#include <algorithm>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "core/coordinator/task_run.hpp"
#include "core/crypto/keccak.hpp"
#include "test/bench/goal.hpp"
#include "test/support/fake_run_state.hpp"

using namespace ioswarm;

namespace {

constexpr std::uint64_t kSenders = 2'000;
constexpr std::size_t kThreads = 2;
constexpr std::size_t kRunsPerThread = 4'000;
constexpr int kRounds = 5;
constexpr double kGoal = 1'000;  // per second on two cores

/// transfer(to, amount) of a hand-written token that keeps balances in a mapping at slot 0. It subtracts from
/// the sender's balance or reverts, adds to the receiver's, logs Transfer and returns true.
const std::string kToken =
    "335f5260405f20"                    // slot of the sender's balance
    "8054602435808210605a578091039091"  // its value minus the amount
    "55"                                // stored
    "6004355f5260405f208054820190"
    "55"  // the receiver's balance, plus the amount
    "5f52600435337fddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef60205fa3"
    "60015f5260205ff3"
    "5b5f5ffd";

Address account(std::uint64_t number) {
    return evm::Word(0, 0, 0x1111, number).to_address();
}

/// The slot of an account's balance, in the form in which the fake state keys it.
std::uint64_t balance_slot(const Address& holder) {
    Bytes preimage(64);
    std::copy(holder.bytes.begin(), holder.bytes.end(), preimage.begin() + 12);
    return evm::Word::from(keccak256(preimage)).low();
}

/// CPU time of this thread, because the machine may be busy with other things.
double cpu_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

class Load {
  public:
    explicit Load(test::FakeRunState& state) : runner_(state) {
        const Address token = account(1);
        for (std::uint64_t i = 0; i < kSenders; ++i) {
            RunRequest& request = requests_.emplace_back();
            auto action = std::make_shared<PoolAction>();
            action->sender = account(1'000 + i);
            action->receiver = token;
            Bytes data = *from_hex("a9059cbb");
            for (const evm::Word& word : {evm::Word(50'000 + i), evm::Word(1)}) {
                const Hash256 bytes = word.to_hash();
                data.insert(data.end(), bytes.bytes.begin(), bytes.bytes.end());
            }
            action->evm_tx = EvmTx{to_hex0x(token.view()), "0", data, 100'000, "1000000000000"};
            request.action = action;
            request.height = 100;
            request.sender = snapshot(action->sender, {});
            request.receiver = snapshot(token, Bytes(32, 1));
            request.block = BlockContext{1'800'000'000, 30'000'000, "1000000000000", "", 101};
        }
    }

    /// Runs per second on one core.
    double work(std::size_t first) {
        evm::Executor executor;
        const double before = cpu_seconds();
        for (std::size_t i = 0; i < kRunsPerThread; ++i) {
            const RunAnswer answer = runner_.run(executor, requests_[(first + i) % requests_.size()]);
            if (!answer.run || answer.run->at_l3.own != OwnRun::valid ||
                answer.run->contract_code.size() != 1 ||
                answer.run->storage_slots.begin()->second.size() != 2) {
                fmt::print(stderr, "task_run_bench: a transfer did not run\n");
                std::exit(1);
            }
        }
        return static_cast<double>(kRunsPerThread) / (cpu_seconds() - before);
    }

  private:
    static AccountPtr snapshot(const Address& address, Bytes code_hash) {
        return std::make_shared<const AccountSnapshot>(
            AccountSnapshot{to_hex0x(address.view()), "1000000000000000000", 1, std::move(code_hash)});
    }

    TaskRunner runner_;
    std::vector<RunRequest> requests_;
};

}  // namespace

int main() {
    test::FakeRunState state;
    state.set(account(1), 0, 1, kToken);
    for (std::uint64_t i = 0; i < kSenders; ++i)
        state.set_slot(account(1), balance_slot(account(1'000 + i)), 1'000'000);
    Load load(state);
    (void)load.work(0);  // fills the cache
    const unsigned fetched = state.fetches;
    std::vector<double> rounds;
    for (int i = 0; i < kRounds; ++i) {
        std::vector<double> rates(kThreads);
        {
            std::vector<std::jthread> threads;
            for (std::size_t t = 0; t < kThreads; ++t)
                threads.emplace_back([&, t] { rates[t] = load.work(t * kSenders / kThreads); });
        }
        rounds.push_back(rates[0] + rates[1]);
    }
    if (state.fetches != fetched) {
        fmt::print(stderr, "task_run_bench: something was read again\n");
        return 1;
    }
    const bench::Sample figure = bench::sample_of(rounds);
    bench::print_goal("L3", "tasks of a token's transfer from cached state, 2 cores", figure, "/s", {},
                      "≥ 1,000/s", figure.median >= kGoal);
    return 0;
}
