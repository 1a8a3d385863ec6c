// SPDX-License-Identifier: Apache-2.0
#include "cli/settlement/wallet_lock.hpp"

#include <array>
#include <filesystem>
#include <utility>

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/config/config.hpp"
#include "cli/contracts/spend.hpp"
#include "contracts/sent_journal.hpp"

namespace ioswarm::cli {
namespace {

/// True if the process was started by root and became the owner of the data directory: $HOME is still root's.
bool has_home_of_another() {
    const auto home = process_environment()("HOME");
    struct stat info {};
    return home && ::stat(home->c_str(), &info) == 0 && info.st_uid != ::geteuid();
}

/// The directory that the commands that send transactions use when this user starts them.
Result<std::filesystem::path> wallet_lock_directory() {
    const auto state = process_environment()("XDG_STATE_HOME");
    const bool is_named = state && state->starts_with('/');
    if (is_named || ::geteuid() == 0 || !has_home_of_another()) return sent_directory();
    std::array<char, 16384> buffer{};
    struct passwd entry {};
    struct passwd* found = nullptr;
    if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return sent_directory();
    return std::filesystem::path(found->pw_dir) / ".local" / "state" / "ioswarm" / "sent";
}

}  // namespace

Result<std::optional<LockFile>> hold_settling_wallet(std::uint64_t chain_id, const Address& wallet,
                                                     const Log& log) {
    const auto directory = wallet_lock_directory();
    auto lock = directory ? contracts::lock_wallet(*directory, chain_id, wallet)
                          : Result<LockFile>(fail(directory.error()));
    if (lock) return std::optional(std::move(*lock));
    Error error = std::move(lock).error();
    if (error.code == ErrorCode::try_again) {
        error.what = "the settling wallet is in use";
        error.hint =
            "one process at a time may sign with a wallet: wait until that one has ended, or stop it if it "
            "settles from "
            "a copy of this data directory";
        return fail(std::move(error));
    }
    log.warn(
        "settlement: the lock of the settling wallet cannot be taken ({}): a settler with a copy of this data "
        "directory would not be noticed before it has sent something",
        error.text());
    return std::optional<LockFile>();
}

}  // namespace ioswarm::cli
