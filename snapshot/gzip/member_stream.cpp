// SPDX-License-Identifier: Apache-2.0
#include "snapshot/gzip/member_stream.hpp"

#include <fcntl.h>
#include <libdeflate.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <new>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "core/base/descriptor.hpp"
#include "core/base/try.hpp"

namespace ioswarm::snapshot {
namespace {

struct FreeInflate {
    void operator()(libdeflate_decompressor* inflate) const noexcept { libdeflate_free_decompressor(inflate); }
};

}  // namespace

// The places form a ring: member i uses the place i modulo their number. The reader takes members in order. A
// thread takes the next member as soon as the reader has given back its place.
struct MemberStream::State {
    struct Place {
        std::optional<Status> done;  // result of the member in this place; nothing until it is done
        Bytes raw;
    };

    std::string path;
    Descriptor file;
    std::uint64_t size = 0;
    std::vector<MemberPlace> members;

    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Place> places;
    std::size_t next_taken = 0;  // next member for a thread
    std::size_t next_given = 0;  // next member for next()
    std::size_t free_until = 0;  // members before this one have a place
    bool abandoned = false;
    Status over;                        // the reader's first error; only the reader uses it
    std::vector<std::jthread> threads;  // declared last: joined before anything that they use is destroyed

    ~State() {
        {
            const std::lock_guard lock(mutex);
            abandoned = true;
        }
        changed.notify_all();
        threads.clear();
    }

    [[nodiscard]] Status differs(std::uint64_t offset, std::string why) const {
        return fail(ErrorCode::data_loss, "the snapshot reads back differently from what was written", path,
                    fmt::format("offset {:#x}: {}", offset, why),
                    "the disk or the memory is faulty; check the machine");
    }

    Status read_member(const MemberPlace& member, Bytes& stored) const {
        stored.resize(member.bytes);
        IOSWARM_TRY(const auto got, read_at(file.get(), stored, member.offset, "cannot read back", path));
        return got == stored.size() ? Status() : differs(member.offset + got, "the file ends here");
    }

    void inflate_members() {
        const std::unique_ptr<libdeflate_decompressor, FreeInflate> inflate(libdeflate_alloc_decompressor());
        if (!inflate) throw std::bad_alloc();
        Bytes stored;
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock,
                         [&] { return abandoned || next_taken < free_until || next_taken == members.size(); });
            if (abandoned || next_taken == members.size()) return;
            const MemberPlace& member = members[next_taken];
            Place& place = places[next_taken++ % places.size()];
            lock.unlock();
            place.raw.resize(member.raw_bytes);
            Status status = read_member(member, stored);
            std::size_t taken = 0;
            if (status &&
                (libdeflate_gzip_decompress_ex(inflate.get(), stored.data(), stored.size(), place.raw.data(),
                                               place.raw.size(), &taken, nullptr) != LIBDEFLATE_SUCCESS ||
                 taken != stored.size())) {
                status = differs(member.offset, "no gzip member of this size");
            }
            lock.lock();
            place.done = std::move(status);
            changed.notify_all();
        }
    }
};

MemberStream::MemberStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
MemberStream::~MemberStream() = default;

Result<std::unique_ptr<MemberStream>> MemberStream::open(const std::string& path,
                                                         std::vector<MemberPlace> members, unsigned threads) {
    auto state = std::make_unique<State>();
    state->path = path;
    IOSWARM_TRY(auto file, open_file(path, O_RDONLY, "cannot read back"));
    state->file = std::move(file);
    struct stat info {};
    if (::fstat(state->file.get(), &info) != 0) return fail(errno_error(errno, "cannot read back", path));
    state->size = static_cast<std::uint64_t>(info.st_size);
    const std::uint64_t expected = members.empty() ? 0 : members.back().offset + members.back().bytes;
    if (state->size != expected) {
        return fail(
            state->differs(0, fmt::format("{} bytes were written, it has {}", expected, state->size)).error());
    }
    state->members = std::move(members);
    threads = std::max(threads, 1U);
    state->places.resize(2 * std::size_t{threads});
    state->free_until = std::min(state->places.size(), state->members.size());
    for (unsigned i = 0; i < threads; ++i)
        state->threads.emplace_back([&s = *state] { s.inflate_members(); });
    return std::unique_ptr<MemberStream>(new MemberStream(std::move(state)));
}

Result<BytesView> MemberStream::next() {
    State& s = *state_;
    if (!s.over) return fail(s.over.error());
    std::unique_lock lock(s.mutex);
    if (s.next_given > 0) {  // the caller no longer uses the previous piece
        s.places[(s.next_given - 1) % s.places.size()].done.reset();
        s.free_until = std::min(s.next_given + s.places.size(), s.members.size());
        s.changed.notify_all();
    }
    if (s.next_given == s.members.size()) return BytesView();
    State::Place& place = s.places[s.next_given % s.places.size()];
    s.changed.wait(lock, [&] { return place.done.has_value(); });
    if (s.over = *place.done; !s.over) return fail(s.over.error());
    ++s.next_given;
    return BytesView(place.raw);
}

std::uint64_t MemberStream::compressed_bytes() const noexcept {
    const State& s = *state_;
    return s.next_given == 0 ? 0 : s.members[s.next_given - 1].offset + s.members[s.next_given - 1].bytes;
}

std::uint64_t MemberStream::file_size() const noexcept {
    return state_->size;
}

}  // namespace ioswarm::snapshot
