// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/ripemd160.hpp"

#include <cstdlib>

#include <openssl/evp.h>

namespace ioswarm {

Hash160 ripemd160(BytesView data) {
    Hash160 out;
    unsigned int size = 0;
    // RIPEMD-160 has been in OpenSSL's default provider since 3.0.7. A wrong digest must never be taken for a
    // right one, so the program ends if it is missing.
    if (EVP_Digest(data.data(), data.size(), out.bytes.data(), &size, EVP_ripemd160(), nullptr) != 1 ||
        size != out.bytes.size()) {
        std::abort();
    }
    return out;
}

}  // namespace ioswarm
