// SPDX-License-Identifier: Apache-2.0
#include "cli/sim/wallets.hpp"

#include <algorithm>
#include <sstream>
#include <string_view>

#include <fmt/format.h>

#include "core/base/atomic_file.hpp"
#include "core/base/line_reader.hpp"
#include "core/base/try.hpp"
#include "core/crypto/address.hpp"

namespace ioswarm::cli {

Result<std::vector<std::string>> read_wallets(const std::string& path) {
    constexpr std::size_t kMaxBytes = std::size_t{8} << 20U;
    constexpr std::size_t kMaxWallets = 100'000;
    constexpr std::size_t kMaxLineBytes = 1024;  // with a comment
    constexpr std::string_view kBlanks = " \t\r";
    IOSWARM_TRY(const auto text, read_file(path, kMaxBytes));
    std::vector<std::string> out;
    std::istringstream lines(text);
    LineReader reader(lines, {kMaxLineBytes, kMaxBytes, kMaxBytes});
    const auto wrong = [&](std::string why) {
        return fail(ErrorCode::bad_data, "cannot read the wallets", fmt::format("{}:{}", path, reader.number()),
                    std::move(why), "each line is one address, io1... or 0x...");
    };
    while (reader.next()) {
        std::string_view line = reader.line();
        line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
        line = line.substr(0, line.find_last_not_of(kBlanks) + 1);
        if (line.empty() || line.front() == '#') continue;
        const auto address = parse_address(line);
        if (!address) return wrong(address.error().why);
        if (out.size() >= kMaxWallets) return wrong(fmt::format("more than {} wallets", kMaxWallets));
        out.push_back(to_hex0x(address->view()));
    }
    if (!reader.fault().empty()) return wrong(reader.fault());
    return out;
}

}  // namespace ioswarm::cli
