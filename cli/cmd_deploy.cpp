// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <ostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/signals.hpp"
#include "cli/spend.hpp"
#include "contracts/abi.hpp"
#include "contracts/artifact.hpp"
#include "contracts/pool_gas.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {
namespace {

using contracts::SentEntry;

constexpr std::string_view kDeployKind = "deploy";

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

/// The contract that a finished entry made must be there, byte for byte.
Status check_code(Spender& spender, const SentEntry& entry) {
    if (!entry.contract) {
        return fail(ErrorCode::bad_data, "cannot find the new contract", to_hex0x(entry.hash.view()),
                    "the receipt names none");
    }
    const auto code = spender.chain().code(*entry.contract);
    if (!code) return fail(code.error());
    if (std::ranges::equal(*code, reward_pool_code())) return {};
    return fail(
        ErrorCode::failed_check, "the contract is not as it should be", to_checksum_hex(*entry.contract),
        code->empty() ? "there is no code at its address" : "its code differs from this program's",
        code->empty() ? "if this is a new chain with an old chain id, --again deploys anew" : "do not use it");
}

void print_deployed(const DeployOptions& options, const Address& coordinator, Spender& spender,
                    const SentEntry& entry, Io& io) {
    const std::string address = to_checksum_hex(*entry.contract);
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
    io.out << fmt::format("contract     {} ({})\n", address, to_io(*entry.contract))
           << fmt::format("coordinator  {}\n", to_checksum_hex(coordinator))
           << fmt::format("chain        {}, block {}\n", chain_id, entry.block)
           << fmt::format("transaction  {}, {} gas used\n", to_hex0x(entry.hash.view()), entry.gas_used)
           << "\nWhat to do next:\n"
           << fmt::format("  1. set rewardContract: \"{}\" in the coordinator's configuration\n", address)
           << "  2. tell agents the address: they claim with `ioswarm claim --contract ADDRESS`, or with their "
              "own "
              "program\n"
           << "  3. keep the coordinator's key safe: it alone can settle, and it can hand over to another "
              "(setCoordinator)\n";
}

Result<SentEntry> deploy_anew(const Address& coordinator, const std::string& key, Spender& spender,
                              bool& go_on) {
    SpendPlan plan;
    plan.title = "deploy the reward contract, coordinator " + to_checksum_hex(coordinator) + ",";
    plan.order.kind = kDeployKind;
    plan.order.key = key;
    plan.order.data = creation_data(coordinator);
    const auto gas = spender.estimate(
        plan.order, {contracts::deploy_gas(plan.order.data.size(), reward_pool_code().size()), true});
    if (!gas) return fail(gas.error());
    plan.estimated_gas = *gas;
    if (Status priced = spender.price(plan.order); !priced) return fail(std::move(priced).error());
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
    contracts::SentJournal* journal = (*spender)->journal();
    Result<SentEntry> done = SentEntry{};
    bool go_on = true;
    if ((*spender)->has_open(kDeployKind, key)) {
        done = (*spender)->resume();
    } else {
        if (Status other = (*spender)->finish_open(); !other) {
            return signals.exit_code(report_spend_error(io, other.error()));
        }
        const SentEntry* before =
            journal == nullptr || options.again ? nullptr : journal->last_success(kDeployKind, key);
        if (before != nullptr) {
            io.err << "this wallet has deployed this contract already (--again deploys another)\n";
            done = *before;
        } else {
            done = deploy_anew(*coordinator, key, **spender, go_on);
        }
    }
    if (!done) return signals.exit_code(report_spend_error(io, done.error()));
    if (!go_on) return signals.exit_code(options.spend.dry_run ? ExitCode::ok : ExitCode::failed_check);
    if (Status checked = check_code(**spender, *done); !checked) return report_spend_error(io, checked.error());
    print_deployed(options, *coordinator, **spender, *done, io);
    return ExitCode::ok;
}

}  // namespace

Runner add_deploy(CLI::App& app) {
    auto options = std::make_shared<DeployOptions>();
    app.add_option("--coordinator", options->coordinator, "address whose key may settle: io1… or 0x…")
        ->type_name("ADDRESS")
        ->required();
    add_spend_options(app, options->spend);
    app.add_flag("--again", options->again, "deploy another one, although this wallet has done it");
    return [options](Io& io) { return run_deploy(*options, io); };
}

}  // namespace ioswarm::cli
