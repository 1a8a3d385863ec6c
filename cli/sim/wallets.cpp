// SPDX-License-Identifier: Apache-2.0
#include "cli/sim/wallets.hpp"

#include <algorithm>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

#include "core/base/atomic_file.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {

Result<std::vector<std::string>> read_wallets(const std::string& path) {
    constexpr std::size_t kMaxBytes = std::size_t{8} << 20U;
    constexpr std::size_t kMaxWallets = 100'000;
    constexpr std::string_view kBlanks = " \t\r";
    IOSWARM_TRY(const auto text, read_file(path, kMaxBytes));
    std::vector<std::string> out;
    std::istringstream lines(text);
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        line.erase(0, std::min(line.find_first_not_of(kBlanks), line.size()));
        line.erase(line.find_last_not_of(kBlanks) + 1);
        if (line.empty() || line.front() == '#') continue;
        const auto address = parse_address(line);
        if (!address) {
            return fail(ErrorCode::bad_data, "cannot read the wallets", fmt::format("{}:{}", path, number),
                        address.error().why, "each line is one address, io1... or 0x...");
        }
        if (out.size() >= kMaxWallets) {
            return fail(ErrorCode::bad_data, "cannot read the wallets", path,
                        fmt::format("more than {}", kMaxWallets));
        }
        out.push_back(to_hex0x(address->view()));
    }
    return out;
}

}  // namespace ioswarm::cli
