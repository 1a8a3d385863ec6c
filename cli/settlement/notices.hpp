// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cli/settlement/file_identity.hpp"
#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "settlement/view.hpp"

namespace ioswarm::cli {

/// serve's read access to settlement.db, which the settler writes, in this or another process. The file may be
/// missing and may appear later.
class SettlementReader {
  public:
    explicit SettlementReader(std::filesystem::path dir) : dir_(std::move(dir)) {}

    /// Calls `work` with the open file. Waits for the disk and for other callers. Errors: not_found
    /// (settlement.db does not exist yet), those of SettlementView, and those of `work`. After an error the
    /// file is opened again, and also when another file took its place (`settle init` after the old one was
    /// moved away).
    [[nodiscard]] Status with(const std::function<Status(settlement::SettlementView&)>& work);
    /// How many different files with() has opened. What was read before is of another file if this changes.
    [[nodiscard]] std::uint64_t files_opened() const { return files_opened_.load(); }

  private:
    struct Opened {
        std::unique_ptr<settlement::SettlementView> view;
        std::optional<FileIdentity> file;
    };
    const std::filesystem::path dir_;
    Guarded<Opened> opened_;
    std::atomic<std::uint64_t> files_opened_{0};
};

/// A warning for the first start with a contract: what agents earned before it was announced and is never
/// settled. Empty when there is nothing to say, also when the files cannot be read.
[[nodiscard]] std::string announced_before_contract(const std::filesystem::path& dir);

/// (agent id, epoch) of payouts.
using PayoutKeys = std::vector<std::pair<std::string, std::uint64_t>>;

/// Reads regularly which payouts became final and reports them, so that their notices are sent to the agents.
/// Has its own thread, which may wait for the disk. After a restart it reports all of them again, which is
/// harmless: marking a payout twice changes nothing.
class SettlementNotices {
  public:
    static constexpr std::chrono::milliseconds kInterval{10'000};

    /// Called on the thread with final payouts. Returns how many notices became due.
    using Mark = std::function<Result<std::size_t>(const PayoutKeys&)>;
    SettlementNotices(std::filesystem::path dir, Mark mark, Log log,
                      std::chrono::milliseconds interval = kInterval);
    SettlementNotices(const SettlementNotices&) = delete;
    SettlementNotices& operator=(const SettlementNotices&) = delete;

  private:
    void run(const std::stop_token& stop);
    [[nodiscard]] Status look(const std::stop_token& stop);

    SettlementReader reader_;
    const Mark mark_;
    const Log log_;
    const std::chrono::milliseconds interval_;
    // Used by the thread only.
    std::uint64_t after_ = 0;  // the position in the file that was opened last
    std::uint64_t file_ = 0;   // SettlementReader::files_opened() when `after_` was read
    std::string logged_;       // the last error that was logged
    std::jthread thread_;      // last member: the thread uses all of the above
};

}  // namespace ioswarm::cli
