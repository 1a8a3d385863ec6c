// SPDX-License-Identifier: Apache-2.0
// Checks that the shipped units and the shipped example fit together, and that the example with all its keys is
// a valid configuration.
#include <filesystem>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include <catch2/catch.hpp>

#include "cli/config/file.hpp"
#include "cli/config/keys.hpp"
#include "test/cli/run_cli.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm;
using namespace ioswarm::cli;

namespace {

std::string dist(const std::string& name) {
    const std::string path = std::string(IOSWARM_DIST) + "/" + name;
    REQUIRE(std::filesystem::exists(path));
    return test::whole_file(path);
}

/// Returns a unit's values of one setting, including those in comments.
std::set<std::string> settings(const std::string& unit, const std::string& name) {
    std::set<std::string> out;
    std::istringstream lines(unit);
    const std::regex form("#?" + name + "=(.*)");
    std::smatch match;
    for (std::string line; std::getline(lines, line);) {
        if (std::regex_match(line, match, form)) out.insert(match[1]);
    }
    return out;
}

/// Uncomments the example's keys: removes each "# " that stands in front of a key.
std::string everything(const std::string& example) {
    return std::regex_replace(example, std::regex("(^|\n)( +)# ( *[a-zA-Z0-9]+:( [^ ]+)?)(?=\n)"), "$1$2$3");
}

}  // namespace

TEST_CASE("the systemd unit passes the credentials that the example names, under the same names", "[dist]") {
    const std::string unit = dist("ioswarm.service");
    const std::string example = dist("ioswarm.yaml");
    const auto credentials = settings(unit, "LoadCredential");
    CHECK(credentials.size() == 6);
    for (const std::string& credential : credentials) {
        INFO(credential);
        const std::string name = credential.substr(0, credential.find(':'));
        const std::string path = credential.substr(credential.find(':') + 1);
        CHECK(path == "/etc/ioswarm/" + name);
        const bool by_unit = unit.find("%d/" + name) != std::string::npos;
        const bool by_example =
            example.find("${CREDENTIALS_DIRECTORY:/etc/ioswarm}/" + name) != std::string::npos;
        CHECK((by_unit || by_example));
        // Every secret can be stored encrypted. A certificate is not a secret.
        const bool encrypted =
            settings(unit, "LoadCredentialEncrypted").count(name + ":" + path + ".cred") == 1;
        CHECK(encrypted == (name != "fullchain.pem"));
    }
    // None of these lines is active, because systemd refuses to start a unit whose files are missing.
    CHECK(unit.find("\nLoadCredentialEncrypted=") == std::string::npos);
    CHECK(settings(unit, "User") == std::set<std::string>{"ioswarm"});
    CHECK(settings(unit, "DynamicUser").empty());
    CHECK(settings(unit, "RestartPreventExitStatus") == std::set<std::string>{"64 65 77 78"});
    CHECK(settings(unit, "RestartSec") == std::set<std::string>{"15"});
    CHECK(settings(unit, "StartLimitIntervalSec") == std::set<std::string>{"60"});
    CHECK(settings(unit, "StartLimitBurst") == std::set<std::string>{"5"});
    CHECK(dist("ioswarm.sysusers").find("\nu ioswarm ") != std::string::npos);
    CHECK(settings(dist("ioswarm-snapshot-roll.service"), "DynamicUser").empty());
}

TEST_CASE("the unit for settle has its key as a credential, and the timer starts it", "[dist]") {
    const std::string unit = dist("ioswarm-settle.service");
    CHECK(settings(unit, "Type") == std::set<std::string>{"oneshot"});
    CHECK(settings(unit, "User") == settings(dist("ioswarm.service"), "User"));
    CHECK(settings(unit, "StateDirectory") == settings(dist("ioswarm.service"), "StateDirectory"));
    CHECK(settings(unit, "SuccessExitStatus") == std::set<std::string>{"75"});
    const auto credentials = settings(unit, "LoadCredential");
    CHECK(credentials.size() == 2);
    for (const std::string& credential : credentials) {
        INFO(credential);
        const std::string name = credential.substr(0, credential.find(':'));
        CHECK(credential == name + ":/etc/ioswarm/" + name);
        CHECK(settings(unit, "LoadCredentialEncrypted").count(credential + ".cred") == 1);
        CHECK((unit.find("--key-credential " + name) != std::string::npos ||
               unit.find("--password-file %d/" + name) != std::string::npos));
    }
    // The unit of `ioswarm serve` does not get the key that signs settlements.
    CHECK(dist("ioswarm.service").find("reward.key") == std::string::npos);
    CHECK(settings(dist("ioswarm-settle.timer"), "WantedBy") == std::set<std::string>{"timers.target"});
    CHECK(settings(dist("ioswarm-settle.timer"), "OnCalendar").size() == 1);
}

TEST_CASE("the files that start a settlement use only options that the command has", "[dist]") {
    const std::string help = ioswarm::test::run_cli({"settle", "--help"}).out;
    const std::string serve = ioswarm::test::run_cli({"serve", "--help"}).out;
    const std::regex option("--[a-z][a-z-]*");
    for (const char* name : {"ioswarm-settle.service", "ioswarm-settle.cron"}) {
        std::istringstream lines(dist(name));
        std::size_t found = 0;
        for (std::string line; std::getline(lines, line);) {
            if (line.find("ioswarm settle --") == std::string::npos) continue;
            for (std::sregex_iterator it(line.begin(), line.end(), option), end; it != end; ++it, ++found) {
                INFO(name << ": " << it->str());
                CHECK(
                    (help.find(it->str()) != std::string::npos || serve.find(it->str()) != std::string::npos));
            }
        }
        CHECK(found >= 3);
    }
    const std::string script = std::string(IOSWARM_DIST) + "/ioswarm-settle.cron";
    CHECK((std::filesystem::status(script).permissions() & std::filesystem::perms::owner_exec) !=
          std::filesystem::perms::none);
}

TEST_CASE("each line of the crontab example runs a shipped script as the service's user, behind a lock",
          "[dist]") {
    const std::regex job(
        R"(\S+ \S+ \S+ \S+ \S+ +ioswarm +flock -n /run/lock/\S+\.lock /usr/local/share/ioswarm/(\S+))");
    std::istringstream lines(dist("ioswarm.cron.d"));
    std::size_t jobs = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line.front() == '#' || line.find('=') < line.find(' ')) continue;
        INFO(line);
        std::smatch match;
        REQUIRE(std::regex_match(line, match, job));
        CHECK(std::filesystem::exists(std::string(IOSWARM_DIST) + "/" + match[1].str()));
        ++jobs;
    }
    CHECK(jobs == 2);
}

TEST_CASE("every key of the example exists, and its files are those of the unit or of /etc", "[dist]") {
    for (const bool under_systemd : {false, true}) {
        const Environment environment = [=](const std::string& name) -> std::optional<std::string> {
            if (under_systemd && name == "CREDENTIALS_DIRECTORY") return "/run/credentials/ioswarm.service";
            return std::nullopt;
        };
        const FileSection section =
            parse_config_text(everything(dist("ioswarm.yaml")), "ioswarm.yaml", environment);
        for (const Error& problem : section.problems)
            FAIL_CHECK(problem.text());
        std::set<std::string> names;
        for (const FileEntry& entry : section.entries) {
            const auto keys = config_keys();
            const auto known = std::find_if(keys.begin(), keys.end(),
                                            [&](const KeyRow& key) { return key.name == entry.name; });
            INFO(entry.name);
            CHECK(known != keys.end());
            names.insert(entry.name);
            if (entry.name == "tls.key") {
                CHECK(entry.text == (under_systemd ? "/run/credentials/ioswarm.service/privkey.pem"
                                                   : "/etc/ioswarm/privkey.pem"));
            }
        }
        for (const char* optional : {"node.diffsKeyFile", "tls.cert", "tls.key", "agents.allowed",
                                     "masterSecretFile", "rewardContract", "settlement.maxPerDayIOTX"})
            CHECK(names.count(optional) == 1);
    }
}
