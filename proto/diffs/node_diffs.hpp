// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/guarded.hpp"
#include "core/base/log.hpp"
#include "core/base/result.hpp"
#include "core/ports/state_diff_source.hpp"
#include "proto/diffs/subscription.hpp"

namespace ioswarm::proto {

/// True for iotex-core v2.3.6, v2.4.0 and v2.4.1 and their release candidates. They have no ioswarm module;
/// v2.3.7, v2.3.8, and v2.4.2 and later have it.
[[nodiscard]] bool lacks_ioswarm_module(std::string_view version) noexcept;

struct NodeDiffSettings {
    DiffPeer peer;  ///< from node.diffs, node.diffsAgentId and the key in node.diffsKeyFile
    /// Pause before a missing height is requested once more. The coordinator inside a node closes a new stream
    /// if the same agent's previous one has not been cleaned up yet.
    std::chrono::milliseconds before_second_ask{1'000};
    /// Returns the node's version, or an empty text if it cannot be asked. It is called on next()'s thread
    /// after the node's ioswarm module was not found.
    std::function<std::string(const std::stop_token&)> node_version = {};
};

/// Takes state diffs from StreamStateDiffs of the ioswarm module inside a node. Towards the node it is one
/// agent that neither registers nor works. Everything happens on the caller's thread inside next(). Between
/// calls it keeps at most one message and 8 MiB; HTTP/2's window then holds the node back. If the stream has
/// ended, the next call opens it again at the height that it wants. After an error the caller must pause before
/// the next call.
///
/// If the node no longer holds the requested height, it starts with its oldest diff without saying so. It also
/// drops diffs for a slow subscriber. So a height above the wanted one means that diffs are missing: the wanted
/// height is requested once more, and if that does not help either, the error is out_of_range. After a crash a
/// node executes its last blocks again and starts below the wanted height; diffs below it are skipped. A height
/// that comes twice on one stream is bad_data.
class NodeDiffSource final : public StateDiffSource {
  public:
    NodeDiffSource(NodeDiffSettings settings, Log log);

    [[nodiscard]] Result<StateDiff> next(std::uint64_t height, std::stop_token stop) override;
    [[nodiscard]] Status behind() const override { return *behind_.lock(); }

  private:
    Result<StateDiff> take_next(std::uint64_t height, const std::stop_token& stop);
    void note_behind(std::uint64_t at, std::uint64_t wanted);
    Status subscribe(std::uint64_t height, const std::stop_token& stop);
    /// If the node's version has no ioswarm module, says so in the error.
    [[nodiscard]] Error explained(Error error, const std::stop_token& stop) const;
    [[nodiscard]] Status check(const StateDiff& diff, std::uint64_t height) const;
    [[nodiscard]] tl::unexpected<Error> wrong(ErrorCode code, std::string why, std::string hint = {}) const;

    const NodeDiffSettings settings_;
    const Log log_;
    Guarded<Status> behind_;
    std::optional<DiffSubscription> subscription_;
    bool was_opened_ = false;     ///< a subscription was opened before
    std::uint64_t last_ = 0;      ///< height of the last diff of this subscription; 0: none yet
    std::uint64_t expected_ = 0;  ///< height that the subscription should send next; 0: its oldest
};

}  // namespace ioswarm::proto
