// SPDX-License-Identifier: Apache-2.0
#include "proto/node/link.hpp"

#include <limits>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/base/u256.hpp"
#include "proto/node/wire.hpp"

namespace ioswarm::proto {
namespace {

constexpr std::size_t kMaxNamedKinds = 64;  ///< the names come from our own code, so there are never this many
constexpr std::chrono::minutes kDoubtLoggedEvery{1};

}  // namespace

NodeLink::NodeLink(NodeSettings given, std::unique_ptr<JsonRpcClient> web3, Log log)
    : settings_(std::move(given)),
      log_(std::move(log)),
      grpc_(NodeGrpcSettings{.target = settings_.grpc, .call_timeout = settings_.call_timeout}),
      web3_(std::move(web3), settings_.web3_watch, log_),
      tips_(std::in_place, settings_.jump_time),
      counters_(settings_.metrics),
      figures_hook_(settings_.metrics.on_read([this] { set_figures(); })) {}

Result<ChainIds> NodeLink::chain_ids(const std::stop_token& stop) {
    if (const std::uint64_t known = evm_chain_id_.load(); known != 0) return ChainIds{known};
    return read_chain_ids(stop);
}

Result<ChainIds> NodeLink::read_chain_ids(const std::stop_token& stop) {
    IOSWARM_TRY(const auto id, reply_uint64(web3_.call({"eth_chainId"}, stop), "eth_chainId"));
    if (id == 0)
        return fail(ErrorCode::bad_data, "cannot read the node's web3 answer", "eth_chainId", "it is 0");
    if (evm_chain_id_.exchange(id) != id) {
        log_.info("node: EVM chain id {}, gRPC at {}, web3 at {}", id, grpc_.target(), web3_.name());
    }
    return ChainIds{id};
}

/// What chain() may say while web3 does not answer. Its id over gRPC, if it has one, must be confirmed.
std::optional<ChainIdentity> NodeLink::chain_without_web3() const {
    if (has_both_ids_.load()) return ChainIdentity{evm_chain_id_.load(), std::nullopt};
    return *assumed_.lock();
}

Result<ChainIdentity> NodeLink::chain(const std::stop_token& stop) {
    const auto ids = chain_ids_if_web3_answers(stop);
    const auto without = chain_without_web3();
    if (!ids && (!without || ids.error().code == ErrorCode::cancelled)) return fail(ids.error());
    ChainIdentity out{ids ? ids->evm : without->evm, std::nullopt};
    const auto answer = call(kGetChainMeta, {}, stop);
    // A node with a JSON API cannot be asked for its own chain id.
    const bool is_json = !answer && is_json_api(answer.error());
    if (!answer && !is_json) return fail(answer.error());
    if (answer) {
        IOSWARM_TRY(const auto meta, read_chain_meta(*answer));
        if (meta.chain_id != 0) out.node = meta.chain_id;
    }
    if (!ids && !out.node) return fail(ids.error());  // then nothing tells which chain the node is on
    if (!ids && without->node && out.node != without->node) {
        return fail(ErrorCode::unavailable, "cannot read the EVM chain id", web3_.name(),
                    fmt::format("{}, and the node's chain id over gRPC is {} where {} is expected",
                                ids.error().why, *out.node, *without->node));
    }
    if (ids) has_both_ids_ = out.node.has_value();
    if (!ids) evm_chain_id_ = out.evm;
    const bool was_without = asked_without_web3_.exchange(!ids);
    if (!ids && !was_without) {
        log_.warn(
            "node: web3 does not answer with its chain id now ({}). The node's chain id over gRPC is {}. EVM "
            "chain id {} is assumed until web3 answers, because {}. So pool, blocks and state diffs continue",
            ids.error().why, *out.node, out.evm,
            without->node ? "the data directory belongs to that chain" : "it was read before");
    }
    return out;
}

/// Does not wait for an endpoint that is known to be away, if its answer is not needed.
Result<ChainIds> NodeLink::chain_ids_if_web3_answers(const std::stop_token& stop) {
    if (chain_without_web3() && web3_.is_away()) {
        return fail(ErrorCode::unavailable, "cannot read the EVM chain id", web3_.name(),
                    "the endpoint does not answer");
    }
    return read_chain_ids(stop);
}

Result<Bytes> NodeLink::call(const char* method, BytesView request, const std::stop_token& stop) {
    auto answer = grpc_.call(method, request, stop);
    if (answer) {
        json_api_.store(false, std::memory_order_relaxed);
    } else {
        note_error(answer.error());
    }
    return answer;
}

Result<std::uint64_t> NodeLink::newest_height(const std::stop_token& stop) {
    const auto answer = call(kGetChainMeta, {}, stop);
    if (!answer) {
        if (answer.error().code != ErrorCode::cancelled && !is_json_api(answer.error())) was_away();
        return fail(answer.error());
    }
    IOSWARM_TRY(const auto meta, read_chain_meta(*answer));
    return believed(meta.height);
}

std::uint64_t NodeLink::believed(std::uint64_t told) {
    const auto now = std::chrono::steady_clock::now();
    std::uint64_t height = told;
    bool is_logged = false;
    {
        auto tips = tips_.lock();
        const std::uint64_t jumps = tips->doubt.jumps();
        height = tips->doubt.take(told, now);
        if (tips->doubt.jumps() == jumps) return height;
        is_logged = !tips->logged || now - *tips->logged >= kDoubtLoggedEvery;
        if (is_logged) tips->logged = now;
    }
    counters_.doubted_tips.add();
    if (is_logged && height < told) {
        log_.warn(
            "node: it tells block {} as its newest, and just before it was at block {}. The new height is used "
            "only if the node still reports it after {} ms (hint: if this is frequent, check whether node.grpc "
            "leads to several nodes)",
            told, height, settings_.jump_time.count());
    }
    return height;
}

void NodeLink::note_error(const Error& error) {
    if (!is_json_api(error)) return;
    if (!json_api_.exchange(true)) {
        log_.error("{}. {}. Until then tip, blocks and accounts come over web3, and no transactions.",
                   error.text(), error.hint);
    }
}

void NodeLink::set_figures() const {
    counters_.web3_away.raise_to(web3_.times_away());
    counters_.json_api.set(json_api() ? 1.0 : 0.0);
}

void NodeLink::streamed(const ChainTip& tip) {
    auto newest = streamed_.lock();
    if (!*newest || (*newest)->height < tip.height) *newest = tip;
}

void NodeLink::name_unhashable(const std::string& kind) {
    {
        auto named = named_kinds_.lock();
        if (named->size() >= kMaxNamedKinds || !named->insert(kind).second) return;
    }
    log_.warn(
        "node: actions of kind {} have no hash that can be computed here: they are sent to agents, but answers "
        "are not compared",
        kind);
}

ErrorCode port_code(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::unavailable:
        case ErrorCode::timed_out:
        case ErrorCode::out_of_range:
        case ErrorCode::cancelled:
            return code;
        case ErrorCode::unauthenticated:
        case ErrorCode::permission_denied:
        case ErrorCode::aborted:
            return ErrorCode::unavailable;  // a proxy in front of the node refuses the call; that may change
        default:
            return ErrorCode::bad_data;
    }
}

std::string height_quantity(std::uint64_t height) {
    return to_quantity(U256(height));
}

Result<std::uint64_t> reply_uint64(const Result<RpcReply>& reply, const char* what) {
    if (!reply) return fail(reply.error());
    if (reply->kind == RpcReply::Kind::error) {
        return fail(ErrorCode::unavailable, "the node refused a web3 request", what, reply->error.message);
    }
    const auto value = reply->kind == RpcReply::Kind::text ? u256_from_quantity(reply->value) : std::nullopt;
    if (!value || *value > std::numeric_limits<std::uint64_t>::max()) {
        return fail(ErrorCode::bad_data, "cannot read the node's web3 answer", what,
                    "not a quantity of 64 bits");
    }
    return static_cast<std::uint64_t>(*value);
}

}  // namespace ioswarm::proto
