// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "core/auth/access.hpp"
#include "core/crypto/hmac.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;

namespace {

std::unique_ptr<AccessControl> open_access(AccessSettings settings) {
    auto access = AccessControl::open(std::move(settings));
    REQUIRE(access.has_value());
    return std::move(*access);
}

std::string refusal(const Status& status) {
    return status ? "" : std::string(to_string(status.error().code)) + ": " + status.error().text();
}

}  // namespace

TEST_CASE("an agent's own token is accepted every time", "[access]") {
    const auto access = open_access({"test-secret", "", ""});
    for (int i = 0; i < 3; ++i)
        CHECK(access->check("agent-01", agent_token("test-secret", "agent-01")).has_value());
}

TEST_CASE("a key is known after it was accepted once", "[access]") {
    const auto access = open_access({"test-secret", "", ""});
    const auto key = agent_token("test-secret", "agent-01");
    CHECK_FALSE(access->knows("agent-01", key));
    REQUIRE(access->check("agent-01", key).has_value());
    CHECK(access->knows("agent-01", key));
    CHECK_FALSE(access->knows("agent-01", key + "0"));
    CHECK_FALSE(access->knows("agent-02", key));
    CHECK_FALSE(access->check("agent-03", key).has_value());
    CHECK_FALSE(access->knows("agent-03", key));
}

TEST_CASE("refusals have the exact texts that deployed agents know", "[access]") {
    const auto access = open_access({"test-secret", "", ""});
    CHECK(refusal(access->check("", "x")) == "unauthenticated: missing agent ID");
    CHECK(refusal(access->check("agent-01", "")) == "unauthenticated: missing auth token");
    CHECK(refusal(access->check("agent-01", "iosw_00")) == "unauthenticated: invalid auth token");
}

TEST_CASE("another agent's token, another secret, another case and another length are refused", "[access]") {
    const auto access = open_access({"test-secret", "", ""});
    const auto good = agent_token("test-secret", "agent-01");
    REQUIRE(access->check("agent-01", good).has_value());
    std::vector<std::pair<std::string, std::string>> bad{
        {"agent-02", good},
        {"Agent-01", good},
        {"agent-01 ", good},
        {std::string("agent-01\0", 9), good},
        {"agent-01", agent_token("test-secret ", "agent-01")},
        {"agent-01", good + "0"},
        {"agent-01", good.substr(0, good.size() - 1)},
        {"agent-01", "IOSW_" + good.substr(5)},
    };
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto changed = good;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        bad.emplace_back("agent-01", changed);
    }
    for (const auto& [id, token] : bad) {
        INFO(id << " with " << token);
        CHECK(refusal(access->check(id, token)) == "unauthenticated: invalid auth token");
    }
}

TEST_CASE("an invalid agent id is refused even with the token that belongs to it", "[access]") {
    const auto access = open_access({"s", "", ""});
    for (const std::string id : {"a b", "a\nb", "\x7f", "caf\xc3\xa9"}) {
        CHECK_FALSE(access->check(id, agent_token("s", id)).has_value());
    }
    const std::string longest(kMaxAgentIdBytes, 'x');
    CHECK(access->check(longest, agent_token("s", longest)).has_value());
    CHECK_FALSE(access->check(longest + "x", agent_token("s", longest + "x")).has_value());
}

TEST_CASE("without a secret only the lists decide who may connect", "[access]") {
    const test::TempDir dir;
    const auto access = open_access({"", "", dir.write("revoked", "bad\n")});
    CHECK_FALSE(access->has_secret());
    CHECK(access->check("anyone", "").has_value());
    CHECK(refusal(access->check("bad", "")) == "permission_denied: agent is revoked");
}

TEST_CASE("an agent's key can be revoked while the daemon runs", "[access][defect-24]") {
    const test::TempDir dir;
    const auto revoked = dir.write("revoked", "# gone\n\n  one  # with a comment\r\n");
    const auto access = open_access({"s", "", revoked});
    CHECK(refusal(access->check("one", agent_token("s", "one"))) == "permission_denied: agent is revoked");
    REQUIRE(access->check("two", agent_token("s", "two")).has_value());

    (void)dir.write("revoked", "two\n");
    const std::vector<std::string> connected{"two", "three"};
    const auto barred = access->reload(connected);
    REQUIRE(barred.has_value());
    CHECK(*barred == std::vector<std::string>{"two"});
    CHECK(access->check("one", agent_token("s", "one")).has_value());
    CHECK_FALSE(access->check("two", agent_token("s", "two")).has_value());
}

TEST_CASE("a wrong token of a revoked agent is refused as a wrong token", "[access]") {
    const test::TempDir dir;
    const auto access = open_access({"s", "", dir.write("revoked", "one\n")});
    CHECK(refusal(access->check("one", "iosw_1")) == "unauthenticated: invalid auth token");
}

TEST_CASE("with a list of allowed agents all other agents are refused", "[access]") {
    const test::TempDir dir;
    const auto allowed = dir.write("allowed", "one\ntwo\n");
    const auto access = open_access({"s", allowed, ""});
    CHECK(access->check("one", agent_token("s", "one")).has_value());
    CHECK(refusal(access->check("three", agent_token("s", "three"))) ==
          "permission_denied: agent is not allowed");
    (void)dir.write("allowed", "# nobody\n");
    const std::vector<std::string> connected{"one", "two"};
    CHECK(access->reload(connected).value() == connected);
}

TEST_CASE("a list that cannot be read is refused with file and line, and the old one stays in force",
          "[access]") {
    const test::TempDir dir;
    CHECK(AccessControl::open({"s", dir.path("absent"), ""}).error().code == ErrorCode::not_found);
    // Neither call blocks, although nobody ever writes into the pipe.
    REQUIRE(::mkfifo(dir.path("pipe").c_str(), 0600) == 0);
    for (const std::string& odd : {dir.path("pipe"), dir.path(".")}) {
        const auto refused = AccessControl::open({"s", "", odd});
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == ErrorCode::config);
        CHECK(refused.error().text() ==
              "cannot read the list of agents: " + odd + ": it is not a regular file");
    }
    CHECK(AccessControl::open({"s", "", "/dev/null"}));
    // A line without an end takes no memory.
    const auto endless = AccessControl::open({"s", "", "/dev/zero"});
    REQUIRE_FALSE(endless);
    CHECK(endless.error().code == ErrorCode::config);
    CHECK(endless.error().which == "/dev/zero:1");
    CHECK(endless.error().why == "longer than 4096 bytes");
    const auto revoked = dir.write("revoked", "one\n");
    const auto access = open_access({"s", "", revoked});
    (void)dir.write("revoked", "two\nthree four\n");
    const auto failed = access->reload({});
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == ErrorCode::config);
    CHECK(failed.error().which == revoked + ":2");
    CHECK_FALSE(access->allowed("one").has_value());
    CHECK(access->allowed("two").has_value());
}

TEST_CASE("tokens are checked correctly when there are more ids than the cache holds", "[access]") {
    const auto access = open_access({"s", "", ""});
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 9000; ++i) {
            const auto id = "agent-" + std::to_string(i);
            if (!access->check(id, agent_token("s", id))) FAIL(id);
        }
    }
    CHECK_FALSE(access->check("agent-1", agent_token("s", "agent-2")).has_value());
}

TEST_CASE("a viewer may read and can never register", "[access]") {
    const auto access = open_access({"test-secret", "", ""});
    // From: printf 'viewer\nprometheus' | openssl dgst -sha256 -hmac test-secret
    const std::string key = "iosv_c01fd5729de50b28bf903412ce9e8b4161bc838da0fff7782bc87452f1849689";
    CHECK(viewer_token("test-secret", "prometheus") == key);
    CHECK(access->may_read("prometheus", key).has_value());
    CHECK(refusal(access->check("prometheus", key)) == "unauthenticated: invalid auth token");
    CHECK(refusal(access->check("viewer\nprometheus", key)) == "unauthenticated: invalid auth token");
    const std::string as_agent = "iosw_" + key.substr(5);
    for (const std::string id : {"prometheus", "viewer\nprometheus", "viewer:prometheus"})
        CHECK(refusal(access->check(id, as_agent)) == "unauthenticated: invalid auth token");
}

TEST_CASE("an agent may read with its own key", "[access]") {
    const auto access = open_access({"test-secret", "", ""});
    CHECK(access->may_read("agent-01", agent_token("test-secret", "agent-01")).has_value());
    CHECK(refusal(access->may_read("agent-01", "iosw_00")) == "unauthenticated: invalid auth token");
    CHECK(refusal(access->may_read("", "iosw_00")) == "unauthenticated: missing agent ID");
}

TEST_CASE("a viewer's key is valid for its own name and secret only", "[access]") {
    const auto access = open_access({"test-secret", "", ""});
    const std::string key = viewer_token("test-secret", "prometheus");
    for (const auto& [name, token] : std::vector<std::pair<std::string, std::string>>{
             {"grafana", key},
             {"", key},
             {"prometheus\n", key},
             {"prometheus", key + "0"},
             {"prometheus", "iosv_"},
             {"prometheus", viewer_token("other-secret", "prometheus")},
             {"prometheus", "iosv_" + agent_token("test-secret", "prometheus").substr(5)}}) {
        CAPTURE(name, token);
        CHECK(refusal(access->may_read(name, token)) == "unauthenticated: invalid auth token");
    }
}

TEST_CASE("a viewer is revoked by a line of its own, and need not be on the list of allowed agents",
          "[access]") {
    const test::TempDir dir;
    const std::string allowed = dir.write("allowed", "agent-01\n");
    const std::string revoked = dir.write("revoked", "prometheus\n");
    const auto access = open_access({"test-secret", allowed, revoked});
    const std::string key = viewer_token("test-secret", "prometheus");
    CHECK(access->may_read("prometheus", key).has_value());
    dir.write("revoked", "viewer:prometheus  # left the team\n");
    REQUIRE(access->reload({}).has_value());
    CHECK(refusal(access->may_read("prometheus", key)) == "permission_denied: viewer is revoked");
    CHECK(access->may_read("grafana", viewer_token("test-secret", "grafana")).has_value());
}

TEST_CASE("keys of the old secret are accepted until its end and not a moment longer", "[access]") {
    using std::chrono::system_clock;
    const auto until = system_clock::time_point(std::chrono::hours(1'000'000));
    system_clock::time_point now = until - std::chrono::seconds(1);
    AccessSettings settings{"new", "", ""};
    settings.old_secret = "old";
    settings.old_until = until;
    settings.now = [&] { return now; };
    const auto access = open_access(std::move(settings));
    for (int i = 0; i < 2; ++i) {
        CHECK(access->check("a", agent_token("old", "a")));
        CHECK(access->check("a", agent_token("new", "a")));
        CHECK(access->check("b", agent_token("new", "b")));
        CHECK(refusal(access->check("a", agent_token("older", "a"))) == "unauthenticated: invalid auth token");
        CHECK(refusal(access->check("a", agent_token("old", "b"))) == "unauthenticated: invalid auth token");
    }
    now = until;
    CHECK(refusal(access->check("a", agent_token("old", "a"))) == "unauthenticated: invalid auth token");
    CHECK(refusal(access->check("c", agent_token("old", "c"))) == "unauthenticated: invalid auth token");
    CHECK(access->check("a", agent_token("new", "a")));
}

TEST_CASE("agents with keys of the old secret are counted until they change the key or stay away", "[access]") {
    auto now = std::chrono::system_clock::time_point(std::chrono::hours(500'000));
    AccessSettings settings{"new", "", ""};
    settings.old_secret = "old";
    settings.old_until = now + std::chrono::hours(24);
    settings.now = [&] { return now; };
    const auto access = open_access(std::move(settings));
    CHECK(access->agents_on_old_secret() == 0);
    for (const std::string id : {"a", "b"})
        CHECK(access->check(id, agent_token("old", id)));
    CHECK(access->check("c", agent_token("new", "c")));
    CHECK_FALSE(access->check("d", "iosw_00"));
    CHECK(access->agents_on_old_secret() == 2);
    CHECK(access->check("a", agent_token("new", "a")));
    CHECK(access->agents_on_old_secret() == 1);
    now += std::chrono::minutes(11);
    CHECK(access->agents_on_old_secret() == 0);
    CHECK(open_access({"new", "", ""})->agents_on_old_secret() == 0);
}

TEST_CASE("in a pattern * stands for any characters and ? for one", "[access]") {
    const auto matches = [](std::string_view pattern, std::string_view id) {
        return agent_matches(pattern, id);
    };
    CHECK(matches("bot-*", "bot-1"));
    CHECK(matches("bot-*", "bot-"));
    CHECK_FALSE(matches("bot-*", "robot-1"));
    CHECK(matches("*-eu-*", "a-eu-b-eu-c"));
    CHECK_FALSE(matches("*-eu-?", "a-eu-bc"));
    CHECK(matches("*-eu-?", "a-eu-bc-eu-d"));
    CHECK(matches("a?c", "abc"));
    CHECK_FALSE(matches("a?c", "ac"));
    CHECK(matches("**", ""));
    CHECK_FALSE(matches("?", ""));
    CHECK_FALSE(matches("", "a"));
    CHECK(matches("[a]", "[a]"));
    CHECK_FALSE(matches("[a]", "a"));
    // The worst case of naive matching ends at once.
    CHECK_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(128, 'a')));
}

TEST_CASE("patterns can deny and allow agents", "[access]") {
    const test::TempDir dir;
    const auto access =
        open_access({"", dir.write("allowed", "eu-*  # ours\n"), dir.write("revoked", "*-test\neu-9\n")});
    CHECK(access->allowed("eu-1"));
    CHECK(refusal(access->allowed("us-1")) == "permission_denied: agent is not allowed");
    CHECK(refusal(access->allowed("eu-test")) == "permission_denied: agent is revoked");
    CHECK(refusal(access->allowed("eu-9")) == "permission_denied: agent is revoked");
}

TEST_CASE("a list has at most 1,000 patterns, because each call is compared with all", "[access]") {
    const test::TempDir dir;
    std::string text;
    for (int i = 0; i < 1'000; ++i)
        text += std::to_string(i) + "*\n";
    CHECK(AccessControl::open({"s", "", dir.write("revoked", text)}));
    const auto refused = AccessControl::open({"s", "", dir.write("revoked", text + "x*\n")});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::config);
    CHECK(refused.error().which == dir.path("revoked") + ":1001");
}

TEST_CASE("a list that may be missing counts as empty until it exists", "[access]") {
    const test::TempDir dir;
    AccessSettings settings{"", "", dir.path("revoked")};
    settings.revoked_may_be_missing = true;
    const auto access = open_access(std::move(settings));
    CHECK(access->allowed("one"));
    (void)dir.write("revoked", "one\n");
    REQUIRE(access->reload({}));
    CHECK_FALSE(access->allowed("one"));
}

TEST_CASE("the list files can be replaced at run time, and an invalid file changes nothing", "[access]") {
    const test::TempDir dir;
    const auto access = open_access({"", "", dir.write("old", "one\n")});
    CHECK(access->use_lists({"", dir.write("bad", "two words\n"), false}).error().which ==
          dir.path("bad") + ":1");
    CHECK(access->use_lists({dir.path("absent"), "", true}).error().code == ErrorCode::not_found);
    CHECK_FALSE(access->allowed("one"));
    REQUIRE(access->use_lists({dir.write("allowed", "one\n"), "", false}));
    CHECK(access->allowed("one"));
    CHECK_FALSE(access->allowed("two"));
    REQUIRE(access->reload({}));
    CHECK_FALSE(access->allowed("two"));
}
