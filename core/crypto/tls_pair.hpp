// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "core/base/result.hpp"

namespace ioswarm {

/// A server's certificate chain and its private key, both in PEM. Both were parsed, and they belong together.
struct TlsPair {
    std::string certificate_chain_pem;
    std::string private_key_pem;

    bool operator==(const TlsPair&) const = default;
};

struct CheckedTlsPair {
    TlsPair pair;
    std::chrono::system_clock::time_point not_after;  ///< the end of the first certificate's validity
    std::string warning;  ///< not empty: usable, but the operator should know (expired, not valid yet)
};

/// Reads both files (at most 1 MiB each) and checks them: every certificate of the chain parses, the key parses
/// without a passphrase, and it is the key of the first certificate. An expired certificate is not an error,
/// because a server without a certificate would serve nobody. `warning` says then that it is expired. Errors:
/// not_found, permission_denied or io (cannot be read), bad_data (a file does not parse, or the two do not
/// belong together; names the file). An error never contains key material.
[[nodiscard]] Result<CheckedTlsPair> load_tls_pair(const std::string& certificate_file,
                                                   const std::string& key_file);

}  // namespace ioswarm
