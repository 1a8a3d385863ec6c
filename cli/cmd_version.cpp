// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <ostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/json_option.hpp"
#include "cli/library_versions.hpp"
#include "cli/version/build_info.hpp"
#include "snapshot/format.hpp"

namespace ioswarm::cli {
namespace {

/// The service that agents call (proto/ioswarm.proto). The protocol has no version number, so the name stands
/// for it.
constexpr std::string_view kAgentProtocol = "ioswarm.IOSwarm";

void print_version_text(std::ostream& out) {
    const BuildInfo build = build_info();
    out << fmt::format("ioswarm {}\n", build.version);
    out << fmt::format("commit:    {}{}\n", build.commit.id.empty() ? "unknown" : build.commit.id,
                       build.commit.modified ? ", with changes" : "");
    out << fmt::format("build:     {}, {}\n", build.build_type, build.compiler);
    out << fmt::format("formats:   {} {}, agents' protocol {}\n", snapshot::kSnapshotMagic,
                       snapshot::kSnapshotVersion, kAgentProtocol);
    out << "libraries:\n";
    for (const auto& [name, version] : library_versions())
        out << fmt::format("  {:<15}{}\n", name, version);
}

void print_version_json(std::ostream& out) {
    const BuildInfo build = build_info();
    nlohmann::ordered_json libraries = nlohmann::ordered_json::object();
    for (const auto& [name, version] : library_versions())
        libraries[name] = version;
    const nlohmann::ordered_json json{
        {"version", build.version},
        {"commit",
         build.commit.id.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(build.commit.id)},
        {"modified", build.commit.modified},
        {"build_type", build.build_type},
        {"compiler", build.compiler},
        {"snapshot_version", snapshot::kSnapshotVersion},
        {"agent_protocol", kAgentProtocol},
        {"libraries", libraries}};
    out << json.dump(2) << '\n';
}

}  // namespace

Runner add_version(CLI::App& app) {
    auto json = std::make_shared<bool>(false);
    add_json_option(app, *json, "print JSON");
    return [json](Io& io) {
        *json ? print_version_json(io.out) : print_version_text(io.out);
        return ExitCode::ok;
    };
}

}  // namespace ioswarm::cli
