// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "core/accounting/accounting.hpp"
#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/coordinator/engine.hpp"
#include "core/ports/block_source.hpp"

namespace ioswarm {

/// Takes executed blocks one after the other to the accounts, then to the tasks. One thread calls step() or
/// run().
class BlockFollower {
  public:
    struct Counters {
        std::atomic<std::uint64_t> errors{0};
        std::atomic<std::uint64_t> skips{0};   ///< times that missed blocks were left out
        std::atomic<std::uint64_t> alarms{0};  ///< blocks with actions whose hash no receipt has
    };

    BlockFollower(BlockSource& source, Accounting& accounting, Engine& engine, Log log)
        : source_(source), accounting_(accounting), engine_(engine), log_(std::move(log)) {}

    /// Waits for the next block and takes it. A block that the accounts did not take is kept and given to them
    /// again by the next call. Errors: of the source and the accounts; cancelled when `stop` is requested.
    [[nodiscard]] Status step(std::stop_token stop);
    /// step() until `stop`, waiting after errors.
    void run(const std::stop_token& stop);

    [[nodiscard]] const Counters& counters() const { return counters_; }
    /// What the last failed step said; empty after one that went well. From any thread.
    [[nodiscard]] std::string last_error() const { return *last_error_.lock(); }

  private:
    [[nodiscard]] std::uint64_t next_height();
    [[nodiscard]] Status take_next(std::stop_token stop);
    [[nodiscard]] Status fetch(std::stop_token stop);

    BlockSource& source_;
    Accounting& accounting_;
    Engine& engine_;
    const Log log_;
    std::optional<ExecutedBlock> block_;  // fetched, and not taken by the accounts yet
    bool live_ = false;                   // go on with the next block to come, whatever was missed
    Counters counters_;
    Guarded<std::string> last_error_;
};

}  // namespace ioswarm
