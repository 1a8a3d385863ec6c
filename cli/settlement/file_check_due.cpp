// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/file_check_due.hpp"

#include <sys/stat.h>

namespace ioswarm::cli {

using settlement::SettlementStore;

FileCheckDue::Look FileCheckDue::look(const std::filesystem::path& file, Clock::Steady now) const {
    Look out;
    out.at = now;
    struct stat info {};
    if (stat(file.c_str(), &info) == 0) out.file.emplace(info.st_dev, info.st_ino);
    const bool is_known = last_ && last_->file == out.file && now - last_->at < kInterval;
    if (is_known) out.check = SettlementStore::FileCheck::schema;
    return out;
}

void FileCheckDue::passed(const Look& look) {
    if (look.check == SettlementStore::FileCheck::whole) last_ = look;
}

}  // namespace ioswarm::cli
