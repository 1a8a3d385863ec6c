// SPDX-License-Identifier: Apache-2.0
#include "cli/serve/start_checks.hpp"

#include <utility>

#include "cli/serve/data_dir.hpp"
#include "cli/serve/settings.hpp"
#include "core/auth/access.hpp"
#include "core/crypto/tls_pair.hpp"

namespace ioswarm::cli {
namespace {

bool is_named_missing(const std::vector<Error>& missing, std::string_view key) {
    for (const Error& error : missing) {
        if (error.which == key) return true;
    }
    return false;
}

/// Reads the lists of agents, each on its own, so that a mistake in one does not hide a mistake in the other.
void check_lists(const ServeConfig& config, const std::vector<Error>& missing, StartFindings& out) {
    const auto read = [&](std::string_view key, const std::string& allowed, const std::string& revoked) {
        if ((allowed.empty() && revoked.empty()) || is_named_missing(missing, key)) return;
        if (const auto access = AccessControl::open({"", allowed, revoked}); !access)
            out.errors.push_back(access.error());
    };
    read("agents.allowed", config.agents_allowed, {});
    read("agents.revoked", {}, config.agents_revoked);
}

void check_certificate(const ServeConfig& config, const std::vector<Error>& missing, StartFindings& out) {
    if (config.tls_cert.empty() || is_named_missing(missing, "tls.cert") ||
        is_named_missing(missing, "tls.key")) {
        return;
    }
    const auto pair = load_tls_pair(config.tls_cert, config.tls_key);
    if (!pair) {
        out.errors.push_back(pair.error());
    } else if (!pair->warning.empty()) {
        out.warnings.push_back(pair->warning);
    }
}

}  // namespace

StartFindings check_start(const LoadedConfig& loaded, const StartOptions& options) {
    const ServeConfig& config = loaded.settings;
    StartFindings out;
    out.warnings = loaded.warnings;
    std::vector<Error> missing = missing_files(config);
    if (Status source = check_block_source(loaded, options.embedded); !source)
        out.errors.push_back(std::move(source).error());
    const auto address = bind_address(config, options.insecure_bind);
    if (!address) out.errors.push_back(address.error());
    if (!uses_node(config)) {
        if (Status reward = check_reward_chain(config, kEmbeddedChain); !reward)
            out.errors.push_back(std::move(reward).error());
    }
    check_lists(config, missing, out);
    check_certificate(config, missing, out);
    out.errors.insert(out.errors.end(), missing.begin(), missing.end());
    for (std::string& warning : start_warnings(config, address ? *address : config.listen))
        out.warnings.push_back(std::move(warning));
    return out;
}

}  // namespace ioswarm::cli
