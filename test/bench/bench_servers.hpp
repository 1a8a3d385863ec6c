// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace ioswarm::bench {

inline constexpr std::string_view kSecret = "bench-secret";

/// A program that needs servers calls this first. If argv[1] is "coordinator", "diffs" or "bare", this process
/// acts as that server (see ChildProcess), and its exit status is returned here. Both kinds of server, real and
/// bare, serve the agent port on loopback with the same gRPC settings.
///   coordinator (argv[2]: directory of the ledger): everything of `ioswarm serve` except the HTTP API, wired
///   as
///     there (cli/wiring), on BenchSource and with a log of state diffs in memory. It takes 20,000 agents,
///     heartbeats may be missing for an hour, and batches stay open for an hour.
///     Commands: feed N, mine, blocks N (empty ones), append N (state diffs of 22 KB), cpu.
///   diffs (argv[2]: directory of the diff log, argv[3]: number of diffs to put into it first, argv[4]: size
///     of a diff in bytes): the agent port with StreamStateDiffs only, on SQLite.
///     Commands: bytes N (size of later diffs), append N, streams N (waits for that many streams), cpu.
///   bare: answers each unary call with a fixed accepting answer and holds task streams. It looks only at the
///     method and the first byte. Command: cpu.
[[nodiscard]] std::optional<int> serve_if_asked(int argc, char** argv);

}  // namespace ioswarm::bench
