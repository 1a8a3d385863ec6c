// SPDX-License-Identifier: Apache-2.0
#pragma once

// What binds a data directory to a source and its chain. Books of one chain that go on with the blocks of
// another would pay, in real money, for work that was done on a chain where it is worth nothing.

#include <string>

#include "cli/config/serve_config.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/diffs/sqlite_diff_store.hpp"
#include "core/ledger/ledger.hpp"
#include "core/model/chain_identity.hpp"

namespace ioswarm::cli {

/// The embedded chain signs with mainnet's EVM chain id, as agents expect it, and has no node.
inline constexpr ChainIdentity kEmbeddedChain{4689, 0};

/// The source that the configuration names: "node", or the embedded chain, which is another one for each of its
/// settings.
[[nodiscard]] std::string source_identity(const ServeConfig& config);

/// Before anything of the source is used: compares the file "source" in the data directory with the
/// configuration, and writes nothing there. True: it is another source; the ledger, which holds nothing that
/// counts, has then forgotten its old chain. Error config: the ledger belongs to another source; names the
/// files that may be deleted after a trial.
[[nodiscard]] Result<bool> check_source(const ServeConfig& config, Ledger& ledger);
/// Writes the file "source". Once all ports are bound: a start that failed must not bind a new directory.
[[nodiscard]] Status mark_source(const ServeConfig& config);

/// With a reward contract the source must be on the contract's chain. Work on the embedded chain is worth
/// nothing anywhere: it may meet a contract only behind an RPC endpoint on loopback, for a trial. Error config.
[[nodiscard]] Status check_reward_chain(const ServeConfig& config, const ChainIdentity& chain);

/// Before the ledger is used: as check_source() for the chain.
[[nodiscard]] Status check_chain(const ServeConfig& config, Ledger& ledger, const ChainIdentity& chain);
/// Writes the chain into the ledger, and what is not known there yet into the log. Error config: it has another
/// chain, which it keeps.
[[nodiscard]] Status bind_chain(const ServeConfig& config, Ledger& ledger, const ChainIdentity& chain,
                                const Log& log);

/// The same for the log of state diffs. An empty log may get another chain. `other_source`: as check_source()
/// said.
[[nodiscard]] Status check_chain(const ServeConfig& config, const SqliteDiffStore& diffs,
                                 const ChainIdentity& chain, bool other_source = false);
[[nodiscard]] Status bind_chain(const ServeConfig& config, SqliteDiffStore& diffs, const ChainIdentity& chain,
                                const Log& log);

}  // namespace ioswarm::cli
