// SPDX-License-Identifier: Apache-2.0
// Runs any code under each rule set, on a state that is only partly fetched. The run must end within its gas,
// and a second run must give the same result. The input is one byte of flags, two bytes of gas in thousands,
// and one byte that says where the rest is split into the code of two contracts. They can call each other. The
// second one's code is also the call data.

#include <cstdlib>

#include "core/evm/transaction.hpp"
#include "test/fuzz/target.hpp"

using namespace ioswarm;
using namespace ioswarm::evm;

namespace {

const Address kSender = Word(0x5e5de5).to_address();
const Address kFirst = Word(0xc0de00).to_address();
const Address kSecond = Word(0xc0de01).to_address();

class FuzzState final : public StateSource {
  public:
    FuzzState(BytesView first, BytesView second)
        : first_(std::make_shared<const Code>(first)), second_(std::make_shared<const Code>(second)) {}

    std::optional<AccountRecord> account(const Address& address) override {
        if (address == kSender) return AccountRecord{true, Word(0, 0, 1, 0), 1, nullptr, false};
        if (address == kFirst) return AccountRecord{true, 1'000, 1, first_, false};
        if (address == kSecond) return AccountRecord{true, 0, 1, second_, true};
        if (address.bytes[19] % 2 == 1) return std::nullopt;
        return AccountRecord{};
    }
    std::optional<SlotRecord> slot(const Address& /*address*/, const Word& key) override {
        if (key.low() % 4 == 3) return std::nullopt;
        return SlotRecord{key, key.low() % 2 == 0};
    }
    std::optional<Hash256> block_hash(std::uint64_t height) override { return Word(height).to_hash(); }

  private:
    CodePtr first_;
    CodePtr second_;
};

void require_evm(bool holds) {
    if (!holds) std::abort();
}

void run(Executor& executor, const Transaction& transaction, const Rules& rules, StateSource& state) {
    evm::BlockContext block;
    block.chain_id = 4689;
    block.number = 1'000;
    block.gas_limit = 100'000'000;
    block.base_fee = 1;
    const Outcome once = executor.run(transaction, block, state, rules);
    if (!once.refused.empty()) return;
    require_evm(once.gas_used <= transaction.gas_limit);
    require_evm(once.failure.kind == Failure::none ? once.status == 1 : once.status >= 100);
    const Outcome again = executor.run(transaction, block, state, rules);
    require_evm(once.gas_used == again.gas_used && once.output == again.output &&
                once.failure.kind == again.failure.kind && once.changes.size() == again.changes.size() &&
                once.missing.slots.size() == again.missing.slots.size());
}

}  // namespace

IOSWARM_FUZZ_TARGET(evm) {
    if (size < 4 || size > 8'192) return 0;
    static Executor executor;
    const BytesView rest(data + 4, size - 4);
    const std::size_t split = rest.size() * data[3] / 255;
    FuzzState state(rest.first(split), rest.subspan(split));
    Transaction transaction;
    transaction.from = kSender;
    if ((data[0] & 1) == 0) transaction.to = kFirst;
    transaction.value = (data[0] >> 1) & 1;
    transaction.data = to_bytes((data[0] & 1) == 0 ? rest.subspan(split) : rest);
    transaction.gas_limit = 50'000 + 1'000 * (std::uint64_t{data[1]} << 3 | (data[2] & 7));
    transaction.fee_cap = 1;
    transaction.tip_cap = 1;
    for (const Rules* rules : {&cancun_rules(), &prague_rules(), &agent_rules()})
        run(executor, transaction, *rules, state);
    return 0;
}
