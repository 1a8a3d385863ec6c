// SPDX-License-Identifier: Apache-2.0
#include "contracts/revert.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "contracts/abi.hpp"

namespace ioswarm::contracts {
namespace {

constexpr std::size_t kMaxReason = 256;

bool begins_with(BytesView data, std::string_view signature) {
    const abi::Selector wanted = abi::selector(signature);
    return data.size() >= wanted.size() && std::equal(wanted.begin(), wanted.end(), data.begin());
}

/// The codes of Panic(uint256):
/// https://docs.soliditylang.org/en/v0.8.34/control-structures.html#panic-via-assert-and-error-via-require
std::string panic_text(const U256& code) {
    struct Row {
        unsigned code;
        const char* text;
    };
    constexpr std::array<Row, 9> kRows{{{0x01, "assertion failed"},
                                        {0x11, "arithmetic overflow or underflow"},
                                        {0x12, "division by zero"},
                                        {0x21, "conversion to an enum out of range"},
                                        {0x22, "bad encoding of a byte array in storage"},
                                        {0x31, "pop from an empty array"},
                                        {0x32, "array index out of bounds"},
                                        {0x41, "out of memory"},
                                        {0x51, "call of an uninitialised function"}}};
    for (const Row& row : kRows) {
        if (code == row.code) return row.text;
    }
    return "panic " + to_quantity(code);
}

/// The errors of AgentRewardPool version 3, each with the number of its uint arguments.
struct PoolError {
    std::string_view signature;
    unsigned arguments;
};
constexpr std::array<PoolError, 9> kPoolErrors{{{"EpochClosed(uint64,uint64)", 2},
                                                {"NoWeight()", 0},
                                                {"BadAgent(uint256)", 1},
                                                {"BadWeight(uint256)", 1},
                                                {"BadFlags()", 0},
                                                {"ValueTooLarge()", 0},
                                                {"LegacySettleDisabled()", 0},
                                                {"UseSettle()", 0},
                                                {"LowGas()", 0}}};

std::string pool_error_text(const PoolError& error, BytesView arguments) {
    std::string out(error.signature.substr(0, error.signature.find('(')));
    abi::Reader reader(arguments);
    for (unsigned i = 0; i < error.arguments; ++i) {
        const auto value = reader.uint();
        if (!value) return out;
        out += (i == 0 ? "(" : ", ") + to_decimal(*value);
    }
    return error.arguments == 0 ? out : out + ")";
}

}  // namespace

std::string revert_reason(BytesView data) {
    if (data.empty()) return "no reason given";
    const BytesView arguments = data.subspan(std::min<std::size_t>(4, data.size()));
    if (begins_with(data, "Error(string)")) {
        const auto text = abi::Reader(arguments).bytes(data.size());
        if (!text) return "a reason that cannot be read";
        return std::string(as_text(*text).substr(0, kMaxReason));
    }
    if (begins_with(data, "Panic(uint256)")) {
        const auto code = abi::Reader(arguments).uint();
        return code ? panic_text(*code) : "a panic without its code";
    }
    for (const PoolError& error : kPoolErrors) {
        if (begins_with(data, error.signature)) return pool_error_text(error, arguments);
    }
    return fmt::format("unknown error {}", to_hex0x(data.first(std::min<std::size_t>(36, data.size()))));
}

}  // namespace ioswarm::contracts
