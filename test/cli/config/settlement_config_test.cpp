// SPDX-License-Identifier: Apache-2.0
// The settlement keys: which values are accepted, which are refused, and which messages the start prints about
// them.
#include <algorithm>

#include <catch2/catch.hpp>

#include "cli/config/config.hpp"
#include "cli/config/keys.hpp"
#include "cli/config/urls.hpp"
#include "cli/config/value.hpp"
#include "cli/serve/settings.hpp"
#include "cli/serve/start_warnings.hpp"
#include "test/support/temp_dir.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;
using ioswarm::test::TempDir;

namespace {

constexpr const char* kContract = "rewardContract: '0x236CBF52125E68Db8fA88b893CcaFB2EE542F2d9'";

tl::expected<LoadedConfig, std::vector<Error>> load_yaml(const TempDir& dir, const std::string& yaml) {
    ConfigSources sources;
    sources.environment = [](const std::string& name) -> std::optional<std::string> {
        return name == "HOME" ? std::optional<std::string>("/home/operator") : std::nullopt;
    };
    sources.files = {dir.write("c.yaml", "ioswarm: {" + yaml + "}")};
    return load_config(sources);
}

ServeConfig settings_of(const std::string& yaml) {
    const TempDir dir;
    const auto loaded = load_yaml(dir, yaml);
    if (!loaded) FAIL(loaded.error().front().text());
    return loaded->settings;
}

/// Returns the keys that the errors name.
std::vector<std::string> refused_keys(const std::string& yaml) {
    const TempDir dir;
    std::vector<std::string> out;
    const auto loaded = load_yaml(dir, yaml);
    if (loaded) return out;
    for (const Error& error : loaded.error())
        out.push_back(error.which);
    return out;
}

std::vector<std::string> warnings_about(const std::string& yaml, const std::string& word) {
    std::vector<std::string> out;
    for (const StartWarning& warning : start_warnings(settings_of(yaml), "127.0.0.1")) {
        if (warning.text.find(word) != std::string::npos) out.push_back(warning.text);
    }
    return out;
}

}  // namespace

TEST_CASE("the settlement keys have the reference's defaults", "[settlement]") {
    const ServeConfig config = settings_of("");
    CHECK_FALSE(config.settlement_enabled);
    CHECK(config.settlement_push);
    CHECK(config.settlement_every_epochs == 1);
    CHECK(config.settlement_min_payout_iotx == Decimal{});
    CHECK(config.settlement_max_gas_price_gwei == 2000);
    CHECK(config.settlement_max_gas_percent == 10);
    CHECK(config.settlement_block_gas_limit == 25'000'000);
    CHECK(config.min_epoch_seconds == 30);
    CHECK(coordinator_settings(config).rewards.min_epoch_duration == std::chrono::seconds(30));
}

TEST_CASE("an endpoint may be one or a list, in a file also as a YAML list", "[settlement]") {
    CHECK(parse_http_urls(settings_of("rewardRpcUrl: 'http://a'").reward_rpc_url) ==
          std::vector<std::string>{"http://a"});
    const std::vector<std::string> both{"http://a:1", "https://b/x"};
    CHECK(parse_http_urls(settings_of("rewardRpcUrl: ['http://a:1', 'https://b/x']").reward_rpc_url) == both);
    CHECK(parse_http_urls(settings_of("rewardRpcUrl: 'http://a:1, https://b/x'").reward_rpc_url) == both);
    CHECK_FALSE(refused_keys("rewardRpcUrl: ['http://a', 'ftp://b']").empty());
    CHECK_FALSE(refused_keys("rewardRpcUrl: []").empty());
    // Two endpoints are two witnesses, so one may not be named twice.
    for (const char* twice : {"['http://a', 'http://a']", "['http://A:80/', 'http://a']",
                              "['http://a/x', 'http://u:p@a/x/']", "['https://a:443', 'https://a']"})
        CHECK_FALSE(refused_keys(std::string("rewardRpcUrl: ") + twice).empty());
    for (const char* both_good :
         {"['http://a', 'https://a']", "['http://a/x', 'http://a/X']", "['http://a', 'http://a:81']"})
        CHECK(refused_keys(std::string("rewardRpcUrl: ") + both_good).empty());
    CHECK_FALSE(refused_keys("rewardRpcUrl: [['http://a']]").empty());
    CHECK_FALSE(refused_keys("grpcPort: [1]").empty());

    const TempDir dir;
    const auto loaded = load_yaml(dir, "rewardRpcUrl: ['http://u:p@a', 'https://me:pw@b/x']");
    REQUIRE(loaded);
    const auto keys = config_keys();
    const auto at =
        std::find_if(keys.begin(), keys.end(), [](const KeyRow& key) { return key.name == "rewardRpcUrl"; });
    CHECK(shown_value(static_cast<std::size_t>(at - keys.begin()), *loaded) ==
          "http://********@a, https://********@b/********");
}

TEST_CASE("a reward contract needs no key, and the key's file is not opened", "[settlement]") {
    CHECK(settings_of(kContract).reward_signer_key_file.empty());
    const TempDir dir;
    const std::string missing = dir.path("none");
    const ServeConfig config = settings_of(std::string(kContract) + ", rewardSignerKeyFile: " + missing);
    CHECK(config.reward_signer_key_file == missing);
    CHECK(config.reward_signer_key.empty());
    CHECK(missing_files(config).empty());
    CHECK(refused_keys("rewardSignerKeyFile: " + missing) == std::vector<std::string>{"rewardContract"});
}

TEST_CASE("serve with settlement enabled needs contract, key and limits", "[settlement]") {
    CHECK(refused_keys("settlement: {enabled: true}") ==
          std::vector<std::string>{"rewardContract", "rewardSignerKeyFile", "settlement.maxPerSettlementIOTX",
                                   "settlement.maxPerDayIOTX"});
    const TempDir dir;
    const ServeConfig config =
        settings_of(std::string(kContract) + ", rewardSignerKeyFile: " + dir.path("none") +
                    ", settlement: {enabled: true, maxPerSettlementIOTX: 5, maxPerDayIOTX: 7.5}");
    const auto missing = missing_files(config);
    REQUIRE(missing.size() == 1);
    CHECK(missing.front().which == "rewardSignerKeyFile");
    CHECK(warnings_about(std::string(kContract) + ", rewardSignerKeyFile: " + dir.path("none") +
                             ", settlement: {enabled: true, maxPerSettlementIOTX: 5, maxPerDayIOTX: 7.5}",
                         "ioswarm settle")
              .empty());
    CHECK(spending_limit(config) ==
          "settlements spend at most 7.5 IOTX per day and 5 IOTX each, value and gas");
}

TEST_CASE("a start with contract and key that pays nothing warns, and names who pays", "[settlement]") {
    const auto warnings = warnings_about(
        std::string(kContract) + ", rewardSignerKeyFile: /etc/ioswarm/reward.key", "serve pays nothing");
    REQUIRE(warnings.size() == 1);
    CHECK(warnings.front().find("ioswarm settle") != std::string::npos);
    CHECK(warnings_about(kContract, "serve pays nothing").empty());
    CHECK(spending_limit(settings_of(kContract)) ==
          "settlement.maxPerDayIOTX is not set: nothing can be paid before it is");
    CHECK(spending_limit(settings_of("")).empty());
}

TEST_CASE("epochs may be shorter for tests, with a warning", "[settlement]") {
    CHECK(coordinator_settings(settings_of("reward: {minEpochSeconds: 2}")).rewards.min_epoch_duration ==
          std::chrono::seconds(2));
    CHECK(warnings_about("reward: {minEpochSeconds: 29}", "reward.minEpochSeconds").size() == 1);
    CHECK(warnings_about("reward: {minEpochSeconds: 30}", "reward.minEpochSeconds").empty());
    CHECK_FALSE(refused_keys("reward: {minEpochSeconds: 0}").empty());
}
