// SPDX-License-Identifier: Apache-2.0
#include "proto/h2/grpc_messages.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ioswarm::proto {
namespace {

constexpr std::size_t kPrefix = 5;
/// Counted for each message in addition to its bytes, so that a flood of empty messages is limited too.
constexpr std::size_t kOverhead = 64;

std::size_t announced(const Bytes& prefix) {
    return std::size_t{prefix[1]} << 24 | std::size_t{prefix[2]} << 16 | std::size_t{prefix[3]} << 8 |
           std::size_t{prefix[4]};
}

}  // namespace

bool GrpcMessages::refuse(std::string why) {
    fault_ = std::move(why);
    partial_ = {};
    return false;
}

bool GrpcMessages::add(BytesView data) {
    if (!fault_.empty()) return false;
    const auto take_up_to = [&](std::size_t size) {
        const std::size_t part = std::min(data.size(), size - partial_.size());
        partial_.insert(partial_.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(part));
        data = data.subspan(part);
        return partial_.size() == size;
    };
    while (!data.empty()) {
        if (partial_.size() < kPrefix) {
            if (!take_up_to(kPrefix)) return true;
            if (partial_[0] == 1) return refuse("a compressed message, which nobody asked for");
            if (partial_[0] != 0) return refuse("what begins there is no gRPC message");
            if (announced(partial_) > max_message_bytes_) {
                return refuse(fmt::format("a message of {} bytes; at most {} are taken", announced(partial_),
                                          max_message_bytes_));
            }
        }
        if (!take_up_to(kPrefix + announced(partial_))) return true;
        waiting_bytes_ += partial_.size() - kPrefix + kOverhead;
        partial_.erase(partial_.begin(), partial_.begin() + kPrefix);
        whole_.push_back(std::exchange(partial_, {}));
    }
    return true;
}

Bytes GrpcMessages::take() {
    Bytes message = std::move(whole_.front());
    whole_.pop_front();
    waiting_bytes_ -= message.size() + kOverhead;
    return message;
}

}  // namespace ioswarm::proto
