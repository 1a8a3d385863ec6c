// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/base/pause.hpp"
#include "core/base/try.hpp"
#include "proto/node/link.hpp"
#include "proto/node/web3.hpp"
#include "proto/node/wire.hpp"

// StreamBlocks sends new blocks and nothing else. A subscription is not confirmed and starts with the next
// block. A node that was restarted and a half-open connection both look like a chain without new blocks. So
// after it opened a stream, after a gap and after each quiet period, the source asks for the tip and fetches
// missing blocks with GetRawBlocks. If it finds a block this way that the stream should have sent, it closes
// that stream and opens a new one.

namespace ioswarm::proto {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Maximum number of blocks per request; full blocks with receipts are about 1 MB.
constexpr std::uint64_t kFetchBlocks = 10;
/// Maximum number of blocks held ahead; above this the highest is dropped and fetched again later.
constexpr std::size_t kMaxReady = 32;

Error stopped() {
    return {ErrorCode::cancelled, "cannot wait for a block", {}, "stopped", {}};
}

class NodeBlocks final : public BlockSource {
  public:
    explicit NodeBlocks(NodeLink& link) : link_(link), random_(std::random_device{}()) {}

    Result<ExecutedBlock> next(std::uint64_t height, std::stop_token stop) override;

  private:
    Result<ExecutedBlock> next_of_grpc(std::uint64_t height, const std::stop_token& stop);
    Result<std::uint64_t> next_to_come(const std::stop_token& stop);
    Result<ExecutedBlock> next_of_web3(std::uint64_t height, const std::stop_token& stop);
    Status open_stream(const std::stop_token& stop);
    void lose_stream(const Error& why);
    Status take_message(BytesView message, std::uint64_t height, const ChainIds& ids,
                        const std::stop_token& stop);
    Status fetch_missed(std::uint64_t height, const ChainIds& ids, const std::stop_token& stop);
    void keep(NodeBlock block);
    std::optional<ExecutedBlock> take_ready(std::uint64_t height);

    NodeLink& link_;
    std::minstd_rand random_;
    std::unique_ptr<NodeStream> stream_;
    std::uint64_t stream_dropped_ = 0;  ///< messages dropped by stream_ that are already in the counter
    std::uint64_t expected_ = 0;        ///< the height after the last returned block
    /// The block that a request for height 0 waits for, until a block is returned; 0: not known yet.
    std::uint64_t to_come_ = 0;
    bool ask_ = true;        ///< true: ask the node next time whether a block was missed
    unsigned failures_ = 0;  ///< streams lost since the last good message
    steady_clock::time_point open_again_{};
    std::map<std::uint64_t, NodeBlock> ready_;
};

void NodeBlocks::keep(NodeBlock block) {
    const std::uint64_t height = block.block.height;
    ready_.insert_or_assign(height, std::move(block));
    if (ready_.size() > kMaxReady) ready_.erase(std::prev(ready_.end()));
}

std::optional<ExecutedBlock> NodeBlocks::take_ready(std::uint64_t height) {
    ready_.erase(ready_.begin(), ready_.lower_bound(height));
    if (ready_.empty() || ready_.begin()->first != height) return std::nullopt;
    NodeBlock found = std::move(ready_.begin()->second);
    ready_.erase(ready_.begin());
    expected_ = found.block.height + 1;
    to_come_ = 0;
    if (found.block.unmatched_actions != 0) {
        link_.log().error(
            "node: block {}: {} of {} actions have a hash here that no receipt of the block carries, the first "
            "{}: "
            "answers to them cannot be compared",
            found.block.height, found.block.unmatched_actions, found.actions, found.first_unmatched);
    }
    if (found.block.unhashable_actions != 0) link_.name_unhashable(found.first_unhashable);
    return std::move(found.block);
}

Status NodeBlocks::open_stream(const std::stop_token& stop) {
    if (stream_) return {};
    const auto now = steady_clock::now();
    if (now < open_again_ && !pause_for(std::chrono::ceil<milliseconds>(open_again_ - now), stop))
        return fail(stopped());
    stream_ = link_.grpc().open_stream(kStreamBlocks, {});
    stream_dropped_ = 0;
    ask_ = true;
    return {};
}

void NodeBlocks::lose_stream(const Error& why) {
    stream_.reset();
    link_.counters().stream_ends.add();
    const auto& settings = link_.settings();
    const auto doubled = settings.first_backoff * (std::int64_t{1} << std::min(failures_, 16U));
    const auto full = std::min<milliseconds>(doubled, settings.max_backoff);
    ++failures_;
    // Waits half of the time plus a random part of the other half, so that many coordinators do not reconnect
    // at once.
    std::uniform_int_distribution<std::int64_t> jitter(full.count() / 2, full.count());
    const milliseconds delay(jitter(random_));
    open_again_ = steady_clock::now() + delay;
    link_.log().debug("node: the block stream ended: {}; again in {} ms", why.text(), delay.count());
}

/// If the node has the block at `height`, puts it and the blocks after it into ready_. Otherwise does nothing.
/// If to_come_ is far above the tip, the node told a wrong tip before, and to_come_ is corrected.
Status NodeBlocks::fetch_missed(std::uint64_t height, const ChainIds& ids, const std::stop_token& stop) {
    IOSWARM_TRY(const auto tip, link_.newest_height(stop));
    if (to_come_ == height && height > tip && height - tip > TipDoubt::kNear) to_come_ = tip + 1;
    if (tip < height) return {};
    std::uint64_t count = std::min(kFetchBlocks, tip - height + 1);
    auto answer = link_.call(kGetRawBlocks, raw_blocks_request(height, count, true), stop);
    if (!answer && answer.error().code == ErrorCode::resource_exhausted && count > 1) {
        count = 1;
        answer = link_.call(kGetRawBlocks, raw_blocks_request(height, count, true), stop);
    }
    if (!answer) {
        Error error = answer.error();
        if (error.code == ErrorCode::invalid_argument)
            return {};  // a balancer sent us to another node, which does not have the block yet
        if (error.code == ErrorCode::not_found) error.code = ErrorCode::out_of_range;
        return fail(std::move(error));
    }
    IOSWARM_TRY(auto blocks, read_raw_blocks(*answer, height, count, ids));
    if (blocks.empty()) {
        return fail(ErrorCode::bad_data, "cannot read the node's answer", "GetRawBlocksResponse",
                    "no block, with height " + std::to_string(height) + " below the tip");
    }
    link_.counters().fetched_blocks.add(blocks.size());
    for (NodeBlock& block : blocks)
        keep(std::move(block));
    return {};
}

Status NodeBlocks::take_message(BytesView message, std::uint64_t height, const ChainIds& ids,
                                const std::stop_token& stop) {
    auto block = read_stream_block(message, ids);
    if (!block) {
        ask_ = true;
        return fail(block.error());
    }
    const ExecutedBlock& told = block->block;
    if (told.height > height) {
        // Without this check a false height could make us wait forever. The node's own tip must confirm it.
        IOSWARM_TRY(const auto tip, link_.newest_height(stop));
        if (told.height > tip + 1) {
            return fail(ErrorCode::bad_data, "cannot read the node's answer", "StreamBlocksResponse",
                        "block " + std::to_string(told.height) + " past the tip " + std::to_string(tip));
        }
        ask_ = true;
    }
    failures_ = 0;
    if (told.height < height) {
        link_.counters().repeated_blocks.add();
        ask_ = ask_ || height - told.height > TipDoubt::kNear;  // is the height that is waited for right?
        return {};
    }
    link_.streamed({told.height, told.time, told.base_fee_rau});
    keep(std::move(*block));
    return {};
}

/// The block after the tip. The tip is asked for once and the answer is kept until a block is returned: so no
/// block is missed, and a stream that never sends any is noticed.
Result<std::uint64_t> NodeBlocks::next_to_come(const std::stop_token& stop) {
    if (to_come_ == 0) {
        IOSWARM_TRY(const auto tip, link_.newest_height(stop));
        to_come_ = tip + 1;
    }
    return to_come_;
}

Result<ExecutedBlock> NodeBlocks::next_of_grpc(std::uint64_t height, const std::stop_token& stop) {
    IOSWARM_TRY(const auto ids, link_.chain_ids(stop));
    const bool is_live = height == 0;
    if (is_live) {
        IOSWARM_TRY(const auto to_come, next_to_come(stop));
        height = to_come;
    }
    bool was_quiet = false;
    ask_ = ask_ || height != expected_;  // the stream sends only new blocks
    while (!stop.stop_requested()) {
        if (auto block = take_ready(height)) return std::move(*block);
        IOSWARM_DO(open_stream(stop));
        if (std::exchange(ask_, false)) {
            if (const auto status = fetch_missed(height, ids, stop); !status) {
                ask_ = true;
                return fail(status.error());
            }
            if (is_live) height = to_come_;
            if (ready_.contains(height)) {
                if (was_quiet) {
                    link_.log().warn(
                        "node: block {} exists but the block stream did not send it; the stream is opened "
                        "again",
                        height);
                    lose_stream({ErrorCode::unavailable, "it did not send a block that exists", {}, {}, {}});
                }
                continue;
            }
        }
        const auto message = stream_->next(steady_clock::now() + link_.settings().quiet_time, stop);
        const std::uint64_t dropped = stream_->dropped();
        link_.counters().dropped_messages.add(dropped - std::exchange(stream_dropped_, dropped));
        if (!message) {
            if (message.error().code == ErrorCode::cancelled) break;
            link_.note_error(message.error());
            lose_stream(message.error());
            return fail(message.error());
        }
        was_quiet = !*message;
        ask_ = ask_ || was_quiet;
        if (was_quiet) continue;
        IOSWARM_DO(take_message(**message, height, ids, stop));
    }
    return fail(stopped());
}

Result<ExecutedBlock> NodeBlocks::next_of_web3(std::uint64_t height, const std::stop_token& stop) {
    std::uint64_t wanted = height;
    while (link_.json_api()) {
        IOSWARM_TRY(const auto tip, web3_tip(link_.web3(), stop));
        const std::uint64_t newest = link_.believed(tip.height);
        const bool is_wrong = height == 0 && wanted > newest && wanted - newest > TipDoubt::kNear;
        if (wanted == 0 || is_wrong) wanted = newest + 1;
        if (newest >= wanted) return web3_block(link_.web3(), wanted, stop);
        if (!pause_for(link_.settings().web3_poll, stop)) return fail(stopped());
    }
    return next_of_grpc(height, stop);  // the node was replaced by one whose API is protobuf
}

Result<ExecutedBlock> NodeBlocks::next(std::uint64_t height, std::stop_token stop) {
    auto block = link_.json_api() ? next_of_web3(height, stop) : next_of_grpc(height, stop);
    if (!block && is_json_api(block.error())) block = next_of_web3(height, stop);
    if (!block) {
        if (block.error().code == ErrorCode::out_of_range) to_come_ = 0;
        block.error().code = stop.stop_requested() ? ErrorCode::cancelled : port_code(block.error().code);
    }
    return block;
}

}  // namespace

std::unique_ptr<BlockSource> make_node_blocks(NodeLink& link) {
    return std::make_unique<NodeBlocks>(link);
}

}  // namespace ioswarm::proto
