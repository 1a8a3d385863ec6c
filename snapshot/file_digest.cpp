// SPDX-License-Identifier: Apache-2.0
#include "snapshot/file_digest.hpp"

#include "core/base/descriptor.hpp"
#include "core/base/try.hpp"
#include "core/crypto/sha256.hpp"

namespace ioswarm::snapshot {
namespace {

constexpr const char* kCannotDigest = "cannot read back";
constexpr std::size_t kDigestPieceBytes = std::size_t{4} * 1024 * 1024;

Result<Hash256> digest_of(int fd, const std::string& path, const std::stop_token& stop) {
    Sha256 hash;
    Bytes piece(kDigestPieceBytes);
    for (off_t offset = 0; !stop.stop_requested();) {
        // Only a hint. On a file system without it the fsync takes longer.
        (void)::sync_file_range(fd, offset, kDigestPieceBytes, SYNC_FILE_RANGE_WRITE);
        IOSWARM_TRY(const auto got,
                    read_at(fd, piece, static_cast<std::uint64_t>(offset), kCannotDigest, path));
        if (got == 0) return hash.finish();
        hash.update(BytesView(piece).first(got));
        offset += static_cast<off_t>(got);
    }
    return fail(ErrorCode::cancelled, "stopped reading back", path);
}

}  // namespace

FileDigest::FileDigest(const std::string& path) {
    std::promise<Result<Hash256>> promise;
    digest_ = promise.get_future();
    thread_ = std::jthread([path, promise = std::move(promise)](const std::stop_token& stop) mutable {
        const auto file = open_file(path, O_RDONLY, kCannotDigest);
        promise.set_value(file ? digest_of(file->get(), path, stop) : fail(file.error()));
    });
}

}  // namespace ioswarm::snapshot
