// SPDX-License-Identifier: Apache-2.0
// What the Debian package, the tarball and the container ship besides the program: every path and every command
// that these files name must exist.
#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include <stdlib.h>

#include <yaml-cpp/yaml.h>
#include <catch2/catch.hpp>

#include "test/support/program.hpp"
#include "test/support/whole_file.hpp"

using namespace ioswarm::test;
namespace fs = std::filesystem;

namespace {

const fs::path kSource = IOSWARM_SOURCE;

std::string content(const fs::path& path) {
    INFO(path);
    REQUIRE(fs::exists(path));
    return ioswarm::test::whole_file(path);
}

std::vector<std::string> lines_with(const std::string& text, const std::string& start) {
    std::vector<std::string> out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(start)) out.push_back(line.substr(start.size()));
    }
    return out;
}

/// The installed files below a temporary folder, as the Debian package has them (prefix /usr).
class InstalledFiles {
  public:
    InstalledFiles() {
        char name[] = "/tmp/ioswarm_install_XXXXXX";
        if (mkdtemp(name) == nullptr) FAIL("no temporary folder");
        root_ = name;
        const ProgramRun run =
            run_program({"/usr/bin/env", "cmake", "-DCMAKE_INSTALL_PREFIX=/usr",
                         "-DIOSWARM_DIST=" IOSWARM_SOURCE "/cli/dist", "-DIOSWARM_PROGRAM=" IOSWARM_BINARY,
                         "-P", IOSWARM_SOURCE "/packaging/install_files.cmake"},
                        {"DESTDIR=" + root_.string()});
        INFO(run.err);
        REQUIRE(run.code == 0);
    }
    ~InstalledFiles() {
        std::error_code ignored;
        fs::remove_all(root_, ignored);
    }
    InstalledFiles(const InstalledFiles&) = delete;
    InstalledFiles& operator=(const InstalledFiles&) = delete;
    [[nodiscard]] fs::path operator/(const std::string& path) const { return root_ / path; }

  private:
    fs::path root_;
};

std::string help_of(const std::string& command) {
    const ProgramRun run = run_program({IOSWARM_BINARY, command, "--help"});
    CHECK(run.code == 0);
    return run.out;
}

/// Checks a command line of the program, given as its words after the program's name.
void check_command(const std::vector<std::string>& words) {
    REQUIRE_FALSE(words.empty());
    const std::string help = help_of(words.front());
    for (const std::string& word : words) {
        if (!word.starts_with("--")) continue;
        INFO(words.front() << " " << word);
        const std::regex option("[ ,]" + word + "[ ,\n]");
        CHECK(std::regex_search(help, option));
    }
}

std::vector<std::string> json_words(const std::string& list) {
    std::vector<std::string> out;
    for (const YAML::Node& word : YAML::Load(list))
        out.push_back(word.as<std::string>());
    return out;
}

}  // namespace

TEST_CASE("installed files use the prefix under which they are installed", "[packaging]") {
    const InstalledFiles installed;
    for (const char* name :
         {"ioswarm.service", "ioswarm-settle.service", "ioswarm-settle.timer", "ioswarm-snapshot.service",
          "ioswarm-snapshot.timer", "ioswarm-snapshot-roll.service", "ioswarm-snapshot-roll.timer"}) {
        const std::string unit = content(installed / ("usr/lib/systemd/system/" + std::string(name)));
        for (const std::string& command : lines_with(unit, "ExecStart="))
            CHECK(command.starts_with("/usr/bin/ioswarm "));
    }
    CHECK(content(installed / "usr/lib/sysusers.d/ioswarm.conf").find("u ioswarm ") != std::string::npos);
    CHECK(fs::exists(installed / "usr/share/doc/ioswarm/examples/ioswarm.yaml"));
    CHECK(fs::exists(installed / "usr/share/ioswarm/docker/compose.yaml"));
    for (const char* file :
         {"usr/share/bash-completion/completions/ioswarm", "usr/share/zsh/vendor-completions/_ioswarm",
          "usr/share/fish/vendor_completions.d/ioswarm.fish"})
        CHECK(content(installed / file).find("snapshot export") != std::string::npos);
    for (const char* script : {"ioswarm-settle.cron", "deploy-rewards.sh"}) {
        const fs::path path = installed / ("usr/share/ioswarm/" + std::string(script));
        CHECK((fs::status(path).permissions() & fs::perms::others_exec) != fs::perms::none);
        CHECK(content(path).find("/usr/local/share/") == std::string::npos);
    }
}

TEST_CASE("every path and command in the Dockerfile exists", "[packaging]") {
    const std::string dockerfile = content(kSource / "cli/dist/docker/Dockerfile");
    CHECK(lines_with(dockerfile, "RUN ./dev ") == std::vector<std::string>{"package"});
    CHECK(content(kSource / "dev").find("\n    package)\n") != std::string::npos);
    // The folder into which `./dev package` writes, and the one that the image copies from.
    CHECK(content(kSource / "dev").find("build/package") != std::string::npos);
    CHECK(dockerfile.find("COPY --from=build /src/build/package/ioswarm_*.deb /tmp/\n") != std::string::npos);
    CHECK(dockerfile.find("docker build -f cli/dist/docker/Dockerfile") != std::string::npos);
    CHECK(lines_with(dockerfile, "USER ") == std::vector<std::string>{"10001:10001"});
    CHECK(lines_with(dockerfile, "VOLUME ") == std::vector<std::string>{"/var/lib/ioswarm"});
    CHECK(lines_with(dockerfile, "STOPSIGNAL ") == std::vector<std::string>{"SIGTERM"});
    CHECK(lines_with(dockerfile, "ENTRYPOINT ") == std::vector<std::string>{"[\"/usr/bin/ioswarm\"]"});
    const auto start = lines_with(dockerfile, "CMD ");
    REQUIRE(start.size() == 1);
    check_command(json_words(start.front()));
    const auto check = lines_with(dockerfile, "HEALTHCHECK CMD ");
    REQUIRE(check.size() == 1);
    auto words = json_words(check.front());
    REQUIRE(words.size() > 1);
    CHECK(words.front() == "ioswarm");
    words.erase(words.begin());
    check_command(words);
}

TEST_CASE("every file that the compose file mounts exists or is one that the user is asked to create",
          "[packaging]") {
    const fs::path folder = kSource / "cli/dist/docker";
    const std::string text = content(folder / "compose.yaml");
    const YAML::Node compose = YAML::Load(text);
    const YAML::Node services = compose["services"];
    std::set<std::string> names;
    for (const auto& service : services) {
        const auto name = service.first.as<std::string>();
        names.insert(name);
        for (const YAML::Node& mount : service.second["volumes"]) {
            const auto spec = mount.as<std::string>();
            const std::string from = spec.substr(0, spec.find(':'));
            INFO(name << ": " << from);
            if (!from.starts_with('.')) {
                CHECK(compose["volumes"][from].IsDefined());
            } else if (!fs::exists(folder / from)) {
                const std::string file = from.substr(2);
                const bool asked_for =
                    text.find("\n#   " + file + " ") != std::string::npos ||
                    (file.starts_with("node/") &&
                     text.find("# put the node's files into the folder node") != std::string::npos);
                CHECK(asked_for);
            }
        }
        for (const YAML::Node& port : service.second["ports"]) {
            const auto spec = port.as<std::string>();
            INFO(name << ": " << spec);
            // Only the port for agents and the node's peer-to-peer port may be open to other machines.
            CHECK((spec == "14689:14689" || spec == "4689:4689" || spec.starts_with("127.0.0.1:")));
        }
        for (const YAML::Node& other : service.second["depends_on"])
            CHECK(services[other.as<std::string>()].IsDefined());
        for (const YAML::Node& secret : service.second["secrets"])
            CHECK(compose["secrets"][secret.as<std::string>()]["file"].IsDefined());
    }
    CHECK(names == std::set<std::string>{"coordinator", "grafana", "node", "prometheus"});
    // The compose file must mount every path that the files beside it name.
    const YAML::Node prometheus = YAML::Load(content(folder / "prometheus.yml"));
    CHECK(prometheus["scrape_configs"][0]["static_configs"][0]["targets"][0].as<std::string>() ==
          "coordinator:14690");
    CHECK(text.find(":" + prometheus["rule_files"][0].as<std::string>() + ":ro") != std::string::npos);
    const auto key = prometheus["scrape_configs"][0]["authorization"]["credentials_file"].as<std::string>();
    CHECK(text.find(":" + key + ":ro") != std::string::npos);
    const YAML::Node dashboards = YAML::Load(content(folder / "grafana-dashboards.yaml"));
    CHECK(text.find(":" + dashboards["providers"][0]["options"]["path"].as<std::string>() +
                    "/ioswarm.json:ro") != std::string::npos);
}

TEST_CASE("the package's scripts are valid shell scripts, and installing starts nothing", "[packaging]") {
    const fs::path folder = kSource / "packaging/debian";
    for (const char* name : {"postinst", "prerm", "postrm"}) {
        INFO(name);
        const ProgramRun run = run_program({"/bin/sh", "-n", (folder / name).string()});
        CHECK(run.err.empty());
        CHECK(run.code == 0);
        CHECK((fs::status(folder / name).permissions() & fs::perms::others_exec) != fs::perms::none);
    }
    const std::string script = content(folder / "postinst");
    CHECK(script.find("systemd-sysusers ioswarm.conf") != std::string::npos);
    CHECK(script.find("daemon-reload") != std::string::npos);
    std::istringstream lines(script);
    const std::regex starting(R"(systemctl.* (start|restart|try-restart|enable|reload-or-restart) )");
    for (std::string line; std::getline(lines, line);) {
        if (line.find("echo ") != std::string::npos) continue;  // only prints a command for the operator
        INFO(line);
        CHECK_FALSE(std::regex_search(line, starting));
    }
    // Purging the package removes neither the data directory nor the keys.
    const std::string purge = content(folder / "postrm");
    CHECK(purge.find("rm -rf") == std::string::npos);
    CHECK(purge.find("rm -f /etc/ioswarm/ioswarm.yaml\n") != std::string::npos);
}
