// SPDX-License-Identifier: Apache-2.0
#include "snapshot/gzip/parallel.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/try.hpp"
#include "core/crypto/sha256.hpp"

namespace ioswarm::snapshot {

// A block goes through three steps: hashing (in order, one thread), compressing (in any order, several threads)
// and writing (in order, one thread). It leaves the queue when it is hashed and written; its buffers then go
// back to the producer. One mutex guards everything. The work itself is done without it.
struct ParallelGzip::State {
    struct Block {
        Bytes raw;  // has the size of the settings, and is filled up to `used`
        std::size_t used = 0;
        Bytes member;
        bool to_hash = true;
        bool hashed = false;
        bool taken = false;  // a compressor has it
        bool compressed = false;
        [[nodiscard]] BytesView data() const noexcept { return BytesView(raw).first(used); }
    };
    using BlockPtr = std::shared_ptr<Block>;

    explicit State(const Settings& settings_in, Sink sink_in)
        : settings(settings_in), sink(std::move(sink_in)), max_blocks(2 * std::size_t{settings.threads} + 4) {}

    const Settings settings;
    const Sink sink;
    const std::size_t max_blocks;

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<BlockPtr> blocks;  // blocks in work, in order
    std::vector<BlockPtr> spare;  // finished blocks, to be reused
    // Used only by the hasher, except by digest() when the hasher is idle.
    Sha256 hash;
    Status failed;
    bool closing = false;  // no more blocks will come
    bool abandoned = false;

    BlockPtr filling;     // used only by the producer
    bool hashing = true;  // used only by the producer
    std::uint64_t raw_bytes = 0;
    std::vector<std::jthread> threads;  // declared last: joined before anything that they use is destroyed

    template <typename Ready>
    BlockPtr wait_for(std::unique_lock<std::mutex>& lock, const Ready& ready) {
        for (;;) {
            if (abandoned) return nullptr;
            for (const BlockPtr& block : blocks) {
                if (ready(*block)) return block;
            }
            if (closing && blocks.empty()) return nullptr;
            changed.wait(lock);
        }
    }

    void hash_blocks() {
        std::unique_lock lock(mutex);
        while (const BlockPtr block = wait_for(lock, [](const Block& b) { return !b.hashed; })) {
            lock.unlock();
            if (block->to_hash) hash.update(block->data());
            lock.lock();
            block->hashed = true;
            changed.notify_all();
        }
    }

    void compress_blocks() {
        MemberCompressor compressor(settings.compression);
        std::unique_lock lock(mutex);
        while (const BlockPtr block = wait_for(lock, [](const Block& b) { return !b.taken; })) {
            block->taken = true;
            lock.unlock();
            compressor.compress(block->data(), block->member);
            lock.lock();
            block->compressed = true;
            changed.notify_all();
        }
    }

    void write_blocks() {
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [&] {
                return abandoned || (closing && blocks.empty()) ||
                       (!blocks.empty() && blocks.front()->compressed && blocks.front()->hashed);
            });
            if (abandoned || blocks.empty()) return;
            const BlockPtr block = blocks.front();
            if (failed) {
                lock.unlock();
                Status written = sink(block->member);
                lock.lock();
                if (!written) failed = written;
            }
            blocks.pop_front();
            spare.push_back(block);
            changed.notify_all();
        }
    }

    Status push() {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return blocks.size() < max_blocks; });
        if (!failed) return failed;
        filling->to_hash = hashing;
        blocks.push_back(std::move(filling));
        filling = nullptr;
        changed.notify_all();
        return {};
    }

    void take_buffer() {
        const std::lock_guard lock(mutex);
        if (spare.empty()) {
            filling = std::make_shared<Block>();
            filling->raw.resize(settings.block_bytes);
            return;
        }
        filling = std::move(spare.back());
        spare.pop_back();
        filling->used = 0;
        filling->hashed = filling->taken = filling->compressed = false;
    }
};

ParallelGzip::ParallelGzip(const Settings& settings, Sink sink)
    : state_(std::make_unique<State>(settings, std::move(sink))) {
    State& s = *state_;
    s.threads.emplace_back([&s] { s.hash_blocks(); });
    s.threads.emplace_back([&s] { s.write_blocks(); });
    for (unsigned i = 0; i < settings.threads; ++i)
        s.threads.emplace_back([&s] { s.compress_blocks(); });
}

ParallelGzip::~ParallelGzip() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->abandoned = true;
    }
    state_->changed.notify_all();
}

Status ParallelGzip::append(BytesView data) {
    State& s = *state_;
    s.raw_bytes += data.size();
    while (!data.empty()) {
        if (!s.filling) s.take_buffer();
        State::Block& block = *s.filling;
        const std::size_t part = std::min(data.size(), block.raw.size() - block.used);
        std::copy_n(data.begin(), part, block.raw.begin() + static_cast<std::ptrdiff_t>(block.used));
        block.used += part;
        data = data.subspan(part);
        if (block.used == block.raw.size()) {
            IOSWARM_DO(s.push());
        }
    }
    return {};
}

std::uint8_t* ParallelGzip::extend(std::size_t size) {
    State& s = *state_;
    if (!s.filling || s.filling->raw.size() - s.filling->used <= size) return nullptr;
    std::uint8_t* const at = s.filling->raw.data() + s.filling->used;
    s.filling->used += size;
    s.raw_bytes += size;
    return at;
}

Result<Hash256> ParallelGzip::digest() {
    State& s = *state_;
    if (s.filling && s.filling->used != 0) {
        IOSWARM_DO(s.push());
    }
    s.hashing = false;
    std::unique_lock lock(s.mutex);
    s.changed.wait(lock, [&] {
        return std::all_of(s.blocks.begin(), s.blocks.end(), [](const auto& block) { return block->hashed; });
    });
    if (!s.failed) return fail(s.failed.error());
    return s.hash.finish();
}

Status ParallelGzip::finish() {
    State& s = *state_;
    if (s.filling && s.filling->used != 0) {
        IOSWARM_DO(s.push());
    }
    std::unique_lock lock(s.mutex);
    s.closing = true;
    s.changed.notify_all();
    s.changed.wait(lock, [&] { return s.blocks.empty(); });
    return s.failed;
}

std::uint64_t ParallelGzip::raw_bytes() const noexcept {
    return state_->raw_bytes;
}

}  // namespace ioswarm::snapshot
