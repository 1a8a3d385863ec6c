// SPDX-License-Identifier: Apache-2.0
#include "test/settlement/sim_faults.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace ioswarm::test {
namespace {

constexpr std::string_view kFaultNames[] = {
    // sending
    "send: no connection",
    "send: no answer although accepted",
    "send: an error text although accepted",
    "send: accepted and dropped",
    "send: delivered twice",
    "send: the pool is full",
    "the pool is forgotten",
    "nodes do not pass transactions on",
    "two prices were sent and one was mined",
    "a lower price was mined after a higher one was sent",
    // prices and money
    "gas price 0x0",
    "gas price without digits",
    "gas price below zero",
    "gas price null",
    "gas price times a million",
    "gas price above 256 bits",
    "the base fee is above the cap",
    "the base fee is above the cap for a day",
    "the balance is too low",
    "the contract refuses in the simulated call",
    "the contract fails only when mined",
    "the settlement runs out of gas",
    // what endpoints say
    "an endpoint is away",
    "an endpoint hides receipts",
    "a receipt of a transaction that was not mined",
    "a receipt with a false failure",
    "the confirmed nonce is too high",
    "the confirmed nonce is too low",
    "an endpoint lags",
    "an endpoint follows a fork",
    "an endpoint belongs to another chain",
    "receipts come late",
    "an answer is no JSON",
    "an answer is cut off",
    "an answer has another id",
    "an answer has a key twice",
    "an answer is too large",
    "an answer is a redirect",
    "an answer is too slow",
    "an answer names another transaction",
    // the chain
    "1 block is taken back",
    "2 blocks are taken back",
    "3 blocks are taken back",
    "4 blocks are taken back",
    "5 blocks are taken back",
    "6 blocks are taken back",
    "7 blocks are taken back",
    "8 blocks are taken back",
    "9 blocks are taken back",
    "10 blocks are taken back",
    "11 blocks are taken back",
    "12 blocks are taken back",
    "a foreign transaction of the wallet",
    "others change weights of a version 2 pool",
    "nothing is sent while weights do not add up",
    // files and machine
    "the ledger is an older copy",
    "the ledger cannot be read",
    "settlement.db is an older copy",
    "settlement.db is missing",
    "settlement.db is lost and rebuilt from the chain",
    "settlement.db has a flipped bit and is refused",
    "settlement.db has a flipped bit where it does no harm",
    "the WAL has a flipped bit",
    "a copy of the data directory pays too",
    "a second settler in the same directory",
    "the disk is full",
    "fsync fails",
    "the clock jumps a year ahead",
    "the clock jumps a year back",
    "the clock steps a little",
    "the machine sleeps",
    // the ledger's epochs
    "an agent changes its wallet",
    "an agent shares a wallet",
    "an agent has no wallet",
    "an agent leaves out an epoch",
    "an epoch without agents",
    "a payout of 0 rau",
    "a payout of 1 rau",
    "a payout of 2^200 rau",
    "500 agents in one epoch",
    "an outage of 1,000 epochs",
    // the operator
    "the operator replaces a transaction, and the empty one is mined",
    "the operator replaces a transaction, and the payment is mined",
};

std::map<std::string_view, std::uint64_t>& fault_counts() {
    static std::map<std::string_view, std::uint64_t> counts;
    return counts;
}

}  // namespace

std::span<const std::string_view> sim_fault_names() noexcept {
    return kFaultNames;
}

void count_fault(std::string_view name) {
    const auto* const found = std::find(std::begin(kFaultNames), std::end(kFaultNames), name);
    if (found == std::end(kFaultNames)) {
        std::fprintf(stderr, "unknown fault: %.*s\n", static_cast<int>(name.size()), name.data());
        std::abort();
    }
    ++fault_counts()[*found];
}

const std::map<std::string_view, std::uint64_t>& sim_fault_counts() {
    return fault_counts();
}

}  // namespace ioswarm::test
