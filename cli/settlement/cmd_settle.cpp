// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/duration_option.hpp"
#include "cli/json_option.hpp"
#include "cli/settlement/commands.hpp"
#include "cli/yes_option.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::uint64_t kMaxNumber = std::uint64_t{1} << 62U;

void add_number(CLI::App& app, const std::string& name, std::optional<std::uint64_t>& value,
                const std::string& type, const std::string& help) {
    app.add_option_function<std::uint64_t>(
           name, [&value](const std::uint64_t& number) { value = number; }, help)
        ->check(CLI::Range(std::uint64_t{0}, kMaxNumber))
        ->type_name(type);
}

void add_json(CLI::App& app, SettleOptions& options) {
    add_json_option(app, options.json, "print one JSON document; amounts are strings in rau");
}

CLI::App* add_subcommand(CLI::App& app, SettleOptions& options, const std::string& name,
                         const std::string& help) {
    CLI::App* sub = app.add_subcommand(name, help);
    add_config_options(*sub, options.config, KeyFlags::hidden);
    sub->footer("All configuration flags of 'ioswarm serve' are accepted too.");
    return sub;
}

}  // namespace

Runner add_settle(CLI::App& app) {
    const auto options = std::make_shared<SettleOptions>();
    add_config_options(app, options->config, KeyFlags::hidden);
    add_key_options(app, options->key);
    add_number(app, "--epoch", options->epoch, "N",
               "pay what is owed up to and including this epoch, oldest first");
    app.add_flag("--dry-run", options->dry_run, "send nothing; print calls and amounts");
    add_json(app, *options);
    add_duration_option(app, "--timeout", options->timeout, "how long to wait until everything is final (10m)");
    app.footer("All configuration flags of 'ioswarm serve' are accepted too.");

    CLI::App* init = add_subcommand(app, *options, "init", "create settlement.db (needed once)");
    add_key_options(*init, options->key);
    add_number(*init, "--from-epoch", options->from_epoch, "N",
               "the first epoch that is paid; default: all that is owed");
    add_number(*init, "--pool-from-block", options->pool_from_block, "B",
               "a block not after the contract's creation, for contracts of version 2");
    init->add_flag("--rebuild", options->rebuild,
                   "settlement.db was lost: find out from the contract what was paid");
    add_yes_option(*init, options->yes);
    add_json(*init, *options);

    CLI::App* status = add_subcommand(app, *options, "status", "show what is owed, waiting and paid");
    add_number(*status, "--epoch", options->epoch, "N", "show only the payouts of this epoch");
    add_json(*status, *options);

    CLI::App* unstick =
        add_subcommand(app, *options, "unstick", "replace the transaction that blocks the nonce");
    add_key_options(*unstick, options->key);
    CLI::Option* raise =
        unstick->add_flag("--raise-price", options->raise_price, "send it again at a higher price");
    unstick
        ->add_flag("--empty", options->replace_by_empty,
                   "replace it by an empty transaction; its payouts stay owed")
        ->excludes(raise);
    unstick->add_flag("--dry-run", options->dry_run, "send nothing; print what both options would do");
    add_yes_option(*unstick, options->yes);
    add_json(*unstick, *options);
    add_duration_option(*unstick, "--timeout", options->timeout, "how long to wait until it is final (10m)");

    CLI::App* resume = add_subcommand(app, *options, "resume", "end a halt, after an audit");
    add_key_options(*resume, options->key);
    add_yes_option(*resume, options->yes);
    add_json(*resume, *options);

    CLI::App* audit =
        add_subcommand(app, *options, "audit", "compare settlement.db with the ledger and the chain");
    add_json(*audit, *options);

    return [=](Io& io) {
        if (init->parsed()) return run_settle_init(*options, io);
        if (status->parsed()) return run_settle_status(*options, io);
        if (unstick->parsed()) return run_settle_unstick(*options, io);
        if (resume->parsed()) return run_settle_resume(*options, io);
        if (audit->parsed()) return run_settle_audit(*options, io);
        return run_settle(*options, io);
    };
}

}  // namespace ioswarm::cli
