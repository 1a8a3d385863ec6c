// SPDX-License-Identifier: Apache-2.0
#include "snapshot/gzip/gunzip.hpp"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <limits>
#include <string>

#include <fmt/format.h>

namespace ioswarm::snapshot {
namespace {

constexpr std::size_t kFirstBytes = std::size_t{64} * 1024;

tl::unexpected<Error> refuse(std::string why) {
    return fail(ErrorCode::bad_data, {}, {}, std::move(why));
}

}  // namespace

Status gunzip(BytesView data, std::size_t max_bytes, Bytes& out) {
    if (data.size() > std::numeric_limits<std::uint32_t>::max()) return refuse("it is too large");
    inflate_state state;
    isal_inflate_init(&state);
    state.crc_flag = ISAL_GZIP;
    state.next_in = const_cast<std::uint8_t*>(data.data());
    state.avail_in = static_cast<std::uint32_t>(data.size());
    std::size_t made = 0;
    out.clear();
    for (;;) {
        if (made == out.size()) {
            // Make room for one byte above the limit, so that data of exactly the limit reaches its end.
            out.resize(std::min(std::max(kFirstBytes, 2 * made), max_bytes + 1));
        }
        state.next_out = out.data() + made;
        const auto room = static_cast<std::uint32_t>(std::min<std::size_t>(out.size() - made, 1U << 30));
        state.avail_out = room;
        const std::uint32_t left = state.avail_in;
        const int code = isal_inflate(&state);
        made += room - state.avail_out;
        if (code < ISAL_DECOMP_OK) {
            return refuse(code == ISAL_INVALID_WRAPPER      ? "it has no gzip header"
                          : code == ISAL_INCORRECT_CHECKSUM ? "its gzip checksum is wrong"
                                                            : "it is damaged gzip");
        }
        if (made > max_bytes) return refuse(fmt::format("it says more than {} bytes", max_bytes));
        if (state.block_state == ISAL_BLOCK_FINISH) break;
        if (state.avail_out != 0 && state.avail_in == left) return refuse("its gzip stream was cut short");
    }
    if (state.avail_in != 0) return refuse("bytes follow its gzip stream");
    out.resize(made);
    return {};
}

}  // namespace ioswarm::snapshot
