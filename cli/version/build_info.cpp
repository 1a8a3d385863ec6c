// SPDX-License-Identifier: Apache-2.0
#include "cli/version/build_info.hpp"

#if defined(__clang__)
#define IOSWARM_COMPILER "Clang " __clang_version__
#else
#define IOSWARM_COMPILER "GCC " __VERSION__
#endif

namespace ioswarm::cli {

BuildInfo build_info() {
    return {IOSWARM_VERSION, kCommit, IOSWARM_BUILD_TYPE, IOSWARM_COMPILER};
}

}  // namespace ioswarm::cli
