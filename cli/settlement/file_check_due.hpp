// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>

#include "cli/settlement/file_identity.hpp"
#include "core/ports/clock.hpp"
#include "settlement/store.hpp"

namespace ioswarm::cli {

/// Decides how thoroughly serve examines settlement.db when it opens it. While the settler waits, serve opens
/// the file every few seconds, and examining all of a large file takes a while. So that is done the first time,
/// then once per hour, and whenever another file stands in its place. For use by one thread.
class FileCheckDue {
  public:
    struct Look {
        settlement::SettlementStore::FileCheck check = settlement::SettlementStore::FileCheck::whole;
        std::optional<FileIdentity> file;
        Clock::Steady at;
    };
    [[nodiscard]] Look look(const std::filesystem::path& file, Clock::Steady now) const;
    /// Call this when the file was opened, and so was found sound.
    void passed(const Look& look);

  private:
    static constexpr std::chrono::hours kInterval{1};
    std::optional<Look> last_;  ///< the last look that examined the whole file
};

}  // namespace ioswarm::cli
