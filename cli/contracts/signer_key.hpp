// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "cli/config/serve_config.hpp"
#include "cli/contracts/key_options.hpp"
#include "cli/io.hpp"
#include "core/base/result.hpp"
#include "core/crypto/secp256k1.hpp"

namespace ioswarm::cli {

/// Whether the configuration names a key that settles. Opens nothing.
[[nodiscard]] bool names_signer_key(const ServeConfig& config);

/// The key that settles: the one that the options name, else rewardSignerKey or rewardSignerKeyFile of the
/// configuration, whichever counts. The file may hold a keystore; its password comes from --password-file, then
/// from rewardSignerPasswordFile, and else it is asked for where somebody sits at a terminal. Protects the
/// process's memory first. Errors: as load_key(); config: no key is named.
[[nodiscard]] Result<PrivateKey> load_signer_key(const ServeConfig& config, const KeyOptions& options, Io& io,
                                                 const std::stop_token& stop = {});

}  // namespace ioswarm::cli
