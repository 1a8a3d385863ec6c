// SPDX-License-Identifier: Apache-2.0
#include "snapshot/file_digest.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/crypto/sha256.hpp"

namespace ioswarm::snapshot {
namespace {

constexpr std::size_t kDigestPieceBytes = std::size_t{4} * 1024 * 1024;

Result<Hash256> digest_of(int fd, const std::string& path, const std::stop_token& stop) {
    Sha256 hash;
    Bytes piece(kDigestPieceBytes);
    for (off_t offset = 0; !stop.stop_requested();) {
        // Only a hint. On a file system without it the fsync takes longer.
        (void)::sync_file_range(fd, offset, kDigestPieceBytes, SYNC_FILE_RANGE_WRITE);
        const ssize_t got = ::pread(fd, piece.data(), piece.size(), offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(errno_error(errno, "cannot read back", path));
        if (got == 0) return hash.finish();
        hash.update(BytesView(piece).first(static_cast<std::size_t>(got)));
        offset += got;
    }
    return fail(ErrorCode::cancelled, "stopped reading back", path);
}

}  // namespace

FileDigest::FileDigest(const std::string& path) {
    std::promise<Result<Hash256>> promise;
    digest_ = promise.get_future();
    thread_ = std::jthread([path, promise = std::move(promise)](const std::stop_token& stop) mutable {
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            promise.set_value(fail(errno_error(errno, "cannot read back", path)));
            return;
        }
        promise.set_value(digest_of(fd, path, stop));
        ::close(fd);
    });
}

}  // namespace ioswarm::snapshot
