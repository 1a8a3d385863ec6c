// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/data_dir.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "cli/config/urls.hpp"
#include "cli/config/value.hpp"
#include "cli/serve/settings.hpp"
#include "core/base/atomic_file.hpp"
#include "core/base/ip_network.hpp"
#include "core/base/try.hpp"

namespace ioswarm::cli {
namespace {

std::string source_file(const ServeConfig& config) {
    return config.data_dir + "/source";
}

std::string source_name(const ServeConfig& config) {
    return uses_node(config) ? "the node at " + config.node_grpc : "the embedded chain";
}

/// Tells the operator what to do about a ledger that belongs to something else.
std::string ledger_hint(const ServeConfig& config) {
    return fmt::format(
        "if that was only a trial and no agent is owed anything, delete ledger.db, ledger.db-wal, "
        "ledger.db-shm, ledger.mark and source in {}; otherwise pass another --data-dir, or go back to the "
        "earlier settings",
        config.data_dir);
}

Error another_chain(const ServeConfig& config, std::string which, std::string_view thing,
                    const ChainIdentity& held, const ChainIdentity& found, std::string hint) {
    return {ErrorCode::config, "cannot use the data directory", std::move(which),
            fmt::format("{} belongs to another chain: it has {}, and {} has {}", thing, held.text(),
                        source_name(config), found.text()),
            std::move(hint)};
}

Result<std::optional<ChainIdentity>> chain_of(Ledger& ledger, bool& is_unused) {
    std::optional<ChainIdentity> out;
    IOSWARM_DO(ledger.run([&](LedgerTx& tx) -> Status {
        IOSWARM_TRY(const auto unused, tx.is_unused());
        is_unused = unused;
        IOSWARM_TRY(const auto chain, tx.chain());
        out = chain;
        return {};
    }));
    return out;
}

/// Combines what is stored with what was found.
ChainIdentity merged(const std::optional<ChainIdentity>& held, const ChainIdentity& found) {
    ChainIdentity out = found;
    if (!out.node && held) out.node = held->node;
    return out;
}

bool is_loopback_url(std::string_view url) {
    const std::size_t scheme = url.find("://");
    std::string_view host = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
    host = host.substr(0, host.find_first_of("/?#"));
    if (const std::size_t user = host.rfind('@'); user != std::string_view::npos) host = host.substr(user + 1);
    if (host.starts_with('[')) return host.substr(0, host.find(']') + 1) == "[::1]";
    host = host.substr(0, host.find(':'));
    return host == "localhost" || is_loopback(host);
}

}  // namespace

std::string source_identity(const ServeConfig& config) {
    if (uses_node(config)) return "node";
    return fmt::format("embedded chain, seed {}, blockTime {}ms, tps {}, accounts {}, lastSlot {}",
                       config.chain_seed, config.chain_block_time.count(), config.chain_tps,
                       config.chain_accounts, config.chain_last_slot);
}

Result<bool> check_source(const ServeConfig& config, Ledger& ledger) {
    constexpr std::size_t kMaxIdentityBytes = 4096;
    const Result<std::string> before = read_file(source_file(config), kMaxIdentityBytes);
    if (!before && before.error().code == ErrorCode::not_found) return false;
    if (!before) return fail(before.error());
    if (*before == source_identity(config) + "\n") return false;
    bool is_unused = false;
    IOSWARM_DO(chain_of(ledger, is_unused));
    if (is_unused) {
        IOSWARM_DO(ledger.run([](LedgerTx& tx) { return tx.forget_chain(); }));
        return true;
    }
    const std::string held = before->substr(0, before->find('\n'));
    const bool both_embedded = held != "node" && !uses_node(config);
    return fail(ErrorCode::config,
                fmt::format("data directory {} was created for {} and cannot be used with {}", config.data_dir,
                            held == "node" ? "a node" : "the embedded test chain",
                            both_embedded       ? "other settings of that chain"
                            : uses_node(config) ? "a node"
                                                : "the embedded test chain"),
                {},
                both_embedded
                    ? fmt::format("it has {}, and the configuration has {}", held, source_identity(config))
                    : "",
                ledger_hint(config));
}

Status mark_source(const ServeConfig& config) {
    const std::string text = source_identity(config) + "\n";
    const Result<std::string> before = read_file(source_file(config), text.size());
    if (before && *before == text) return {};
    return write_file_atomically(source_file(config), as_bytes(text), 0600);
}

Status check_reward_chain(const ServeConfig& config, const ChainIdentity& chain) {
    if (config.reward_contract.empty()) return {};
    if (chain.node == kEmbeddedChain.node) {
        const auto urls = parse_http_urls(config.reward_rpc_url);
        if (urls && std::all_of(urls->begin(), urls->end(),
                                [](const std::string& url) { return is_loopback_url(url); }))
            return {};
        return fail(
            ErrorCode::config, "configuration", "rewardContract",
            fmt::format(
                "the embedded chain is not a real one, and {} is not on this machine: work that is worth "
                "nothing would be paid in real money",
                masked_urls(config.reward_rpc_url)),
            "name a node (node.grpc, node.web3), or leave out rewardContract; for a trial let rewardRpcUrl be "
            "a test chain on 127.0.0.1");
    }
    if (chain.evm == config.reward_chain_id) return {};
    return fail(
        ErrorCode::config, "configuration", "rewardChainId",
        fmt::format("it is {}, and {} has {}", config.reward_chain_id, source_name(config), chain.text()),
        "the reward contract must be on the chain that the agents work for");
}

Result<std::optional<ChainIdentity>> chain_of(Ledger& ledger) {
    bool is_unused = false;
    return chain_of(ledger, is_unused);
}

Status check_chain(const ServeConfig& config, Ledger& ledger, const ChainIdentity& chain) {
    IOSWARM_DO(check_reward_chain(config, chain));
    bool is_unused = false;
    IOSWARM_TRY(const auto held, chain_of(ledger, is_unused));
    if (!held || held->may_be(chain)) return {};
    if (is_unused) return ledger.run([](LedgerTx& tx) { return tx.forget_chain(); });
    return fail(another_chain(config, config.data_dir, "its ledger", *held, chain, ledger_hint(config)));
}

Status bind_chain(const ServeConfig& config, Ledger& ledger, const ChainIdentity& chain, const Log& log) {
    IOSWARM_DO(check_reward_chain(config, chain));
    bool is_unused = false;
    IOSWARM_TRY(const auto held, chain_of(ledger, is_unused));
    if (held && !held->may_be(chain)) {
        return fail(another_chain(config, config.data_dir, "its ledger", *held, chain,
                                  is_unused
                                      ? "start ioswarm again: the ledger has nothing that counts, so it then "
                                        "takes the new chain"
                                      : ledger_hint(config)));
    }
    const ChainIdentity both = merged(held, chain);
    if (held == both) return {};
    IOSWARM_DO(ledger.run([&](LedgerTx& tx) { return tx.set_chain(both); }));
    log.info("the ledger in {} belongs to this chain from now on: {}", config.data_dir, both.text());
    return {};
}

Status check_chain(const ServeConfig& config, const SqliteDiffStore& diffs, const ChainIdentity& chain,
                   bool other_source) {
    if (diffs.range().empty()) return {};
    const std::string file = diff_store_file(config);
    const std::string hint = fmt::format(
        "give another diffStorePath. If its diffs are of no more use, delete {0}, {0}-wal and {0}-shm: the log "
        "fills "
        "itself again",
        file);
    if (other_source) {
        return fail(ErrorCode::config, "cannot use the data directory", file,
                    "the log of state diffs belongs to the source that the directory was used with before",
                    hint);
    }
    IOSWARM_TRY(const auto held, diffs.chain());
    if (!held || held->may_be(chain)) return {};
    return fail(another_chain(config, file, "the log of state diffs", *held, chain, hint));
}

Status bind_chain(const ServeConfig& config, SqliteDiffStore& diffs, const ChainIdentity& chain,
                  const Log& log) {
    IOSWARM_DO(check_chain(config, diffs, chain));
    IOSWARM_TRY(const auto held, diffs.chain());
    const ChainIdentity both = held && held->may_be(chain) ? merged(held, chain) : chain;
    if (held == both) return {};
    IOSWARM_DO(diffs.set_chain(both));
    log.info("the log of state diffs {} belongs to this chain from now on: {}", diff_store_file(config),
             both.text());
    return {};
}

}  // namespace ioswarm::cli
