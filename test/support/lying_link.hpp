// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/ports/diff_link.hpp"

namespace ioswarm::test {

/// Passes all calls to a correct link, except for the results that it was told to falsify. Set the functions
/// below before the first stream; they are called from any thread.
class LyingLink final : public DiffLink {
  public:
    /// Returns the diff that a stream gives instead of the one it took. If it returns null, the diff is lost.
    std::function<SharedDiffPtr(const std::string& agent, SharedDiffPtr diff)> alter;
    /// The error with which opening a stream fails, if any.
    std::function<std::optional<Error>(const std::string& agent)> refuse;
    /// Called when an agent has closed a stream.
    std::function<void(const std::string& agent)> on_closed;
    /// If true, the correct link is not told about closed streams.
    bool keeps_closed_streams = false;

    explicit LyingLink(DiffLink& truth) : truth_(truth) {}

    [[nodiscard]] Result<std::unique_ptr<DiffStream>> open_diff_stream(
        const std::string& agent_id, const StreamStateDiffsRequest& request,
        std::shared_ptr<StreamSink> sink) override {
        if (refuse) {
            if (auto error = refuse(agent_id)) return fail(*std::move(error));
        }
        auto opened = truth_.open_diff_stream(agent_id, request, std::move(sink));
        if (!opened) return opened;
        return std::make_unique<Stream>(*this, agent_id, *std::move(opened));
    }

  private:
    class Stream final : public DiffStream {
      public:
        Stream(LyingLink& link, std::string agent, std::unique_ptr<DiffStream> truth)
            : link_(link), agent_(std::move(agent)), truth_(std::move(truth)) {}
        ~Stream() override {
            if (!link_.keeps_closed_streams) return;
            const std::lock_guard lock(link_.mutex_);
            link_.kept_.push_back(std::move(truth_));
        }
        [[nodiscard]] SharedDiffPtr take() override {
            SharedDiffPtr diff = truth_->take();
            if (!diff || !link_.alter) return diff;
            const std::uint64_t height = diff->height();
            SharedDiffPtr altered = link_.alter(agent_, std::move(diff));
            if (altered) return altered;
            truth_->written(height);
            return take();
        }
        void written(std::uint64_t height) override { truth_->written(height); }
        void closed() override {
            if (!link_.keeps_closed_streams) truth_->closed();
            if (link_.on_closed) link_.on_closed(agent_);
        }

      private:
        LyingLink& link_;
        const std::string agent_;
        std::unique_ptr<DiffStream> truth_;
    };

    DiffLink& truth_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<DiffStream>> kept_;  // guarded by mutex_
};

}  // namespace ioswarm::test
