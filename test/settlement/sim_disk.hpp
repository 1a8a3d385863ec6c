// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace ioswarm::test {

/// The disk under every SQLite file of this program, from the first call of sim_disk() on. For use by one
/// thread.
struct SimDisk {
    bool dead = false;              ///< the process was killed: no write reaches a file any more
    std::uint64_t writes = 0;       ///< number of writes so far
    std::uint64_t fails_after = 0;  ///< the disk is full from this number of writes on; 0 = never
    bool sync_fails = false;        ///< makes every fsync fail

    /// Makes the disk full after `more` further writes.
    void fill_after(std::uint64_t more) { fails_after = writes + more + 1; }
    void repair() {
        fails_after = 0;
        sync_fails = false;
    }
};
SimDisk& sim_disk();

}  // namespace ioswarm::test
