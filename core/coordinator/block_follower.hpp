// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "core/accounting/payroll.hpp"
#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/outage.hpp"
#include "core/coordinator/counters.hpp"
#include "core/coordinator/engine.hpp"
#include "core/ports/block_source.hpp"

namespace ioswarm {

/// Passes executed blocks one after the other to the payroll, then to the engine. One thread calls step() or
/// run().
class BlockFollower {
  public:
    /// The result of each call of the source is reported to `outage`, which other users of the source may
    /// share.
    BlockFollower(BlockSource& source, Payroll& payroll, Engine& engine, Log log, Outage& outage,
                  const metrics::Registry& registry)
        : source_(source),
          payroll_(payroll),
          engine_(engine),
          log_(std::move(log)),
          outage_(outage),
          counters_(registry) {}

    /// Waits for the next block and processes it. A block that the payroll did not accept is kept, and the
    /// next call tries it again. Errors: those of the source and the payroll; cancelled when `stop` is
    /// requested.
    [[nodiscard]] Status step(std::stop_token stop);
    /// Calls step() until `stop`, and waits after errors.
    void run(const std::stop_token& stop);

    /// The error of the last step; empty if it succeeded. May be called from any thread.
    [[nodiscard]] std::string last_error() const { return *last_error_.lock(); }

  private:
    [[nodiscard]] std::uint64_t next_height();
    [[nodiscard]] Status take_next(std::stop_token stop);
    [[nodiscard]] Status fetch(std::stop_token stop);

    BlockSource& source_;
    Payroll& payroll_;
    Engine& engine_;
    const Log log_;
    Outage& outage_;
    std::optional<ExecutedBlock> block_;  // fetched, but not accepted by the payroll yet
    bool live_ = false;                   // continue with the next new block and skip the missed ones
    std::uint64_t gap_end_ = 0;           // last block of the last gap that was left out
    const BlockCounters counters_;
    Guarded<std::string> last_error_;
};

}  // namespace ioswarm
