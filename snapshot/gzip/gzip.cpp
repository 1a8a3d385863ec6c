// SPDX-License-Identifier: Apache-2.0
#include "snapshot/gzip/gzip.hpp"

#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/descriptor.hpp"
#include "core/base/try.hpp"

namespace ioswarm::snapshot {
namespace {

constexpr int kIsalFastLevel = 1;
constexpr int kIsalStandardLevel = 3;
constexpr int kSmallLevel = 10;
constexpr std::size_t kPieceBytes = std::size_t{128} * 1024;
/// The largest size of a member: a gzip header and trailer, and stored blocks (5 bytes per 64 KiB) if nothing
/// can be compressed.
std::size_t member_bound(std::size_t raw) {
    return raw + raw / 1024 + 1024;
}

std::string_view explain(int code) {
    switch (code) {
        case ISAL_INVALID_WRAPPER:
            return "no gzip header";
        case ISAL_UNSUPPORTED_METHOD:
            return "an unknown method of compression";
        case ISAL_INCORRECT_CHECKSUM:
            return "incorrect checksum or length";
        case ISAL_INVALID_LOOKBACK:
            return "a reference to before its beginning";
        default:
            return "an invalid block";
    }
}

/// A file, read in large pieces.
class FileBytes final : public RawBytes {
  public:
    FileBytes(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}

    Result<BytesView> next() override {
        IOSWARM_TRY(const auto got, read_some(file_.get(), piece_, "cannot read", path_));
        return BytesView(piece_).first(got);
    }
    [[nodiscard]] int descriptor() const noexcept { return file_.get(); }

  private:
    const std::string path_;
    const Descriptor file_;
    Bytes piece_ = Bytes(std::size_t{256} * 1024);
};

struct FreeDeflate {
    void operator()(libdeflate_compressor* compressor) const noexcept {
        libdeflate_free_compressor(compressor);
    }
};

}  // namespace

struct MemberCompressor::State {
    int isal_level = 0;  // 0: libdeflate
    std::vector<std::uint8_t> isal_buffer;
    std::unique_ptr<libdeflate_compressor, FreeDeflate> deflate;
};

MemberCompressor::MemberCompressor(Compression compression) : state_(std::make_unique<State>()) {
    if (compression == Compression::small) {
        state_->deflate.reset(libdeflate_alloc_compressor(kSmallLevel));
        if (!state_->deflate) throw std::bad_alloc();
        return;
    }
    state_->isal_level = compression == Compression::fast ? kIsalFastLevel : kIsalStandardLevel;
    state_->isal_buffer.resize(state_->isal_level == 1 ? ISAL_DEF_LVL1_DEFAULT : ISAL_DEF_LVL3_DEFAULT);
}

MemberCompressor::~MemberCompressor() = default;

void MemberCompressor::compress(BytesView raw, Bytes& out) {
    out.resize(member_bound(raw.size()));
    if (state_->deflate) {
        out.resize(
            libdeflate_gzip_compress(state_->deflate.get(), raw.data(), raw.size(), out.data(), out.size()));
        return;
    }
    isal_zstream stream;
    isal_deflate_stateless_init(&stream);
    stream.level = static_cast<std::uint32_t>(state_->isal_level);
    stream.level_buf = state_->isal_buffer.data();
    stream.level_buf_size = static_cast<std::uint32_t>(state_->isal_buffer.size());
    stream.gzip_flag = IGZIP_GZIP;
    stream.end_of_stream = 1;
    stream.flush = NO_FLUSH;
    stream.next_in = const_cast<std::uint8_t*>(raw.data());
    stream.avail_in = static_cast<std::uint32_t>(raw.size());
    stream.next_out = out.data();
    stream.avail_out = static_cast<std::uint32_t>(out.size());
    isal_deflate_stateless(&stream);
    out.resize(stream.total_out);
}

struct GzipReader::State {
    std::string path;
    std::unique_ptr<RawBytes> source;
    std::uint64_t size = 0;
    std::uint64_t taken = 0;  // bytes that came from the source
    // ISA-L's inflate is about three times as fast as zlib's. It can read members of any length, as zlib can.
    inflate_state inflate;
    bool started = false;  // in the middle of a member
    bool any_member = false;
    bool at_end = false;  // end of the source
    Bytes piece;          // the piece that next() returned

    [[nodiscard]] Error corrupt(std::string why) const {
        return Error{ErrorCode::bad_data, "broken gzip stream", path, std::move(why),
                     "get the file again, or export a new one"};
    }

    /// Prepares to read the header of a member.
    void begin_member() {
        isal_inflate_reset(&inflate);
        inflate.crc_flag = ISAL_GZIP;
    }

    Status refill() {
        if (inflate.avail_in != 0 || at_end) return {};
        IOSWARM_TRY(const auto raw, source->next());
        at_end = raw.empty();
        taken += raw.size();
        inflate.next_in = const_cast<std::uint8_t*>(raw.data());  // ISA-L does not write to it
        inflate.avail_in = static_cast<std::uint32_t>(raw.size());
        return {};
    }
};

GzipReader::GzipReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
GzipReader::~GzipReader() = default;

Result<RawFile> open_raw_file(const std::string& path) {
    IOSWARM_TRY(auto opened, open_file(path, kReadOnly, "cannot open the snapshot"));
    auto file = std::make_unique<FileBytes>(path, std::move(opened));
    struct stat info {};
    if (::fstat(file->descriptor(), &info) != 0)
        return fail(errno_error(errno, "cannot open the snapshot", path));
    if (!S_ISREG(info.st_mode)) {
        return fail(ErrorCode::bad_data, "cannot read the snapshot", path, "it is not a regular file");
    }
    ::posix_fadvise(file->descriptor(), 0, 0, POSIX_FADV_SEQUENTIAL);
    return RawFile{std::move(file), static_cast<std::uint64_t>(info.st_size)};
}

Result<std::unique_ptr<GzipReader>> GzipReader::open(const std::string& path) {
    IOSWARM_TRY(auto file, open_raw_file(path));
    return open(path, file.size, std::move(file.bytes));
}

std::unique_ptr<GzipReader> GzipReader::open(const std::string& path, std::uint64_t size,
                                             std::unique_ptr<RawBytes> source) {
    auto state = std::make_unique<State>();
    state->path = path;
    state->source = std::move(source);
    state->size = size;
    isal_inflate_init(&state->inflate);
    state->inflate.avail_in = 0;
    state->begin_member();
    return std::unique_ptr<GzipReader>(new GzipReader(std::move(state)));
}

Result<std::size_t> GzipReader::read(std::span<std::uint8_t> out) {
    State& s = *state_;
    std::size_t done = 0;
    while (done < out.size()) {
        IOSWARM_DO(s.refill());
        const bool no_more = s.inflate.avail_in == 0;
        if (no_more && !s.started) {
            if (!s.any_member) return fail(s.corrupt("it is empty"));
            break;
        }
        s.started = true;
        s.inflate.next_out = out.data() + done;
        const std::size_t room = std::min<std::size_t>(out.size() - done, 1U << 30);
        s.inflate.avail_out = static_cast<std::uint32_t>(room);
        const int code = isal_inflate(&s.inflate);
        const std::size_t made = room - s.inflate.avail_out;
        done += made;
        if (code < ISAL_DECOMP_OK) {
            return fail(s.corrupt((s.any_member ? "after a whole member: " : "") + std::string(explain(code))));
        }
        if (s.inflate.block_state == ISAL_BLOCK_FINISH) {
            s.started = false;
            s.any_member = true;
            s.begin_member();
        } else if (no_more && made == 0) {
            return fail(s.corrupt("it ends inside a member: the file was cut short"));
        }
    }
    return done;
}

Result<BytesView> GzipReader::next() {
    state_->piece.resize(kPieceBytes);
    IOSWARM_TRY(const auto got, read(state_->piece));
    return BytesView(state_->piece).first(got);
}

std::uint64_t GzipReader::compressed_bytes() const noexcept {
    return state_->taken - state_->inflate.avail_in;
}

std::uint64_t GzipReader::file_size() const noexcept {
    return state_->size;
}

}  // namespace ioswarm::snapshot
