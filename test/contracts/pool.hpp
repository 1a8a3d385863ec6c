// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/u256.hpp"
#include "test/support/anvil.hpp"

namespace ioswarm::test {

/// The development chain of this test program. It starts at the first use.
Anvil& chain();
/// Each test program defines whether its chain keeps the steps of transactions for debug_traceTransaction.
extern const bool kKeepSteps;

/// The creation code under test: the program's own, or that of the artifact that IOSWARM_CONTRACT_ARTIFACT
/// names (set by the script for deliberate faults).
const Bytes& creation_code_under_test();

/// An argument of a call: one word, or a list of words.
struct Argument {
    std::vector<Hash256> words;
    bool is_list = false;
};
[[nodiscard]] Argument word(const U256& value);
[[nodiscard]] Argument word(const Address& address);
[[nodiscard]] Argument list(const std::vector<U256>& values);
[[nodiscard]] Argument list(const std::vector<Address>& addresses);

/// Encodes selector and arguments of "name(type,…)".
[[nodiscard]] Bytes encode_call(std::string_view signature, const std::vector<Argument>& arguments = {});
/// The data returned by a revert with this error, in hex: the first four bytes of its signature's hash, and its
/// arguments.
[[nodiscard]] std::string encode_error(std::string_view signature, const std::vector<Argument>& arguments = {});
/// The data returned by a failed require(…, text), in hex.
[[nodiscard]] std::string encode_reason(std::string_view text);
[[nodiscard]] Hash256 topic(std::string_view signature);

/// Returns an address that no test has used yet.
[[nodiscard]] Address new_wallet();

struct Share {
    Address agent;
    U256 weight;
    bool send_now = false;
};
/// agent << 96 | flags << 88 | weight
[[nodiscard]] U256 entry(const Share& share);

/// A pool on chain(). Calls come from the coordinator unless a function says otherwise. A caller that sends
/// value gets the money first.
class Pool {
  public:
    /// Deploys a new pool with its own coordinator.
    Pool();

    [[nodiscard]] const Address& address() const { return address_; }
    [[nodiscard]] const Address& coordinator() const { return coordinator_; }

    [[nodiscard]] ChainCall call_of(const Bytes& data, const U256& value = 0) const;
    [[nodiscard]] ChainCall call_of(const Address& from, const Bytes& data, const U256& value = 0) const;
    ChainReceipt send(const ChainCall& call);

    ChainReceipt settle(std::uint64_t epoch, const std::vector<Share>& shares, const U256& value);
    /// Calls depositAndSettle of version 2.
    ChainReceipt settle_v2(const std::vector<Share>& shares, const U256& value);
    ChainReceipt claim(const Address& agent);

    [[nodiscard]] U256 claimable(const Address& agent) const;
    [[nodiscard]] U256 balance() const;
    /// Returns the `index`-th word of a view's result.
    [[nodiscard]] U256 view(std::string_view signature, const std::vector<Argument>& arguments = {},
                            std::size_t index = 0) const;
    /// Returns the revert data of the call in hex, or "did not revert".
    [[nodiscard]] std::string revert_of(const ChainCall& call) const;

  private:
    Address coordinator_;
    Address address_;
};

[[nodiscard]] Bytes settle_data(std::uint64_t epoch, const std::vector<Share>& shares);
[[nodiscard]] Bytes settle_v2_data(const std::vector<Share>& shares);
[[nodiscard]] Bytes settle_and_claim_v2_data(const std::vector<Share>& shares,
                                             const std::vector<Address>& claimees);

/// The shares that settleEpoch must credit to the agents, calculated directly from the rule. An agent that is
/// listed twice gets both shares.
[[nodiscard]] std::map<Address, U256> expected_shares(const std::vector<Share>& shares, const U256& value);

/// The events of `receipt` with this signature, in order.
[[nodiscard]] std::vector<ChainLog> events(const ChainReceipt& receipt, std::string_view signature);
/// The word that represents an address as an indexed argument.
[[nodiscard]] Hash256 topic_of(const Address& address);
/// Returns the `index`-th word of an event's data.
[[nodiscard]] U256 data_word(const ChainLog& log, std::size_t index = 0);

/// Amounts in units of 10^18 rau, and in thousandths of that.
[[nodiscard]] U256 iotx(std::uint64_t whole);
[[nodiscard]] U256 milli_iotx(std::uint64_t thousandths);

}  // namespace ioswarm::test
