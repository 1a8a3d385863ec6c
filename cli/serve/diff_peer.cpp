// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/diff_peer.hpp"

#include "cli/config/value.hpp"

namespace ioswarm::cli {

proto::NodeDiffSettings node_diff_settings(const ServeConfig& config) {
    const HostPort address =
        parse_host_port(config.node_diffs).value_or(HostPort{});  // checked when the configuration was loaded
    proto::NodeDiffSettings settings;
    settings.peer.target = {address.host, address.port, {}};
    settings.peer.agent_id = config.node_diffs_agent_id;
    settings.peer.token = config.node_diffs_key;
    return settings;
}

}  // namespace ioswarm::cli
