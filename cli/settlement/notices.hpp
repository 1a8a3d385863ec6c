// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "settlement/view.hpp"

namespace ioswarm::cli {

/// What serve takes out of settlement.db, which the settler writes, here or in another process. The file may be
/// missing, and may come later.
class SettlementReader {
  public:
    explicit SettlementReader(std::filesystem::path dir) : dir_(std::move(dir)) {}

    /// Calls `work` with the open file. Waits for the disk and for other callers. Errors: not_found (there is
    /// no settlement.db yet), those of SettlementView, those of `work`; after an error the file is opened anew.
    [[nodiscard]] Status with(const std::function<Status(settlement::SettlementView&)>& work);

  private:
    const std::filesystem::path dir_;
    Guarded<std::unique_ptr<settlement::SettlementView>> view_;
};

/// Agent and epoch of payouts.
using PayoutKeys = std::vector<std::pair<std::string, std::uint64_t>>;

/// Every interval a thread of its own reads which payouts became final, and hands them on, so that their
/// notices go out. It may wait for the disk. After a restart it begins anew: what is marked already changes
/// nothing.
class SettlementNotices {
  public:
    static constexpr std::chrono::milliseconds kInterval{10'000};

    /// `mark` is called on the thread; it gives how many began to be due.
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
    std::uint64_t after_ = 0;  // of the thread, as the next one
    std::string told_;         // the last error that was logged
    std::jthread thread_;      // last: it uses all above
};

}  // namespace ioswarm::cli
