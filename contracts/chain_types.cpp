// SPDX-License-Identifier: Apache-2.0
#include "contracts/chain_types.hpp"

#include <algorithm>
#include <array>

#include "core/base/ascii.hpp"

namespace ioswarm::contracts {
namespace {

bool ends_in(std::string_view text, std::string_view end) noexcept {
    if (text.size() < end.size()) return false;
    text.remove_prefix(text.size() - end.size());
    return std::equal(text.begin(), text.end(), end.begin(),
                      [](char a, char b) { return to_lower_ascii(a) == to_lower_ascii(b); });
}

}  // namespace

const char* to_string(SendOutcome outcome) noexcept {
    switch (outcome) {
        case SendOutcome::accepted:
            return "accepted";
        case SendOutcome::known:
            return "known already";
        case SendOutcome::nonce_too_low:
            return "nonce too low";
        case SendOutcome::nonce_too_high:
            return "nonce too high";
        case SendOutcome::underpriced:
            return "underpriced";
        case SendOutcome::pool_full:
            return "the node's pool is full";
        case SendOutcome::no_funds:
            return "insufficient funds";
        case SendOutcome::gas_too_low:
            return "gas limit too low";
        case SendOutcome::gas_too_high:
            return "gas limit above the block's";
        case SendOutcome::wrong_chain:
            return "wrong chain id";
        case SendOutcome::unknown:
            return "unknown";
    }
    return "unknown";
}

SendOutcome classify_send_error(std::string_view message) noexcept {
    struct Row {
        std::string_view end;
        SendOutcome outcome;
    };
    // The texts of iotex-core (action/const.go, api/web3server.go), then those of the Ethereum nodes that tests
    // use.
    constexpr std::array<Row, 16> kRows{{
        {"known transaction", SendOutcome::known},
        {"replacement transaction underpriced", SendOutcome::underpriced},
        {"transaction underpriced", SendOutcome::underpriced},
        {"fee cap less than base fee", SendOutcome::underpriced},
        {"nonce too low", SendOutcome::nonce_too_low},
        {"nonce too high", SendOutcome::nonce_too_high},
        {"txpool is full", SendOutcome::pool_full},
        {"insufficient funds for gas * price + value", SendOutcome::no_funds},
        {"exceeds block gas limit", SendOutcome::gas_too_high},
        {"intrinsic gas too low", SendOutcome::gas_too_low},
        {"invalid evm chain id", SendOutcome::wrong_chain},
        {"transaction already imported", SendOutcome::known},
        {"already known", SendOutcome::known},
        {"invalid chain id for signer", SendOutcome::wrong_chain},
        {"max fee per gas less than block base fee", SendOutcome::underpriced},
        {"intrinsic gas too high -- callgascosttoohigh", SendOutcome::gas_too_low},
    }};
    for (const Row& row : kRows) {
        if (ends_in(message, row.end)) return row.outcome;
    }
    return SendOutcome::unknown;
}

}  // namespace ioswarm::contracts
