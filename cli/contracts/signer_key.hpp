// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "cli/config/serve_config.hpp"
#include "cli/contracts/key_options.hpp"
#include "cli/io.hpp"
#include "core/base/result.hpp"
#include "core/crypto/secp256k1.hpp"

namespace ioswarm::cli {

/// Whether the configuration has rewardSignerKey or rewardSignerKeyFile. Does not open the file.
[[nodiscard]] bool names_signer_key(const ServeConfig& config);

/// Loads the private key that signs settlements. It is the key that the options name. If they name none, it is
/// the configuration's rewardSignerKey (hex) or rewardSignerKeyFile; load_config() has cleared the one that
/// does not apply. The file has the key in hex, or is a keystore. The keystore's password comes from
/// --password-file, else from rewardSignerPasswordFile, else the user is asked on the terminal. Protects the
/// process's memory first (protect_secrets). `stop` ends the wait for the user. Errors: those of load_key();
/// config (no key is named, or rewardSignerKey is not a key in hex).
[[nodiscard]] Result<PrivateKey> load_signer_key(const ServeConfig& config, const KeyOptions& options, Io& io,
                                                 const std::stop_token& stop = {});

}  // namespace ioswarm::cli
