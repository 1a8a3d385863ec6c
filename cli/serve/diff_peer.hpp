// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/config/serve_config.hpp"
#include "proto/diffs/node_diffs.hpp"

namespace ioswarm::cli {

/// node.diffs, node.diffsAgentId and the key out of node.diffsKeyFile, for a source. node.diffs must be set.
[[nodiscard]] proto::NodeDiffSettings node_diff_settings(const ServeConfig& config);

}  // namespace ioswarm::cli
