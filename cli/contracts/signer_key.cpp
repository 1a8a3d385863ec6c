// SPDX-License-Identifier: Apache-2.0
#include "cli/contracts/signer_key.hpp"

#include "cli/secret_prompt.hpp"
#include "contracts/keystore.hpp"

namespace ioswarm::cli {

bool names_signer_key(const ServeConfig& config) {
    return !config.reward_signer_key.empty() || !config.reward_signer_key_file.empty();
}

Result<PrivateKey> load_signer_key(const ServeConfig& config, const KeyOptions& options, Io& io,
                                   const std::stop_token& stop) {
    if (options.any()) return load_key(options, io, stop);
    // load_key() does this itself. Here the key is already in the configuration.
    protect_secrets();
    if (!config.reward_signer_key.empty()) {
        auto key = contracts::key_from_hex(config.reward_signer_key);
        if (!key)
            return fail(ErrorCode::config, "cannot read the wallet's key", "rewardSignerKey", key.error().why);
        return key;
    }
    if (config.reward_signer_key_file.empty()) {
        return fail(ErrorCode::config, "cannot find the wallet's key", {}, "none is given",
                    "set rewardSignerKeyFile in the configuration, or give --key-file FILE, --keystore FILE or "
                    "--key-credential NAME");
    }
    KeyOptions named;
    named.file = config.reward_signer_key_file;
    named.password_file =
        options.password_file.empty() ? config.reward_signer_password_file : options.password_file;
    named.password_hint = "set rewardSignerPasswordFile to a file of mode 0600 that holds it";
    return load_key(named, io, stop);
}

}  // namespace ioswarm::cli
