// SPDX-License-Identifier: Apache-2.0
#include "core/auth/register_checks.hpp"

#include <catch2/catch.hpp>

using namespace ioswarm;

namespace {
std::string why_refused(const Status& status) {
    return status ? "" : status.error().why;
}
RegisterRequest request() {
    return {"agent-01", TaskLevel::l2_state_verify, "us-west", "v0.3", ""};
}
}  // namespace

TEST_CASE("an agent id is 1 to 128 visible ASCII characters", "[defect-39]") {
    CHECK(why_refused(check_agent_id("a")).empty());
    // Unusual, but agents choose their ids freely.
    CHECK(why_refused(check_agent_id("agent.01_x-Y/..<b>&\"'")).empty());
    CHECK(why_refused(check_agent_id(std::string(128, 'x'))).empty());
    CHECK(why_refused(check_agent_id("")) == "agent_id is required");
    CHECK_FALSE(why_refused(check_agent_id(std::string(129, 'x'))).empty());
    for (const char* bad : {"a b", "a\n", "\x1b[2J", "a\x7f", "\xc3\xa4"})
        CHECK_FALSE(why_refused(check_agent_id(bad)).empty());
    CHECK_FALSE(why_refused(check_agent_id(std::string_view("a\0b", 3))).empty());
}

TEST_CASE("region and version are at most 64 printable characters", "[defect-39]") {
    CHECK(why_refused(check_agent_label("region", "")).empty());
    CHECK(why_refused(check_agent_label("region", std::string(64, 'x'))).empty());
    CHECK(why_refused(check_agent_label("region", std::string(65, 'x'))) ==
          "region: longer than 64 characters");
    CHECK(why_refused(check_agent_label("region", std::string(9 << 20, 'x'))) ==
          "region: longer than 64 characters");
    std::string umlauts;
    for (int i = 0; i < 64; ++i)
        umlauts += "\xc3\xa4";
    CHECK(why_refused(check_agent_label("region", umlauts)).empty());
    CHECK(why_refused(check_agent_label("region", umlauts + "\xc3\xa4")) ==
          "region: longer than 64 characters");
    CHECK(why_refused(check_agent_label("version", "\xff")) == "version: not valid UTF-8");
    // C0, DEL, C1, zero width space, line separator, right-to-left override, byte order mark
    for (const char* bad :
         {"a\tb", "\x7f", "\xc2\x85", "\xe2\x80\x8b", "\xe2\x80\xa8", "\xe2\x80\xae", "\xef\xbb\xbf"}) {
        CHECK(why_refused(check_agent_label("version", bad)) == "version: control characters are not allowed");
    }
    CHECK(why_refused(check_agent_label("version", "\xc2\xa0\xe2\x80\x93\xf0\x9f\x90\x9d"))
              .empty());  // no-break space, dash, emoji
}

TEST_CASE("a capability above L4 is refused", "[defect-39]") {
    RegisterRequest bad = request();
    bad.capability = static_cast<TaskLevel>(99);
    const auto checked = check_register("agent-01", bad);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().why == "capability: not a level from 0 to 3");
}

TEST_CASE("a wallet is an address in one of its forms, or empty", "[defect-39]") {
    RegisterRequest named = request();
    REQUIRE(check_register("a", named));
    CHECK_FALSE(check_register("a", named)->wallet);
    named.wallet_address = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
    REQUIRE(check_register("a", named));
    CHECK(to_hex0x((*check_register("a", named)->wallet).view()) ==
          "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    for (const std::string& bad :
         {std::string("wallet"), std::string("0x1234"), std::string("<script>"), std::string(1000, 'f'),
          std::string("0xf39fd6e51aad88f6f4ce6ab8827279cfffb9226"), std::string(40, '0'),
          "0x" + std::string(40, '0')}) {
        named.wallet_address = bad;
        const auto checked = check_register("a", named);
        REQUIRE(checked);
        CHECK_FALSE(checked->wallet);
        CHECK(checked->fault.find("wallet_address: ") == 0);
    }
}

TEST_CASE("given the reward contract's address, when an agent names it as its wallet, then it works unpaid") {
    RegisterRequest named = request();
    named.wallet_address = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
    const Address wallet = *check_register("a", named)->wallet;

    const auto checked = check_register("a", named, wallet);
    REQUIRE(checked);
    CHECK_FALSE(checked->wallet);
    CHECK(checked->fault == "wallet_address: it is the reward contract itself, which cannot be paid");
    Address other = wallet;
    other.bytes[0] ^= 1U;
    CHECK(check_register("a", named, other)->wallet == wallet);
}
