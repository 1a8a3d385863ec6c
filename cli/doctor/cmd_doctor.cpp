// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <ostream>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/config_options.hpp"
#include "cli/doctor/doctor.hpp"
#include "cli/doctor/report.hpp"
#include "cli/json_option.hpp"

namespace ioswarm::cli {
namespace {

struct DoctorCommand {
    ConfigOptions config;
    bool offline = false;
    bool json = false;
    bool strict = false;
    bool insecure_bind = false;
    bool embedded = false;
};

/// Reads the configuration into `subject`. If that fails, reads it a second time without opening the files that
/// it names, such as key files. If the second reading succeeds, the other checks can still run.
void load_for_doctor(const ConfigOptions& options, doctor::Subject& subject) {
    ConfigSources sources = options.sources();
    auto loaded = load_config(sources);
    if (loaded) {
        subject.loaded = *std::move(loaded);
        return;
    }
    subject.config_errors = std::move(loaded).error();
    sources.open_named_files = false;
    if (auto rest = load_config(sources)) subject.loaded = *std::move(rest);
}

ExitCode run_doctor(const DoctorCommand& command, Io& io) {
    doctor::Subject subject;
    subject.offline = command.offline;
    subject.insecure_bind = command.insecure_bind;
    subject.embedded = command.embedded;
    load_for_doctor(command.config, subject);
    const std::vector<doctor::Finding> findings = doctor::examine(subject);
    io.out << (command.json ? doctor::findings_json(findings) : doctor::findings_text(findings)) << std::flush;
    if (doctor::count_of(findings, doctor::CheckState::fail) != 0) return ExitCode::failed_check;
    const bool is_warned = doctor::count_of(findings, doctor::CheckState::warn) != 0;
    return is_warned && command.strict ? ExitCode::warned : ExitCode::ok;
}

}  // namespace

Runner add_doctor(CLI::App& app) {
    auto command = std::make_shared<DoctorCommand>();
    app.add_flag("--offline", command->offline, "do not connect to the node or the chain");
    add_json_option(app, command->json, "print JSON");
    app.add_flag("--strict", command->strict, "end with status 3 when there are warnings");
    app.add_flag("--insecure-bind", command->insecure_bind, "examine as for 'serve --insecure-bind'");
    app.add_flag("--embedded", command->embedded, "examine as for 'serve --embedded'");
    add_config_options(app, command->config, KeyFlags::hidden);
    app.footer("All configuration flags of 'ioswarm serve' are accepted too.");
    return [command](Io& io) { return run_doctor(*command, io); };
}

}  // namespace ioswarm::cli
