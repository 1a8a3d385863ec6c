// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/config/serve_config.hpp"
#include "proto/diffs/node_diffs.hpp"

namespace ioswarm::cli {

/// Settings of a diff source from node.diffs, node.diffsAgentId and the key in node.diffsKeyFile. node.diffs
/// must be set.
[[nodiscard]] proto::NodeDiffSettings node_diff_settings(const ServeConfig& config);

}  // namespace ioswarm::cli
