// SPDX-License-Identifier: Apache-2.0
#pragma once

// Binds a data directory to a source of blocks and its chain. A ledger that continued with the blocks of
// another chain could pay real money for work on a chain where that work is worth nothing.

#include <string>

#include "cli/config/serve_config.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "core/ledger/ledger.hpp"
#include "core/model/chain_identity.hpp"

namespace ioswarm::cli {

/// The embedded chain has no node's chain id. It signs with mainnet's EVM chain id, because agents expect that.
inline constexpr ChainIdentity kEmbeddedChain{4689, 0};

/// Identifies the source that the configuration names: "node", or the embedded chain with its settings. Other
/// settings make another embedded chain.
[[nodiscard]] std::string source_identity(const ServeConfig& config);

/// Compares the file "source" in the data directory with the configuration, without writing to the file. Call
/// it before the source is used. Returns true when the source is another one and the ledger is unused; the
/// ledger has then forgotten its old chain. Error config: the ledger belongs to another source. Its hint names
/// the files that may be deleted after a trial.
[[nodiscard]] Result<bool> check_source(const ServeConfig& config, Ledger& ledger);
/// Writes the file "source". Call it after all ports are bound, since a failed start must not bind a new
/// directory.
[[nodiscard]] Status mark_source(const ServeConfig& config);

/// With a reward contract, the source must be on the contract's chain. Work on the embedded chain has no value,
/// so the embedded chain may only be used with a contract behind an RPC endpoint on loopback, for a trial.
/// Error config.
[[nodiscard]] Status check_reward_chain(const ServeConfig& config, const ChainIdentity& chain);

/// Like check_source(), for the chain. Call it before the ledger is used.
[[nodiscard]] Status check_chain(const ServeConfig& config, Ledger& ledger, const ChainIdentity& chain);
/// The chain that the ledger belongs to; nothing if it belongs to none yet.
[[nodiscard]] Result<std::optional<ChainIdentity>> chain_of(Ledger& ledger);
/// Stores the chain in the ledger if the ledger did not know all of it, and logs that. Error config: the ledger
/// belongs to another chain, which it keeps.
[[nodiscard]] Status bind_chain(const ServeConfig& config, Ledger& ledger, const ChainIdentity& chain,
                                const Log& log);

/// The same for the log of state diffs. An empty log may change its chain. `other_source` is the result of
/// check_source().
[[nodiscard]] Status check_chain(const ServeConfig& config, const SqliteDiffStore& diffs,
                                 const ChainIdentity& chain, bool other_source = false);
[[nodiscard]] Status bind_chain(const ServeConfig& config, SqliteDiffStore& diffs, const ChainIdentity& chain,
                                const Log& log);

}  // namespace ioswarm::cli
