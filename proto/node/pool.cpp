// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/crypto/keccak.hpp"
#include "proto/node/link.hpp"
#include "proto/node/web3.hpp"
#include "proto/node/wire.hpp"

namespace ioswarm::proto {
namespace {

using std::chrono::steady_clock;

class NodePool final : public ActPoolReader {
  public:
    explicit NodePool(NodeLink& link) : link_(link) {}

    Result<std::vector<PoolActionPtr>> pending() override;
    Result<ChainTip> tip() override;

  private:
    /// The known actions by raw id. Bytes that are not an action have a null entry, so that they are read and
    /// logged only once.
    using Known = std::unordered_map<Hash256, PoolActionPtr, FixedBytesHash>;

    PoolActionPtr read(BytesView raw, const Hash256& raw_id, const ChainIds& ids);
    Result<ChainTip> grpc_tip();
    Result<ChainTip> tip_of_web3();
    Result<ChainTip> tip_at(std::uint64_t height);

    NodeLink& link_;
    Known known_;           ///< the actions of the last answer
    ChainTip fetched_tip_;  ///< the last header that was fetched because the stream had not sent that block
    ChainTip last_tip_;     ///< the last answer of tip()
    std::uint64_t unsettled_ = 0;  ///< a height that the stream has not sent yet, first seen at the time below
    steady_clock::time_point unsettled_since_;
};

PoolActionPtr NodePool::read(BytesView raw, const Hash256& raw_id, const ChainIds& ids) {
    auto action = read_action(to_bytes(raw), ids);
    if (!action) {
        link_.counters().unreadable_actions.add();
        link_.log().warn("node: a pending action is left out: {} (keccak256 of its bytes {})",
                         action.error().text(), to_hex(raw_id.view()));
        return nullptr;
    }
    if (!action->hash) {
        link_.counters().unhashable_actions.add();
        link_.name_unhashable(action->kind);
    }
    return std::make_shared<const PoolAction>(std::move(*action));
}

Result<std::vector<PoolActionPtr>> NodePool::pending() {
    const auto ids = link_.chain_ids();  // web3 is needed only until the id is known
    if (!ids) return fail(ids.error());
    auto answer = link_.call(kGetActPoolActions, {});
    if (!answer) {
        answer.error().code = port_code(answer.error().code);
        return fail(answer.error());
    }
    IOSWARM_TRY(const auto raws, read_act_pool(*answer));
    Known now;
    std::vector<PoolActionPtr> out;
    for (const BytesView raw : raws) {
        const Hash256 raw_id = keccak256(raw);
        if (now.contains(raw_id)) continue;
        const auto before = known_.find(raw_id);
        const auto action = before != known_.end() ? before->second : read(raw, raw_id, *ids);
        now.emplace(raw_id, action);
        if (action) out.push_back(action);
    }
    known_ = std::move(now);
    return out;
}

Result<ChainTip> NodePool::tip_at(std::uint64_t height) {
    if (fetched_tip_.height == height && height != 0) return fetched_tip_;
    IOSWARM_TRY(const auto answer, link_.call(kGetRawBlocks, raw_blocks_request(height, 1, false)));
    auto tip = read_header_only(answer, height);
    if (tip) fetched_tip_ = *tip;
    return tip;
}

Result<ChainTip> NodePool::grpc_tip() {
    IOSWARM_TRY(const auto newest, link_.newest_height());
    const auto streamed = link_.newest_streamed();
    if (streamed) {
        // One more than `newest` is possible if the stream was faster than this answer.
        if (streamed->height == newest || streamed->height == newest + 1) return *streamed;
        if (streamed->height + 1 == newest) {
            const auto now = steady_clock::now();
            if (unsettled_ != newest) {
                unsettled_ = newest;
                unsettled_since_ = now;
            }
            if (now - unsettled_since_ < link_.settings().settle_time) return *streamed;
        }
    }
    return tip_at(newest);
}

Result<ChainTip> NodePool::tip_of_web3() {
    auto told = web3_tip(link_.web3());
    if (!told) {
        link_.was_away();
        return told;
    }
    const std::uint64_t newest = link_.believed(told->height);
    if (newest == told->height) return told;
    if (last_tip_.height == newest) return last_tip_;
    return fail(ErrorCode::unavailable, "cannot read the node's newest block", link_.web3().name(),
                fmt::format("it tells block {}, which is not believed yet", told->height));
}

Result<ChainTip> NodePool::tip() {
    auto tip = link_.json_api() ? tip_of_web3() : grpc_tip();
    if (!tip && is_json_api(tip.error())) tip = tip_of_web3();
    if (tip) last_tip_ = *tip;
    if (!tip) tip.error().code = port_code(tip.error().code);
    return tip;
}

}  // namespace

std::unique_ptr<ActPoolReader> make_node_pool(NodeLink& link) {
    return std::make_unique<NodePool>(link);
}

}  // namespace ioswarm::proto
