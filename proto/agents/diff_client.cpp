// SPDX-License-Identifier: Apache-2.0
#include "proto/agents/diff_client.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "proto/agents/channel.hpp"
#include "proto/agents/rpc_loop.hpp"

namespace ioswarm::proto {
namespace {

using RpcStream = std::shared_ptr<RpcLoop::Stream>;

/// One diff stream, seen from the agent.
class DiffCall final : public sim::L4Transport::Stream {
  public:
    explicit DiffCall(RpcStream stream) : stream_(std::move(stream)) {}
    void resume() override { stream_->resume(); }
    void cancel() override { stream_->cancel(); }

  private:
    RpcStream stream_;
};

/// The data that the handlers of one stream share. The handlers never overlap.
struct Reading {
    Codec codec;
    sim::L4Transport::Handlers handlers;
    std::shared_ptr<DiffCall> call{};
    std::optional<Error> unreadable{};
};

void read(const std::shared_ptr<Reading>& reading, const RpcStream& stream, const Bytes& message) {
    auto diff = decode<StateDiff>(reading->codec, message);
    if (!diff) {
        reading->unreadable =
            Error{ErrorCode::bad_data, "cannot read the state diff", {}, diff.error().text(), {}};
        stream->cancel();
        return stream->resume();
    }
    if (!reading->call) reading->call = std::make_shared<DiffCall>(stream);
    reading->handlers.on_diff(reading->call, *std::move(diff));
}

}  // namespace

class DiffClients::Parts {
  public:
    Parts(CoordinatorAddress coordinator, unsigned threads, Identify identify_agent)
        : address(std::move(coordinator)), identify(std::move(identify_agent)), loop(std::max(threads, 1U)) {}

    const CoordinatorAddress address;
    const Identify identify;
    RpcLoop loop;
};

DiffClients::DiffClients(CoordinatorAddress address, unsigned threads, Identify identify)
    : parts_(std::make_unique<Parts>(std::move(address), threads, std::move(identify))) {}

DiffClients::~DiffClients() = default;

std::shared_ptr<DiffClients::Stream> DiffClients::open(const std::string& agent_id, std::uint64_t from_height,
                                                       Handlers handlers) {
    const Identity identity = parts_->identify(agent_id);
    ClientCall call{connect(parts_->address, AgentTimes{}), "/ioswarm.IOSwarm/StreamStateDiffs", {}, {}};
    if (!identity.token.empty())
        call.headers = {{"x-ioswarm-agent-id", agent_id}, {"x-ioswarm-token", identity.token}};
    auto reading = std::make_shared<Reading>(Reading{identity.codec, std::move(handlers)});
    const RpcStream stream = parts_->loop.stream(
        call, encode(identity.codec, StreamStateDiffsRequest{agent_id, from_height}),
        {[reading](const RpcStream& on, const Bytes& message) { read(reading, on, message); },
         [reading](const Status& status) {
             reading->call.reset();
             reading->handlers.on_end(reading->unreadable ? Status(fail(*reading->unreadable)) : status);
         }});
    if (!stream) return nullptr;
    return std::make_shared<DiffCall>(stream);
}

}  // namespace ioswarm::proto
