// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/base/u256.hpp"

/// The parts of the contract ABI (https://docs.soliditylang.org/en/v0.8.34/abi-spec.html) that reward pools
/// use.
namespace ioswarm::contracts::abi {

using Selector = std::array<std::uint8_t, 4>;

/// The first four bytes of keccak256 of a function's signature, such as "claimFor(address)".
[[nodiscard]] Selector selector(std::string_view signature);
/// keccak256 of an event's signature, which is the first topic of its logs.
[[nodiscard]] Hash256 event_topic(std::string_view signature);
/// An address as a word: 12 zero bytes, then the address.
[[nodiscard]] Hash256 address_word(const Address& address);

/// Builds call data: the selector, then the arguments in the order of the calls.
class CallWriter {
  public:
    explicit CallWriter(std::string_view signature);

    CallWriter& uint(const U256& value);
    CallWriter& address(const Address& value);
    CallWriter& addresses(std::span<const Address> values);
    CallWriter& uints(std::span<const U256> values);
    CallWriter& words(std::span<const Hash256> values);

    /// Returns the call data.
    [[nodiscard]] Bytes finish() const;

  private:
    void static_word(const Hash256& word);
    void dynamic(const std::vector<Hash256>& tail);

    Selector selector_;
    std::vector<Hash256> head_;
    std::vector<std::pair<std::size_t, std::vector<Hash256>>>
        tails_;  ///< position in head_, and the words that it points to
};

/// An address argument without a selector, as a constructor takes it.
[[nodiscard]] Bytes encode_address(const Address& address);

/// Reads words from return data, revert data or the data of a log. Every method takes the next word of the
/// head. It fails with bad_data if the data ends too early or the value is not of the requested type. The data
/// is untrusted and must outlive the reader. Sizes are checked against the data before anything is allocated.
class Reader {
  public:
    explicit Reader(BytesView data) : data_(data) {}

    /// An unsigned integer of `bits` bits, a multiple of 8 from 8 to 256; higher bits must be zero.
    [[nodiscard]] Result<U256> uint(unsigned bits = 256);
    [[nodiscard]] Result<std::uint64_t> uint64();
    [[nodiscard]] Result<Address> address();
    [[nodiscard]] Result<Hash256> word();
    /// `bytes` or `string`, at most `max_bytes` long.
    [[nodiscard]] Result<Bytes> bytes(std::size_t max_bytes);
    /// `uint256[]`, at most `max_items` long.
    [[nodiscard]] Result<std::vector<U256>> uints(std::size_t max_items);
    /// `address[]`, at most `max_items` long.
    [[nodiscard]] Result<std::vector<Address>> addresses(std::size_t max_items);
    /// `bytes32[]`, at most `max_items` long.
    [[nodiscard]] Result<std::vector<Hash256>> words(std::size_t max_items);

  private:
    /// Follows an offset: reads the length at that position and returns it with the data after it.
    [[nodiscard]] Result<std::pair<std::size_t, BytesView>> dynamic(std::size_t item_size, std::size_t max);

    BytesView data_;
    std::size_t at_ = 0;
};

/// Converts a word to an address. Error bad_data: its first twelve bytes are not zero.
[[nodiscard]] Result<Address> to_address(const Hash256& word);

}  // namespace ioswarm::contracts::abi
