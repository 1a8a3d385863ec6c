// SPDX-License-Identifier: Apache-2.0
#include "proto/node/source.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "core/evm/reading.hpp"
#include "core/net/http_client.hpp"
#include "core/net/json_rpc.hpp"
#include "proto/grpc/locks.hpp"
#include "proto/grpc/log.hpp"
#include "proto/node/link.hpp"
#include "proto/node/wire.hpp"

namespace ioswarm::proto {
namespace {

constexpr std::size_t kWeb3Parallel = 8;  ///< batches that one accounts() call has in flight
constexpr std::size_t kMaxWeb3Answer = std::size_t{32} << 20U;  ///< the receipts of a full block are some MB

/// Accepts host:port and [v6]:port. The resolver checks the host later.
bool is_host_port(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0 || text.size() > 300) return false;
    const std::string port = text.substr(colon + 1);
    const bool digits =
        !port.empty() && port.size() <= 5 &&
        std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    const bool host = std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon),
                                  [](unsigned char c) { return std::isgraph(c) != 0 && c != '/' && c != '@'; });
    return digits && host && std::stoul(port) >= 1 && std::stoul(port) <= 65535;
}

}  // namespace

struct NodeSource::Impl {
    Impl(NodeSettings settings, std::unique_ptr<JsonRpcClient> web3, Log log)
        : link(std::move(settings), std::move(web3), std::move(log)),
          pool(make_node_pool(link)),
          state(make_node_state(link)),
          blocks(make_node_blocks(link)),
          run_state(make_node_run_state(link)) {}

    NodeLink link;  // first, because the ports refer to it
    std::unique_ptr<ActPoolReader> pool;
    std::unique_ptr<StateReader> state;
    std::unique_ptr<BlockSource> blocks;
    std::unique_ptr<evm::StateFetchers> run_state;
};

NodeSource::NodeSource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NodeSource::~NodeSource() = default;

ActPoolReader& NodeSource::pool() noexcept {
    return *impl_->pool;
}
StateReader& NodeSource::state() noexcept {
    return *impl_->state;
}
BlockSource& NodeSource::blocks() noexcept {
    return *impl_->blocks;
}
evm::StateFetchers& NodeSource::run_state() noexcept {
    return *impl_->run_state;
}

Result<std::unique_ptr<NodeSource>> NodeSource::create(NodeSettings settings, Log log) {
    send_grpc_log_to(log);
    leave_out_lock_checks();
    if (settings.grpc.empty()) {
        return fail(
            ErrorCode::config, "cannot use a node", "node.grpc", "it is not set",
            "pending transactions and blocks come over the node's gRPC API: node.grpc: 127.0.0.1:14014");
    }
    if (settings.web3.empty()) {
        return fail(
            ErrorCode::config, "cannot use a node", "node.web3", "it is not set",
            "accounts and the EVM chain id come over the node's web3: node.web3: http://127.0.0.1:15014");
    }
    if (!is_host_port(settings.grpc)) {
        return fail(ErrorCode::config, "cannot use a node", "node.grpc", "it is not host:port",
                    "for a node beside this program: 127.0.0.1:14014");
    }
    const HttpSettings http{.total_timeout = settings.call_timeout,
                            .max_response_bytes = kMaxWeb3Answer,
                            .max_parallel = kWeb3Parallel};
    auto client = HttpClient::create(settings.web3, http);
    if (!client) {
        return fail(ErrorCode::config, "cannot use a node", "node.web3", client.error().why,
                    client.error().hint);
    }
    auto web3 = std::make_unique<JsonRpcClient>(std::move(*client));
    return std::unique_ptr<NodeSource>(
        new NodeSource(std::make_unique<Impl>(std::move(settings), std::move(web3), std::move(log))));
}

Result<ChainIdentity> NodeSource::chain(const std::stop_token& stop) {
    auto chain = impl_->link.chain(stop);
    if (!chain) {
        Error error = std::move(chain).error();
        error.code = port_code(error.code);
        return fail(std::move(error));
    }
    return chain;
}

void NodeSource::assume(const ChainIdentity& chain) {
    if (chain.node.value_or(0) != 0) impl_->link.assume(chain);
}

bool NodeSource::should_ask_chain_again() const {
    return impl_->link.should_ask_chain_again();
}

const NodeCounters& NodeSource::counters() const noexcept {
    return impl_->link.counters();
}

bool NodeSource::speaks_json() const noexcept {
    return impl_->link.json_api();
}

std::string NodeSource::version(const std::stop_token& stop) {
    const auto answer = impl_->link.call(kGetServerMeta, {}, stop);
    if (!answer) return {};
    return read_node_version(*answer).value_or(std::string());
}

void NodeSource::add_reasons(Reasons& reasons) const {
    impl_->link.web3().add_reasons(reasons);
}

}  // namespace ioswarm::proto
