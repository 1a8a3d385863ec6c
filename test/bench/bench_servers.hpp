// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace ioswarm::bench {

inline constexpr std::string_view kSecret = "bench-secret";

/// What a program with servers of its own does first: with argv[1] = "coordinator" (argv[2]: directory of the
/// ledger), "diffs" or "bare" it is such a server (ChildProcess) and returns its exit status here. Both serve
/// the agent port on loopback under the same gRPC settings.
///   coordinator: all of `ioswarm serve` but the HTTP API: agent port with authentication, coordinator,
///   accounting and
///     ledger, over BenchSource. Room for 20,000 agents; heartbeats may be missing for an hour; batches stay
///     open for an hour. Commands: feed N, mine, blocks N (empty ones), append N (state diffs of 22 KB), cpu.
///   diffs (argv[2]: directory of the diff log, argv[3]: diffs to put into it first, argv[4]: bytes of each):
///   the
///     agent port with StreamStateDiffs alone, on SQLite. Commands: bytes N (of diffs from now on), append N,
///     streams N (waits for so many), cpu.
///   bare: answers each unary call with a fixed accepting answer and holds task streams; looks at nothing but
///   the
///     method and the first byte. Command: cpu.
[[nodiscard]] std::optional<int> serve_if_asked(int argc, char** argv);

}  // namespace ioswarm::bench
