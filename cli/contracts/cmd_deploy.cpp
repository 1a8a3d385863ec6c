// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <ostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/config/urls.hpp"
#include "cli/config/value.hpp"
#include "cli/contracts/spend.hpp"
#include "cli/signals.hpp"
#include "contracts/abi.hpp"
#include "contracts/artifact.hpp"
#include "contracts/pool_gas.hpp"
#include "contracts/reward_pool.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"
#include "core/crypto/eth_tx.hpp"

namespace ioswarm::cli {
namespace {

using contracts::SentEntry;

constexpr std::string_view kDeployKind = "deploy";
/// The network whose name must be typed, since its money is real.
constexpr std::string_view kRealMoney = "mainnet";

struct DeployOptions {
    SpendOptions spend;
    std::string coordinator;
    bool again = false;
};

Bytes creation_data(const Address& coordinator) {
    Bytes data = to_bytes(reward_pool_creation_code());
    const Bytes argument = contracts::abi::encode_address(coordinator);
    data.insert(data.end(), argument.begin(), argument.end());
    return data;
}

/// Computes the address of the contract that a finished entry deployed, from sender and nonce. The receipt also
/// has an address, but a dishonest endpoint could name its own contract with the same code and another
/// coordinator.
Address made_by(const Spender& spender, const SentEntry& entry) {
    return contract_address(spender.wallet(), entry.nonce);
}

/// Checks that the contract has exactly our code and the given coordinator.
Status check_deployed(Spender& spender, const Address& contract, const Address& coordinator) {
    constexpr const char* kNotAsItShouldBe = "the contract is not as it should be";
    IOSWARM_TRY(const auto code, spender.chain().code(contract));
    if (!std::ranges::equal(code, reward_pool_code())) {
        return fail(ErrorCode::failed_check, kNotAsItShouldBe, to_checksum_hex(contract),
                    code.empty() ? "there is no code at its address" : "its code differs from this program's",
                    code.empty() ? "if this is a new chain with an old chain id, --again deploys anew"
                                 : "do not use it");
    }
    IOSWARM_TRY(const auto answer, spender.chain().call({{}, contract, 0, contracts::coordinator_call(), 0}));
    const auto found = contracts::read_pool_address(answer.data);
    if (!answer.reverted && found && *found == coordinator) return {};
    return fail(
        ErrorCode::failed_check, kNotAsItShouldBe, to_checksum_hex(contract),
        found ? "its coordinator is " + to_checksum_hex(*found) : "it does not say who its coordinator is",
        "do not use it");
}

/// The options that name this chain to an agent. The operator's own endpoints may have a key in their URL. So
/// agents of a public network get its name, and agents of another chain get masked URLs.
std::string chain_words(const ChainOptions& chain, std::uint64_t chain_id) {
    if (const std::string_view name = network_name(chain_id); !name.empty())
        return fmt::format("--network {}", name);
    std::string out;
    for (const std::string& url : endpoints_of(chain))
        out += "--rpc " + masked_urls(url) + " ";
    return out + fmt::format("--chain-id {}", chain_id);
}

void print_next_steps(const std::string& address, const ChainOptions& chain, std::uint64_t chain_id, Io& io) {
    std::string urls;
    for (const std::string& url : endpoints_of(chain))
        urls += (urls.empty() ? "" : ",") + masked_urls(url);
    io.out << "\nWhat to do next:\n"
           << "  1. put this into the coordinator's configuration, with the file that holds the coordinator's "
              "key:\n"
           << fmt::format("       rewardContract: \"{}\"\n", address)
           << fmt::format("       rewardChainId: {}\n", chain_id)
           << fmt::format("       rewardRpcUrl: \"{}\"\n", urls) << "       rewardSignerKeyFile: FILE\n"
           << "     then make settlement.db, once: ioswarm settle init --config FILE\n"
           << "  2. tell agents the address: they claim with their own program, or with\n"
           << fmt::format("       ioswarm claim {} --contract {} --key-file FILE\n",
                          chain_words(chain, chain_id), address)
           << "  3. keep the coordinator's key safe: it alone can settle, and it can hand over to another "
              "(setCoordinator)\n";
}

void print_deployed(const DeployOptions& options, const Address& contract, const Address& coordinator,
                    Spender& spender, const SentEntry& entry, Io& io) {
    const std::string address = to_checksum_hex(contract);
    const std::uint64_t chain_id = spender.chain().expected_chain_id();
    if (options.spend.json) {
        nlohmann::ordered_json json;
        json["address"] = address;
        json["transaction"] = to_hex0x(entry.hash.view());
        json["block"] = entry.block;
        json["gas_used"] = entry.gas_used;
        json["coordinator"] = to_checksum_hex(coordinator);
        json["chain_id"] = chain_id;
        io.out << json.dump(2) << '\n';
        return;
    }
    io.out << fmt::format("contract     {} ({})\n", address, to_io(contract))
           << fmt::format("coordinator  {}\n", to_checksum_hex(coordinator))
           << fmt::format("chain        {}, block {}\n", chain_id, entry.block)
           << fmt::format("transaction  {}, {} gas used\n", to_hex0x(entry.hash.view()), entry.gas_used);
    print_next_steps(address, options.spend.chain, chain_id, io);
}

Result<SentEntry> deploy_anew(const Address& coordinator, const std::string& key, Spender& spender,
                              bool& go_on) {
    SpendPlan plan;
    plan.title = "deploy the reward contract, coordinator " + to_checksum_hex(coordinator) + ",";
    if (network_name(spender.chain().expected_chain_id()) == kRealMoney) plan.word_to_type = kRealMoney;
    plan.order.kind = kDeployKind;
    plan.order.key = key;
    plan.order.data = creation_data(coordinator);
    IOSWARM_TRY(
        const auto gas,
        spender.estimate(plan.order,
                         {contracts::deploy_gas(plan.order.data.size(), reward_pool_code().size()), true}));
    plan.estimated_gas = gas;
    IOSWARM_DO(spender.price(plan.order));
    go_on = spender.confirm(plan);
    if (!go_on) return SentEntry{};
    return spender.send(plan.order);
}

ExitCode run_deploy(const DeployOptions& options, Io& io) {
    const SignalReader signals;
    const auto coordinator = address_argument("--coordinator", options.coordinator);
    if (!coordinator) return report_spend_error(io, coordinator.error());
    if (coordinator->is_zero()) {
        return report_spend_error(io, {ErrorCode::usage,
                                       "--coordinator",
                                       options.coordinator,
                                       "nobody has this address: the contract could never be used",
                                       {}});
    }
    auto spender = Spender::open(options.spend, io, signals.token());
    if (!spender) return signals.exit_code(report_spend_error(io, spender.error()));
    const std::string key = fmt::format("coordinator {} code {}", to_hex0x(coordinator->view()),
                                        to_hex0x(reward_pool_code_hash().view()));
    Result<SentEntry> done = SentEntry{};
    bool go_on = true;
    if ((*spender)->has_open(kDeployKind, key)) {
        done = (*spender)->resume();
    } else {
        if (Status other = (*spender)->finish_open(); !other) {
            return signals.exit_code(report_spend_error(io, other.error()));
        }
        const auto given_up = (*spender)->find_given_up(kDeployKind, key);
        if (!given_up) return signals.exit_code(report_spend_error(io, given_up.error()));
        const SentEntry* before =
            options.again ? nullptr : contracts::last_success((*spender)->sent(), kDeployKind, key);
        if (*given_up && (*given_up)->succeeded()) {
            done = **given_up;
        } else if (before != nullptr) {
            io.err << "this wallet has deployed this contract already (--again deploys another)\n";
            done = *before;
        } else {
            done = deploy_anew(*coordinator, key, **spender, go_on);
        }
    }
    if (!done) return signals.exit_code(report_spend_error(io, done.error()));
    if (!go_on) return signals.exit_code(options.spend.dry_run ? ExitCode::ok : ExitCode::failed_check);
    if (done->state == SentEntry::State::open) {
        print_unfinished(options.spend, *done, io);
        return signals.exit_code(ExitCode::ok);
    }
    const Address contract = made_by(**spender, *done);
    if (Status checked = check_deployed(**spender, contract, *coordinator); !checked)
        return report_spend_error(io, checked.error());
    print_deployed(options, contract, *coordinator, **spender, *done, io);
    return ExitCode::ok;
}

}  // namespace

Runner add_deploy(CLI::App& app) {
    auto options = std::make_shared<DeployOptions>();
    app.add_option("--coordinator", options->coordinator,
                   "address of the coordinator, the only wallet that can settle: io1… or 0x…")
        ->type_name("ADDRESS")
        ->required();
    add_spend_options(app, options->spend);
    app.add_flag("--again", options->again,
                 "deploy another contract, although this wallet deployed one before");
    return [options](Io& io) { return run_deploy(*options, io); };
}

}  // namespace ioswarm::cli
