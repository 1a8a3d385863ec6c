// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/config_options.hpp"
#include "cli/json_fields.hpp"
#include "cli/json_option.hpp"
#include "cli/serve/agent_list.hpp"
#include "cli/serve/agents_report.hpp"
#include "cli/serve/control_client.hpp"
#include "cli/serve/reload.hpp"
#include "cli/serve/reload_report.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/net/percent_encoding.hpp"

namespace ioswarm::cli {
namespace agents_command {
namespace {

using Json = nlohmann::ordered_json;

struct Command {
    ConfigOptions config;
    bool json = false;
    bool all = false;
    std::vector<std::string> ids;
    CLI::App* list = nullptr;
    CLI::App* show = nullptr;
    CLI::App* allow = nullptr;
    CLI::App* deny = nullptr;
};

void print_json(Io& io, const Json& document) {
    io.out << document.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

ExitCode run_list(const Command& command, const ControlClient& client, Io& io) {
    const auto agents = client.get(command.all ? "/swarm/agents?all=1" : "/swarm/agents");
    if (!agents) return report_error(io, agents.error());
    io.out << (command.json ? *agents : agents_table(*agents, command.all, std::chrono::system_clock::now()));
    return ExitCode::ok;
}

ExitCode run_show(const Command& command, const ControlClient& client, Io& io) {
    const std::string& id = command.ids.front();
    const std::string parameter = "?agent=" + percent_encoded(id);
    const auto agents = client.get("/swarm/agents?all=1");
    if (!agents) return report_error(io, agents.error());
    const auto access = client.get("/control/access" + parameter);
    if (!access) return report_error(io, access.error());
    const auto rewards = client.get("/api/rewards" + parameter);
    if (!rewards) return report_error(io, rewards.error());
    const AgentAnswers answers{*agents, *access, *rewards};
    io.out << (command.json ? agent_json(id, answers)
                            : agent_report(id, answers, std::chrono::system_clock::now()));
    return ExitCode::ok;
}

/// Where the lists are, and whether a serve uses them now.
struct Lists {
    ListFiles files;
    bool running = false;
};

/// Finds the lists of agents. If a serve is running, it is asked, because its command line may name other files
/// than the configuration that this command reads.
Result<Lists> find_lists(const ControlClient& client, const ServeConfig& config) {
    const auto answer = client.get("/control/lists");
    if (!answer && answer.error().code == ErrorCode::unavailable) return Lists{list_files(config), false};
    if (!answer) return fail(answer.error());
    const Json document = parsed_object(*answer);
    Lists out{{text_in(document, "allowed"), text_in(document, "revoked"), false}, true};
    out.files.revoked_may_be_missing =
        out.files.revoked == config.data_dir + "/revoked" || list_files(config).revoked_may_be_missing;
    return out;
}

/// Fails if the id still matches a pattern in the list of revoked agents, because removing the id alone would
/// then have no effect.
Status check_no_pattern(const AgentList& list, const std::string& id, const std::string& file) {
    const std::vector<std::string> patterns = list.patterns_for(id);
    const auto other =
        std::find_if(patterns.begin(), patterns.end(), [&](const auto& one) { return one != id; });
    if (other == patterns.end()) return {};
    return fail(ErrorCode::failed_precondition, "cannot allow the agent", id,
                fmt::format("the pattern {} in {} shuts it out", *other, file),
                fmt::format("allow the pattern: ioswarm agents allow '{}'", *other));
}

struct Edited {
    std::vector<std::string> files;  ///< the files that were changed
};

Status deny(const Command& command, const Lists& lists, const std::string& data_dir, Edited& edited) {
    IOSWARM_TRY(const auto changed,
                edit_list({lists.files.revoked, lists.files.revoked_may_be_missing ? data_dir : "",
                           [&](AgentList& list) {
                               bool any = false;
                               for (const std::string& id : command.ids)
                                   any = list.add(id) || any;
                               return any;
                           }}));
    if (changed) edited.files.push_back(lists.files.revoked);
    return {};
}

Status allow(const Command& command, const Lists& lists, const std::string& data_dir, Edited& edited) {
    Status possible;
    IOSWARM_TRY(const auto lifted,
                edit_list({lists.files.revoked, lists.files.revoked_may_be_missing ? data_dir : "",
                           [&](AgentList& list) {
                               bool any = false;
                               for (const std::string& id : command.ids)
                                   any = list.remove(id) || any;
                               for (const std::string& id : command.ids) {
                                   if (possible) possible = check_no_pattern(list, id, lists.files.revoked);
                               }
                               return possible.has_value() && any;
                           }}));
    if (!possible) return possible;
    if (lifted) edited.files.push_back(lists.files.revoked);
    if (lists.files.allowed.empty()) return {};
    IOSWARM_TRY(const auto added, edit_list({lists.files.allowed, "", [&](AgentList& list) {
                                                 bool any = false;
                                                 for (const std::string& id : command.ids)
                                                     any = list.add(id) || any;
                                                 return any;
                                             }}));
    if (added) edited.files.push_back(lists.files.allowed);
    return {};
}

ExitCode run_edit(const Command& command, const ControlClient& client, const ServeConfig& config, Io& io) {
    for (const std::string& id : command.ids) {
        if (const Status good = check_list_entry(id); !good) return report_error(io, good.error());
    }
    const bool denies = command.deny->parsed();
    const Result<Lists> lists = find_lists(client, config);
    if (!lists) return report_error(io, lists.error());
    Edited edited;
    const Status done = denies ? deny(command, *lists, config.data_dir, edited)
                               : allow(command, *lists, config.data_dir, edited);
    if (!done) return report_error(io, done.error());
    std::optional<std::string> report;
    if (lists->running) {
        auto reloaded = client.post("/control/reload");
        if (!reloaded) {
            Error error = std::move(reloaded).error();
            if (error.hint.empty())
                error.hint = "the lists are changed; 'ioswarm reload' makes serve read them again";
            return report_error(io, error);
        }
        report = *std::move(reloaded);
    }
    if (command.json) {
        print_json(io, Json{{denies ? "denied" : "allowed", command.ids},
                            {"files_changed", edited.files},
                            {"reload", report ? Json::parse(*report, nullptr, false) : Json(nullptr)}});
        return ExitCode::ok;
    }
    for (const std::string& id : command.ids)
        io.out << (denies ? "denied " : "allowed ") << escape_for_display(id) << '\n';
    for (const std::string& file : edited.files)
        io.out << "changed " << escape_for_display(file) << '\n';
    if (edited.files.empty()) io.out << "nothing to change: the lists say so already\n";
    io.out << (report ? reload_report(*report) : "serve is not running: it reads the lists when it starts\n");
    return ExitCode::ok;
}

ExitCode run(const Command& command, Io& io) {
    ExitCode code = ExitCode::ok;
    const auto loaded = load_or_report(command.config, io, code, false);
    if (!loaded) return code;
    const char* name = command.list->parsed()    ? "ioswarm agents list"
                       : command.show->parsed()  ? "ioswarm agents show"
                       : command.allow->parsed() ? "ioswarm agents allow"
                                                 : "ioswarm agents deny";
    const ControlClient client(loaded->settings.data_dir, name);
    if (command.list->parsed()) return run_list(command, client, io);
    if (command.show->parsed()) return run_show(command, client, io);
    return run_edit(command, client, loaded->settings, io);
}

}  // namespace
}  // namespace agents_command

Runner add_agents(CLI::App& app) {
    app.require_subcommand(1);
    auto command = std::make_shared<agents_command::Command>();
    command->list = app.add_subcommand("list", "list the agents that are connected");
    command->list->add_flag("--all", command->all,
                            "also list agents seen in the last 24 hours, with what they are owed");
    command->show = app.add_subcommand("show", "show one agent");
    command->show->add_option("ID", command->ids, "the agent's id")->required()->expected(1);
    command->allow =
        app.add_subcommand("allow", "allow agents to join again, and add them to the list of allowed agents");
    command->deny =
        app.add_subcommand("deny", "forbid agents to join, and disconnect those that are connected");
    for (CLI::App* edit : {command->allow, command->deny}) {
        edit->add_option("ID", command->ids, "ids, or patterns in which * and ? stand for any characters")
            ->required();
    }
    for (CLI::App* sub : {command->list, command->show, command->allow, command->deny}) {
        add_json_option(*sub, command->json, "print a JSON document");
        // All subcommands fill the same set of options, because only one of them is ever parsed.
        add_config_options(*sub, command->config, KeyFlags::hidden);
        sub->footer("All configuration flags of 'ioswarm serve' are accepted too, to find its data directory.");
    }
    return [command](Io& io) { return agents_command::run(*command, io); };
}

}  // namespace ioswarm::cli
