// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/multiprecision/cpp_int.hpp>

#include "core/base/u256.hpp"

namespace ioswarm {

/// Large enough for any product of two U256. Its header takes long to compile, so include it in source files
/// only.
using U512 = boost::multiprecision::number<
    boost::multiprecision::cpp_int_backend<512, 512, boost::multiprecision::unsigned_magnitude,
                                           boost::multiprecision::unchecked, void>,
    boost::multiprecision::et_off>;

[[nodiscard]] inline U512 to_u512(const U256& value) {
    U512 out = 0;
    for (std::size_t i = value.limbs().size(); i-- > 0;)
        out = (out << 64) | value.limbs()[i];
    return out;
}
/// Wraps modulo 2^256.
[[nodiscard]] inline U256 to_u256(const U512& value) {
    limb_math::Limbs limbs{};
    U512 rest = value;
    for (std::uint64_t& limb : limbs) {
        limb = static_cast<std::uint64_t>(rest & ~std::uint64_t{0});
        rest >>= 64;
    }
    return U256(limbs);
}

}  // namespace ioswarm
