// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/file_check_due.hpp"

namespace ioswarm::cli {

using settlement::SettlementStore;

FileCheckDue::Look FileCheckDue::look(const std::filesystem::path& file, Clock::Steady now) const {
    Look out;
    out.at = now;
    out.file = file_identity(file);
    const bool is_known = last_ && last_->file == out.file && now - last_->at < kInterval;
    if (is_known) out.check = SettlementStore::FileCheck::schema;
    return out;
}

void FileCheckDue::passed(const Look& look) {
    if (look.check == SettlementStore::FileCheck::whole) last_ = look;
}

}  // namespace ioswarm::cli
