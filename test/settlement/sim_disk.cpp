// SPDX-License-Identifier: Apache-2.0
#include "test/settlement/sim_disk.hpp"

#include <new>

#include <sqlite3.h>

#include "test/settlement/sim_faults.hpp"

namespace ioswarm::test {
namespace {

/// A VFS in front of SQLite's own. It passes calls on, and refuses those that the simulated disk refuses.
struct Shim {
    sqlite3_vfs vfs{};
    sqlite3_vfs* real = nullptr;
    SimDisk disk;
};
Shim& shim() {
    static Shim one;
    return one;
}

struct ShimFile {
    sqlite3_file base;  // must be the first member
    sqlite3_file* real;
};
sqlite3_file* real_of(sqlite3_file* file) {
    return reinterpret_cast<ShimFile*>(file)->real;
}

int refusal() {
    SimDisk& disk = shim().disk;
    ++disk.writes;
    if (disk.dead) return SQLITE_IOERR_WRITE;
    if (disk.fails_after != 0 && disk.writes >= disk.fails_after) {
        count_fault("the disk is full");
        return SQLITE_FULL;
    }
    return SQLITE_OK;
}

int shim_close(sqlite3_file* file) {
    sqlite3_file* real = real_of(file);
    return real->pMethods == nullptr ? SQLITE_OK : real->pMethods->xClose(real);
}
int shim_read(sqlite3_file* file, void* to, int count, sqlite3_int64 at) {
    return real_of(file)->pMethods->xRead(real_of(file), to, count, at);
}
int shim_write(sqlite3_file* file, const void* from, int count, sqlite3_int64 at) {
    if (const int refused = refusal(); refused != SQLITE_OK) return refused;
    return real_of(file)->pMethods->xWrite(real_of(file), from, count, at);
}
int shim_truncate(sqlite3_file* file, sqlite3_int64 size) {
    if (shim().disk.dead) return SQLITE_IOERR_TRUNCATE;
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}
int shim_sync(sqlite3_file*, int) {
    // Nothing in the simulation loses power, so a real fsync would only cost time.
    if (shim().disk.dead) return SQLITE_IOERR_FSYNC;
    if (!shim().disk.sync_fails) return SQLITE_OK;
    count_fault("fsync fails");
    return SQLITE_IOERR_FSYNC;
}
int shim_size(sqlite3_file* file, sqlite3_int64* size) {
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
int shim_lock(sqlite3_file* file, int level) {
    return real_of(file)->pMethods->xLock(real_of(file), level);
}
int shim_unlock(sqlite3_file* file, int level) {
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
int shim_reserved(sqlite3_file* file, int* out) {
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}
int shim_control(sqlite3_file* file, int what, void* argument) {
    return real_of(file)->pMethods->xFileControl(real_of(file), what, argument);
}
int shim_sector(sqlite3_file* file) {
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}
int shim_device(sqlite3_file* file) {
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}
int shim_shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}
int shim_shm_lock(sqlite3_file* file, int offset, int count, int flags) {
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}
void shim_shm_barrier(sqlite3_file* file) {
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}
int shim_shm_unmap(sqlite3_file* file, int remove) {
    return real_of(file)->pMethods->xShmUnmap(real_of(file), shim().disk.dead ? 0 : remove);
}

const sqlite3_io_methods kShimMethods = [] {
    sqlite3_io_methods out{};
    out.iVersion = 2;
    out.xClose = shim_close;
    out.xRead = shim_read;
    out.xWrite = shim_write;
    out.xTruncate = shim_truncate;
    out.xSync = shim_sync;
    out.xFileSize = shim_size;
    out.xLock = shim_lock;
    out.xUnlock = shim_unlock;
    out.xCheckReservedLock = shim_reserved;
    out.xFileControl = shim_control;
    out.xSectorSize = shim_sector;
    out.xDeviceCharacteristics = shim_device;
    out.xShmMap = shim_shm_map;
    out.xShmLock = shim_shm_lock;
    out.xShmBarrier = shim_shm_barrier;
    out.xShmUnmap = shim_shm_unmap;
    return out;
}();

int shim_open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
    auto* mine = new (file) ShimFile{};
    mine->real = reinterpret_cast<sqlite3_file*>(mine + 1);
    const int opened = shim().real->xOpen(shim().real, name, mine->real, flags, out_flags);
    mine->base.pMethods = mine->real->pMethods != nullptr ? &kShimMethods : nullptr;
    return opened;
}
int shim_delete(sqlite3_vfs*, const char* name, int sync) {
    if (shim().disk.dead) return SQLITE_IOERR_DELETE;
    return shim().real->xDelete(shim().real, name, sync);
}

}  // namespace

SimDisk& sim_disk() {
    Shim& one = shim();
    if (one.real == nullptr) {
        // The simulation has one thread and needs no figures of SQLite's memory, which cost time.
        sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
        sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
        one.real = sqlite3_vfs_find(nullptr);
        one.vfs = *one.real;  // all other calls go to the real VFS, which ignores the vfs argument
        one.vfs.zName = "ioswarm-sim";
        one.vfs.szOsFile = static_cast<int>(sizeof(ShimFile)) + one.real->szOsFile;
        one.vfs.pNext = nullptr;
        one.vfs.xOpen = shim_open;
        one.vfs.xDelete = shim_delete;
        sqlite3_vfs_register(&one.vfs, 1);
    }
    return one.disk;
}

}  // namespace ioswarm::test
