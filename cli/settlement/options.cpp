// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/options.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "cli/config/keys.hpp"
#include "cli/config/urls.hpp"
#include "cli/config/value.hpp"
#include "cli/settlement/data_dir_owner.hpp"
#include "core/base/decimal.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

/// Quotes a word for a shell where necessary.
std::string quoted_word(const std::string& word) {
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/:=,@%+";
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
    std::string out = "'";
    for (const char c : word)
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

/// The command as the user gave it, without secrets.
std::string command_text(const SettleOptions& options, const std::string& subcommand) {
    std::string out = "ioswarm settle" + (subcommand.empty() ? "" : " " + subcommand);
    for (const std::string& file : options.config.files)
        out += " --config " + quoted_word(file);
    for (std::size_t i = 0; i < options.config.flags.size(); ++i) {
        if (!options.config.given[i] || config_keys()[i].secret) continue;
        out += fmt::format(" {}={}", flag_name(config_keys()[i]), quoted_word(options.config.flags[i]));
    }
    for (const auto& [name, value] :
         {std::pair{"--key-file", options.key.key_file}, std::pair{"--keystore", options.key.keystore},
          std::pair{"--password-file", options.key.password_file}}) {
        if (!value.empty()) out += fmt::format(" {} {}", name, quoted_word(value));
    }
    return out;
}

Error limit_missing(const char* key) {
    return {ErrorCode::config, "cannot settle", key, "it is not set: without a limit nothing is paid",
            "'ioswarm settle init' proposes a limit from what is accrued per day"};
}

}  // namespace

settlement::SettlementLimits shown_limits(const ServeConfig& config) {
    settlement::SettlementLimits out;
    out.push = config.settlement_push;
    out.every_epochs = config.settlement_every_epochs;
    out.min_payout_rau = iotx_to_rau(config.settlement_min_payout_iotx);
    out.max_gas_price = U256(config.settlement_max_gas_price_gwei) * kRauPerGwei;
    out.max_gas_percent = config.settlement_max_gas_percent;
    out.max_per_settlement_rau = iotx_to_rau(config.settlement_max_per_settlement_iotx);
    out.max_per_day_rau = iotx_to_rau(config.settlement_max_per_day_iotx);
    out.block_gas_limit = config.settlement_block_gas_limit;
    return out;
}

Result<settlement::SettlementLimits> settlement_limits(const ServeConfig& config) {
    settlement::SettlementLimits out = shown_limits(config);
    if (out.max_per_settlement_rau == 0) return fail(limit_missing("settlement.maxPerSettlementIOTX"));
    if (out.max_per_day_rau == 0) return fail(limit_missing("settlement.maxPerDayIOTX"));
    return out;
}

Result<Address> settled_contract(const ServeConfig& config) {
    if (config.reward_contract.empty()) {
        return fail(ErrorCode::config, "cannot settle", "rewardContract", "it is not set",
                    "give the --config files that serve gets, or --reward-contract ADDRESS");
    }
    return parse_address(config.reward_contract);
}

Result<contracts::ChainClient> settlement_chain(const ServeConfig& config, std::stop_token stop) {
    std::vector<std::unique_ptr<contracts::RpcEndpoint>> endpoints;
    std::set<std::string> names;
    for (const std::string& url : parse_http_urls(config.reward_rpc_url).value_or(std::vector<std::string>{})) {
        // Two endpoints that agree make a transaction final, and one that is named twice always agrees with
        // itself.
        if (!names.insert(comparable_url(url)).second) continue;
        auto endpoint = contracts::make_http_endpoint(url);
        if (!endpoint) {
            Error error = std::move(endpoint).error();
            error.code = ErrorCode::config;
            error.which = "rewardRpcUrl";
            return fail(std::move(error));
        }
        endpoints.push_back(*std::move(endpoint));
    }
    if (endpoints.empty()) {
        return fail(ErrorCode::config, "cannot settle", "rewardRpcUrl", "it names no endpoint",
                    "set rewardRpcUrl to the URL of an Ethereum endpoint of the contract's chain");
    }
    return contracts::ChainClient(std::move(endpoints), config.reward_chain_id, std::move(stop));
}

Status check_identity(const ServeConfig& config, const settlement::SettlementIdentity& identity) {
    IOSWARM_TRY(const auto contract, settled_contract(config));
    const std::string hint =
        "settlement.db belongs to one contract: put the configuration back. When a new contract takes over, "
        "first "
        "let 'ioswarm settle' pay everything and serve run for a minute, so that it knows what is paid. Then "
        "stop "
        "serve, move settlement.db away and run 'ioswarm settle init'";
    if (contract != identity.contract) {
        return fail(ErrorCode::config, "cannot settle", "rewardContract",
                    fmt::format("it is {}, and settlement.db was made for {}", to_checksum_hex(contract),
                                to_checksum_hex(identity.contract)),
                    hint);
    }
    if (config.reward_chain_id != identity.chain_id) {
        return fail(ErrorCode::config, "cannot settle", "rewardChainId",
                    fmt::format("it is {}, and settlement.db was made for chain {}", config.reward_chain_id,
                                identity.chain_id),
                    hint);
    }
    return {};
}

std::optional<ServeConfig> begin_settle(const SettleOptions& options, const std::string& subcommand, Io& io,
                                        ExitCode& code) {
    // Do not open the files named in the configuration. They may be secrets of serve that this command does not
    // need and that the data directory's owner may not be able to read.
    auto loaded = load_or_report(options.config, io, code, false);
    if (!loaded) return std::nullopt;
    if (Status owner = become_owner(loaded->settings.data_dir, command_text(options, subcommand)); !owner) {
        code = report_settle_error(io, owner.error());
        return std::nullopt;
    }
    return std::move(loaded->settings);
}

ExitCode report_settle_error(Io& io, Error error) {
    print_error(io, error);
    switch (error.code) {
        case ErrorCode::usage:
            return ExitCode::usage;
        case ErrorCode::config:
        case ErrorCode::not_found:
            return ExitCode::configuration;
        case ErrorCode::permission_denied:
        case ErrorCode::unauthenticated:
            return ExitCode::permission;
        case ErrorCode::unavailable:
        case ErrorCode::timed_out:
        case ErrorCode::try_again:
        case ErrorCode::resource_exhausted:
        case ErrorCode::cancelled:
            return ExitCode::try_again;
        case ErrorCode::io:
            return ExitCode::io;
        default:
            return ExitCode::failed_check;
    }
}

ExitCode report_key_error(Io& io, Error error) {
    if (error.code == ErrorCode::permission_denied && error.hint.empty()) {
        error.hint = fmt::format(
            "this command runs as {}, the owner of the data directory, who must own the key's file; or hand "
            "the key "
            "over as a systemd credential (--key-credential)",
            user_name(::geteuid()));
    }
    print_error(io, error);
    return error.code == ErrorCode::usage ? ExitCode::usage : ExitCode::permission;
}

}  // namespace ioswarm::cli
