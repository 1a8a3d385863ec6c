// SPDX-License-Identifier: Apache-2.0
#include "proto/agents/agent_group.hpp"

#include <memory>
#include <utility>

#include "proto/agents/channel.hpp"

namespace ioswarm::proto {
namespace {

/// Answers every batch at once.
class Answering final : public AgentWork {
  public:
    Answering(sim::AnswerTask answer, Log log) : answer_(std::move(answer)), log_(std::move(log)) {}

    // The next batch is read only after the answer to this one was received, as the public agent does. So
    // batches do not pile up here.
    void on_batch(Agent& agent, TaskBatch batch) override {
        const bool started =
            agent.submit(agent.answer(batch, answer_, {}),
                         [self = agent.shared_from_this(), log = log_](const Result<SubmitResponse>& response) {
                             if (!response || !response->accepted)
                                 log.warn("agent {}: results were not accepted: {}", self->profile().id,
                                          response ? response->reason : response.error().text());
                             self->next();
                         });
        if (!started) agent.next();
    }

  private:
    const sim::AnswerTask answer_;
    const Log log_;
};

}  // namespace

AgentGroup::AgentGroup(CoordinatorAddress address, AgentTimes times, unsigned threads, Log log)
    : address_(std::move(address)), context_(times, threads, std::move(log)) {}

void AgentGroup::add(AgentProfile profile, sim::AnswerTask answer) {
    std::make_shared<Agent>(
        context_, std::move(profile), [this] { return connect(address_, context_.times); },
        std::make_unique<Answering>(std::move(answer), context_.log))
        ->register_now();
}

}  // namespace ioswarm::proto
