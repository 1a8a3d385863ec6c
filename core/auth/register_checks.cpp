// SPDX-License-Identifier: Apache-2.0
#include "core/auth/register_checks.hpp"

#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"
#include "core/model/agent_id.hpp"

namespace ioswarm {
namespace {

/// Far above the 42 characters of an address.
constexpr std::size_t kMaxWalletBytes = 128;

tl::unexpected<Error> refuse(std::string why) {
    return fail(ErrorCode::invalid_argument, "cannot register", {}, std::move(why));
}

/// True if the character that starts at byte `at` is a control character: C0, DEL, C1, or one that moves or
/// hides text. `text` must be valid UTF-8.
bool is_control(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const unsigned char first = byte(0);
    if (first < 0x20 || first == 0x7f) return true;
    if (first == 0xc2) return byte(1) < 0xa0;
    if (first == 0xe2 && byte(1) == 0x80) {
        const unsigned char last = byte(2);
        return (last >= 0x8b && last <= 0x8f) || (last >= 0xa8 && last <= 0xae);  // U+200B..200F, U+2028..202E
    }
    if (first == 0xe2 && byte(1) == 0x81) return byte(2) >= 0xa0 && byte(2) <= 0xaf;  // U+2060..206F
    return first == 0xef && byte(1) == 0xbb && byte(2) == 0xbf;                       // U+FEFF
}

NamedWallet read_wallet(std::string_view text, const std::optional<Address>& reward_contract) {
    if (text.empty()) return {};
    if (text.size() > kMaxWalletBytes) return {std::nullopt, "wallet_address: too long for an address"};
    const auto wallet = parse_address(text);
    if (!wallet) {
        const Error& error = wallet.error();
        return {std::nullopt, "wallet_address: " + (error.why.empty() ? error.what : error.why)};
    }
    // Nobody has the key of the zero address, so money that is sent there is lost.
    if (*wallet == Address{}) return {std::nullopt, "wallet_address: the zero address belongs to nobody"};
    // The contract refuses to pay itself, and what it would pay to itself would belong to no agent.
    if (reward_contract && *wallet == *reward_contract)
        return {std::nullopt, "wallet_address: it is the reward contract itself, which cannot be paid"};
    return {*wallet, {}};
}

bool starts_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
}

}  // namespace

Status check_agent_id(std::string_view id) {
    if (id.empty()) return refuse("agent_id is required");
    if (id.size() > kMaxAgentIdBytes) return refuse("agent_id: longer than 128 bytes");
    if (!is_valid_agent_id(id))
        return refuse("agent_id: only visible ASCII characters are allowed, without spaces");
    return {};
}

Status check_agent_label(std::string_view field, std::string_view text) {
    const std::string name(field);
    if (text.size() > 4 * kMaxAgentLabel) return refuse(name + ": longer than 64 characters");
    if (!is_valid_utf8(text)) return refuse(name + ": not valid UTF-8");
    std::size_t characters = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!starts_character(text[i])) continue;
        if (is_control(text, i)) return refuse(name + ": control characters are not allowed");
        if (++characters > kMaxAgentLabel) return refuse(name + ": longer than 64 characters");
    }
    return {};
}

Result<NamedWallet> check_register(std::string_view agent_id, const RegisterRequest& request,
                                   const std::optional<Address>& reward_contract) {
    IOSWARM_DO(check_agent_id(agent_id));
    if (static_cast<std::uint32_t>(request.capability) > kMaxTaskLevel)
        return refuse("capability: not a level from 0 to 3");
    IOSWARM_DO(check_agent_label("region", request.region));
    IOSWARM_DO(check_agent_label("version", request.version));
    return read_wallet(request.wallet_address, reward_contract);
}

}  // namespace ioswarm
