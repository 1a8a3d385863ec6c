// SPDX-License-Identifier: Apache-2.0
#include <sstream>

#include <fmt/format.h>

#include "cli/config/secret_file.hpp"
#include "cli/config/urls.hpp"
#include "cli/config/value.hpp"
#include "cli/contracts/chain_options.hpp"
#include "cli/contracts/pool_reading.hpp"
#include "cli/contracts/signer_key.hpp"
#include "cli/doctor/doctor.hpp"
#include "cli/doctor/time_limit.hpp"
#include "contracts/keystore.hpp"
#include "contracts/reward_pool.hpp"
#include "core/base/text.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli::doctor {
namespace {

using contracts::ChainClient;
using contracts::PoolCode;

Result<ChainClient> open_reward_chain(const ServeConfig& config, std::stop_token stop) {
    ChainOptions options;
    options.rpc = parse_http_urls(config.reward_rpc_url).value_or(std::vector<std::string>{});
    options.chain_id = config.reward_chain_id;
    return open_chain(options, std::move(stop));
}

/// Calls `work` with a client for the chain. If no endpoint answers in time, adds a finding that says so, and
/// later checks do not try again.
template <typename Work>
void with_chain(CheckReport& report, Work&& work) {
    if (report.config().reward_contract.empty()) {
        report.not_checked("rewardContract is not set, so nothing is paid");
        return;
    }
    if (report.is_endpoint_away) {
        report.not_checked("rewardRpcUrl cannot be asked, as the check of the contract says");
        return;
    }
    const TimeLimit limit(report.subject.remote_limit);
    auto chain = open_reward_chain(report.config(), limit.token());
    Status done = chain ? work(*chain) : Status(ioswarm::fail(chain.error()));
    if (done) return;
    Error error = std::move(done).error();
    report.is_endpoint_away = true;
    if (limit.is_over()) {
        report.fail(fmt::format("no answer within {}", go_duration(report.subject.remote_limit)),
                    "the reward contract is reached through rewardRpcUrl", "check rewardRpcUrl");
        return;
    }
    report.fail(error.text(), "the reward contract is reached through rewardRpcUrl",
                error.hint.empty() ? "check rewardRpcUrl and rewardChainId" : error.hint);
}

/// The address that is written in a keystore. Reading it needs no password, and nothing proves it.
std::optional<Address> keystore_address(const std::string& file) {
    const auto text = read_private_file(file, contracts::kMaxKeystoreBytes);
    if (!text || !contracts::looks_like_keystore(text->text())) return std::nullopt;
    const auto info = contracts::inspect_keystore(text->text());
    return info ? info->address : std::nullopt;
}

/// The wallet of the configured key. Nobody is asked for a password.
Result<Address> signer_address(const ServeConfig& config) {
    if (config.reward_signer_password_file.empty() && !config.reward_signer_key_file.empty()) {
        if (const auto address = keystore_address(config.reward_signer_key_file)) return *address;
    }
    std::istringstream in;
    std::ostringstream out;
    Io quiet{in, out, out};
    const auto key = load_signer_key(config, KeyOptions{}, quiet);
    if (!key) return ioswarm::fail(key.error());
    return key->address();
}

Result<Address> coordinator_of(ChainClient& chain, const Address& pool) {
    const auto outcome = chain.call({{}, pool, 0, contracts::coordinator_call(), 0});
    if (!outcome) return ioswarm::fail(outcome.error());
    return contracts::read_pool_address(outcome->data);
}

void report_code(CheckReport& report, PoolCode code, const std::string& pool) {
    const std::string what = fmt::format("{} has code of {}", pool, contracts::to_string(code));
    switch (code) {
        case PoolCode::v2:
        case PoolCode::v3:
            report.ok(what);
            return;
        case PoolCode::none:
        case PoolCode::v1:
        case PoolCode::v2_damaged:
            report.fail(what, "agents cannot be paid with this version",
                        "deploy a new contract: ioswarm deploy");
            return;
        case PoolCode::other:
            report.warn(fmt::format("{} has unknown code", pool), "it may not be a reward contract",
                        "check rewardContract");
    }
}

void report_coordinator(CheckReport& report, const Address& coordinator) {
    const std::string name = to_checksum_hex(coordinator);
    if (!names_signer_key(report.config())) {
        report.signer = coordinator;
        report.ok(
            fmt::format("coordinator() is {}; not compared, because no rewardSignerKey is configured", name));
        return;
    }
    const auto signer = signer_address(report.config());
    if (!signer) {
        report.signer = coordinator;
        report.add(report.config().settlement_enabled ? CheckState::fail : CheckState::warn, signer.error());
        return;
    }
    report.signer = *signer;
    if (*signer == coordinator) {
        report.ok(fmt::format("coordinator() is {}, the wallet that signs", name));
    } else {
        report.fail(
            fmt::format("coordinator() is {}, and the wallet that signs is {}", name, to_checksum_hex(*signer)),
            "the contract refuses settlements of any other wallet than its coordinator",
            "configure that wallet's key, or let the coordinator hand over to this one");
    }
}

/// The amount that all agents together get for one epoch, in rau.
U256 paid_per_epoch(const ServeConfig& config) {
    U256 whole = 100;
    for (unsigned i = 0; i < config.delegate_cut_pct.scale; ++i)
        whole *= 10;
    return iotx_to_rau(config.epoch_reward_iotx) * (whole - config.delegate_cut_pct.unscaled) / whole;
}

void report_balance(CheckReport& report, const U256& balance) {
    constexpr unsigned kFewEpochs = 48;
    const U256 each = paid_per_epoch(report.config());
    const std::string name = to_checksum_hex(*report.signer);
    const std::string has = fmt::format("{} has {} IOTX", name, rau_to_iotx(balance));
    if (each == 0) {
        report.ok(has + "; epochRewardIOTX is 0, so nothing is due");
        return;
    }
    const U256 left = balance / each;
    const std::string what = fmt::format("{}, enough for {} epochs of {} IOTX, without gas", has,
                                         to_decimal(left), rau_to_iotx(each));
    const std::string next = fmt::format("send IOTX to {}", name);
    if (left == 0) {
        report.fail(what, "agents cannot be paid", next);
    } else if (left < kFewEpochs) {
        report.warn(what, "agents are not paid when it is used up", next);
    } else {
        report.ok(what);
    }
}

}  // namespace

void check_contract(CheckReport& report) {
    with_chain(report, [&](ChainClient& chain) -> Status {
        const auto pool = parse_address(report.config().reward_contract);
        if (!pool) return ioswarm::fail(pool.error());
        const auto code = pool_code_at(chain, *pool);
        if (!code && code.error().code == ErrorCode::failed_check) {
            report.fail(code.error().text(), "nothing can be paid", "check rewardContract and rewardChainId");
            return {};
        }
        if (!code) return ioswarm::fail(code.error());
        report_code(report, *code, to_checksum_hex(*pool));
        const auto coordinator = coordinator_of(chain, *pool);
        if (coordinator) {
            report_coordinator(report, *coordinator);
        } else if (coordinator.error().code == ErrorCode::bad_data ||
                   coordinator.error().code == ErrorCode::failed_precondition) {
            report.fail(fmt::format("coordinator() cannot be read: {}", coordinator.error().text()),
                        "it is not a reward contract, or the endpoint answers wrongly", "check rewardContract");
        } else {
            return ioswarm::fail(coordinator.error());
        }
        return {};
    });
}

void check_signer(CheckReport& report) {
    with_chain(report, [&](ChainClient& chain) -> Status {
        if (!report.signer) {
            report.not_checked("the wallet that signs is not known, as the check of the contract says");
            return {};
        }
        const auto balance = chain.balance(*report.signer);
        if (!balance) return ioswarm::fail(balance.error());
        report_balance(report, *balance);
        return {};
    });
}

void check_nonce(CheckReport& report) {
    with_chain(report, [&](ChainClient& chain) -> Status {
        if (!report.signer) {
            report.not_checked("the wallet that signs is not known, as the check of the contract says");
            return {};
        }
        const auto next = chain.pool_nonce(*report.signer);
        if (!next) return ioswarm::fail(next.error());
        const auto mined = chain.confirmed_nonce(*report.signer);
        if (!mined) return ioswarm::fail(mined.error());
        if (*next <= mined->nonce) {
            report.ok(fmt::format("no transaction waits; the next nonce is {}", mined->nonce));
        } else {
            report.warn(fmt::format("{} transactions wait: the next nonce is {}, and {} are mined",
                                    *next - mined->nonce, *next, mined->nonce),
                        "a transaction that is never mined blocks all later ones",
                        "see ioswarm settle status; when it does not go on: ioswarm settle unstick");
        }
        return {};
    });
}

}  // namespace ioswarm::cli::doctor
