// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/log.hpp"
#include "core/ports/state_diff_source.hpp"
#include "proto/diffs/subscription.hpp"

namespace ioswarm::proto {

/// iotex-core v2.3.6, v2.4.0 and v2.4.1 and their candidates have no ioswarm module; it is in v2.3.7, v2.3.8
/// and from v2.4.2 on.
[[nodiscard]] bool lacks_ioswarm_module(std::string_view version) noexcept;

struct NodeDiffSettings {
    DiffPeer peer;  ///< node.diffs, node.diffsAgentId and the key in node.diffsKeyFile
    /// Before a height that was left out is asked for once more. The coordinator inside a node closes a stream
    /// that begins while the same agent's last one is still being cleared away.
    std::chrono::milliseconds before_second_ask{1'000};
    /// The version of the node that the module would be in, where it can be asked; empty when it cannot. Called
    /// on next()'s thread after the module was not there.
    std::function<std::string(const std::stop_token&)> node_version = {};
};

/// The StreamStateDiffs of a node's own ioswarm module (../shared/spec/node.md section 3) as a source: one
/// agent that neither registers nor works. Everything happens on the caller's thread inside next(); between
/// calls at most one message and 8 MiB are kept, and the node is held back by HTTP/2's window. A stream that
/// has ended is opened again by the next call, at the height it wants; waiting between calls after an error is
/// the caller's.
///
/// The node begins at its oldest diff without a word when it no longer holds what was asked for, and drops
/// diffs of a subscriber that is slow. So a height above the one that is wanted is a hole: it is asked for once
/// more, and out_of_range when that does not help either. A node that is behind (after a crash it executes its
/// last blocks again) begins below it: what comes until then is passed over. A height that comes a second time
/// on one stream is bad_data.
class NodeDiffSource final : public StateDiffSource {
  public:
    NodeDiffSource(NodeDiffSettings settings, Log log);

    [[nodiscard]] Result<StateDiff> next(std::uint64_t height, std::stop_token stop) override;

  private:
    Status subscribe(std::uint64_t height, const std::stop_token& stop);
    /// Says in a failure that the node's version has no module, where that is so.
    [[nodiscard]] Error explained(Error error, const std::stop_token& stop) const;
    [[nodiscard]] Status check(const StateDiff& diff, std::uint64_t height) const;
    [[nodiscard]] tl::unexpected<Error> wrong(ErrorCode code, std::string why, std::string hint = {}) const;

    const NodeDiffSettings settings_;
    const Log log_;
    std::optional<DiffSubscription> subscription_;
    std::uint64_t last_ = 0;      ///< what the subscription gave last; 0: nothing yet
    std::uint64_t expected_ = 0;  ///< what the subscription gives next; 0: its oldest
};

}  // namespace ioswarm::proto
