// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <filesystem>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/doctor/doctor.hpp"
#include "cli/doctor/unit_file.hpp"
#include "core/base/atomic_file.hpp"

namespace ioswarm::cli::doctor {
namespace {

constexpr std::size_t kMaxUnitBytes = std::size_t{64} << 10U;
/// systemd takes the first of these that exists.
constexpr std::array<std::string_view, 5> kUnitFolders{"/etc/systemd/system", "/run/systemd/system",
                                                       "/usr/local/lib/systemd/system",
                                                       "/usr/lib/systemd/system", "/lib/systemd/system"};
constexpr std::string_view kUnitName = "ioswarm.service";

/// All values of each setting. The empty value resets a list in systemd.
using Settings = std::map<std::string, std::vector<std::string>>;

/// "/usr/bin/ioswarm serve" becomes "ioswarm serve": a package and a manual installation have different
/// folders.
std::string without_folder(const std::string& command) {
    const std::size_t end = std::min(command.find(' '), command.size());
    const std::size_t slash = command.rfind('/', end);
    return slash == std::string::npos || slash > end ? command : command.substr(slash + 1);
}

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// Joins lines that end with a backslash, as systemd does.
Settings settings_of(std::string_view unit) {
    Settings out;
    std::istringstream lines{std::string(unit)};
    std::string line;
    std::string whole;
    while (std::getline(lines, line)) {
        std::string_view part = trimmed(line);
        if (whole.empty() && (part.empty() || part[0] == '#' || part[0] == ';' || part[0] == '[')) continue;
        const bool goes_on = part.ends_with('\\');
        if (goes_on) part.remove_suffix(1);
        whole += part;
        if (goes_on) continue;
        const std::size_t equals = whole.find('=');
        const std::string name(trimmed(std::string_view(whole).substr(0, equals)));
        std::string value(equals == std::string::npos ? std::string_view()
                                                      : trimmed(std::string_view(whole).substr(equals + 1)));
        whole.clear();
        if (name.starts_with("LoadCredential") || name.starts_with("SetCredential")) continue;
        out[name].push_back(name == "ExecStart" ? without_folder(value) : std::move(value));
    }
    return out;
}

std::string listed(const std::vector<std::string>& values) {
    return fmt::format("{}", fmt::join(values, " "));
}

void report_unit(CheckReport& report, const std::string& path, std::string_view text) {
    const std::vector<std::string> differences = unit_differences(text, kShippedUnit);
    std::error_code failed;
    std::string drop_ins;
    if (std::filesystem::is_directory(report.subject.root + "/etc/systemd/system/ioswarm.service.d", failed))
        drop_ins = "; a drop-in in /etc/systemd/system/ioswarm.service.d changes it and was not compared";
    if (differences.empty()) {
        report.ok(fmt::format("{} is like the shipped one{}", path, drop_ins));
        return;
    }
    report.warn(
        fmt::format("{} differs from the shipped one: {}{}", path, fmt::join(differences, ", "), drop_ins),
        "an old or edited unit may lack protections and the rules for restarting",
        fmt::format("install the shipped unit, and make your changes with: systemctl edit {}", kUnitName));
}

}  // namespace

std::vector<std::string> unit_differences(std::string_view installed, std::string_view shipped) {
    const Settings has = settings_of(installed);
    const Settings wanted = settings_of(shipped);
    std::vector<std::string> out;
    for (const auto& [name, values] : wanted) {
        const auto found = has.find(name);
        if (found == has.end()) {
            out.push_back(name + " is missing");
        } else if (found->second != values) {
            out.push_back(fmt::format("{} is {}, not {}", name, listed(found->second), listed(values)));
        }
    }
    for (const auto& [name, values] : has) {
        if (!wanted.contains(name)) out.push_back(name + " is new");
    }
    return out;
}

void check_unit(CheckReport& report) {
    for (const std::string_view folder : kUnitFolders) {
        const std::string path = fmt::format("{}{}/{}", report.subject.root, folder, kUnitName);
        const auto text = read_file(path, kMaxUnitBytes);
        if (text) {
            report_unit(report, path, *text);
            return;
        }
        if (text.error().code == ErrorCode::not_found) continue;
        report.not_checked(text.error().text());
        return;
    }
    report.not_checked(fmt::format("{} is not installed", kUnitName));
}

}  // namespace ioswarm::cli::doctor
