// SPDX-License-Identifier: Apache-2.0
// A library for LD_PRELOAD that makes a program's disk and clock fail. It is controlled by these variables:
//   FAULT_DIR         only files below this directory are concerned
//   FAULT_WRITES      so many writes work; all later ones fail as on a full disk
//   FAULT_SYNCS       so many syncs work; all later ones fail with EIO
//   FAULT_SYNC_MS     each sync takes so many milliseconds longer
//   FAULT_CLOCK_FILE  a file with the number of seconds that are added to the time of day; read at each call
// It replaces C functions, so its names are theirs.
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

template <typename Function>
Function* real(const char* name) {
    void* const found = dlsym(RTLD_NEXT, name);
    Function* out = nullptr;
    static_assert(sizeof out == sizeof found);
    std::memcpy(&out, &found, sizeof out);
    return out;
}

long number_of(const char* name, long otherwise) {
    const char* const text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody changes it
    return text != nullptr ? std::strtol(text, nullptr, 10) : otherwise;
}

bool is_concerned(int fd) {
    static const char* const dir = std::getenv("FAULT_DIR");  // NOLINT(concurrency-mt-unsafe)
    if (dir == nullptr) return false;
    char link[64];
    static_cast<void>(std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd));
    char path[4096];
    const ssize_t size = readlink(link, path, sizeof path);
    const std::size_t length = std::strlen(dir);
    return size > 0 && static_cast<std::size_t>(size) > length && std::strncmp(path, dir, length) == 0;
}

/// True when this call must fail: the first `allowed` calls work.
bool is_over(std::atomic<long>& calls, long allowed) {
    return allowed >= 0 && calls.fetch_add(1) >= allowed;
}

bool disk_is_full(int fd) {
    static std::atomic<long> writes{0};
    static const long allowed = number_of("FAULT_WRITES", -1);
    if (allowed < 0 || !is_concerned(fd) || !is_over(writes, allowed)) return false;
    errno = ENOSPC;
    return true;
}

bool sync_fails(int fd) {
    static std::atomic<long> syncs{0};
    static const long allowed = number_of("FAULT_SYNCS", -1);
    static const long slow_ms = number_of("FAULT_SYNC_MS", 0);
    if ((allowed < 0 && slow_ms == 0) || !is_concerned(fd)) return false;
    if (slow_ms > 0) static_cast<void>(usleep(static_cast<useconds_t>(slow_ms) * 1000));
    if (!is_over(syncs, allowed)) return false;
    errno = EIO;
    return true;
}

time_t seconds_off() {
    static const char* const file = std::getenv("FAULT_CLOCK_FILE");  // NOLINT(concurrency-mt-unsafe)
    if (file == nullptr) return 0;
    const int saved = errno;
    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    char text[32] = {};
    if (fd >= 0) {
        static_cast<void>(read(fd, text, sizeof text - 1) < 0);
        close(fd);
    }
    errno = saved;
    return std::strtol(text, nullptr, 10);
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t size) {
    static auto* const next = real<ssize_t(int, const void*, size_t)>("write");
    return disk_is_full(fd) ? -1 : next(fd, data, size);
}
ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
    static auto* const next = real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
    return disk_is_full(fd) ? -1 : next(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
    static auto* const next = real<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
    return disk_is_full(fd) ? -1 : next(fd, data, size, at);
}
int fsync(int fd) {
    static auto* const next = real<int(int)>("fsync");
    return sync_fails(fd) ? -1 : next(fd);
}
int fdatasync(int fd) {
    static auto* const next = real<int(int)>("fdatasync");
    return sync_fails(fd) ? -1 : next(fd);
}
int clock_gettime(clockid_t clock, struct timespec* out) noexcept {
    static auto* const next = real<int(clockid_t, struct timespec*)>("clock_gettime");
    const int result = next(clock, out);
    if (result == 0 && clock == CLOCK_REALTIME) out->tv_sec += seconds_off();
    return result;
}
int gettimeofday(struct timeval* __restrict out, void* __restrict zone) noexcept {
    static auto* const next = real<int(struct timeval*, void*)>("gettimeofday");
    const int result = next(out, zone);
    if (result == 0) out->tv_sec += seconds_off();
    return result;
}
time_t time(time_t* out) noexcept {
    struct timespec now {};
    static_cast<void>(clock_gettime(CLOCK_REALTIME, &now));
    if (out != nullptr) *out = now.tv_sec;
    return now.tv_sec;
}

}  // extern "C"
