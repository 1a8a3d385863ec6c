// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "cli/config/serve_config.hpp"
#include "cli/contracts/key_options.hpp"
#include "cli/io.hpp"
#include "core/base/result.hpp"
#include "core/crypto/secp256k1.hpp"

namespace ioswarm::cli {

/// Whether the configuration names a key that settles. Opens no file.
[[nodiscard]] bool names_signer_key(const ServeConfig& config);

/// Loads the key that settles: the one that the options name, else the configuration's rewardSignerKey or
/// rewardSignerKeyFile, whichever counts. The file may be a keystore. Its password comes from --password-file,
/// else from rewardSignerPasswordFile, else the user is asked on the terminal. Protects the process's memory
/// first. Errors: as load_key(); config: no key is named.
[[nodiscard]] Result<PrivateKey> load_signer_key(const ServeConfig& config, const KeyOptions& options, Io& io,
                                                 const std::stop_token& stop = {});

}  // namespace ioswarm::cli
