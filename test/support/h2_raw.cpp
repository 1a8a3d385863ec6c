// SPDX-License-Identifier: Apache-2.0
#include "test/support/h2_raw.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ioswarm::test {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kSendWithin{5000};
constexpr std::size_t kFrameHeader = 9;

int wait_for(int fd, short events, milliseconds within) {
    pollfd state{fd, events, 0};
    const int ready = ::poll(&state, 1, static_cast<int>(std::max<std::int64_t>(within.count(), 0)));
    return ready > 0 ? state.revents : 0;
}

void append(Bytes& out, const Bytes& more) {
    out.insert(out.end(), more.begin(), more.end());
}

/// Appends an HPACK integer. `first` holds the bits of the first byte in front of its `prefix_bits`.
void put_integer(Bytes& out, std::uint8_t first, unsigned prefix_bits, std::size_t value) {
    const std::size_t most = (std::size_t{1} << prefix_bits) - 1;
    if (value < most) {
        out.push_back(static_cast<std::uint8_t>(first | value));
        return;
    }
    out.push_back(static_cast<std::uint8_t>(first | most));
    for (value -= most; value >= 128; value >>= 7)
        out.push_back(static_cast<std::uint8_t>(value | 128));
    out.push_back(static_cast<std::uint8_t>(value));
}

void put_string(Bytes& out, const std::string& text) {
    put_integer(out, 0, 7, text.size());
    append(out, to_bytes(as_bytes(text)));
}

}  // namespace

namespace h2 {

Bytes number32(std::uint32_t value) {
    return {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
            static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

Bytes frame_header(Type type, std::uint8_t flags, std::uint32_t stream, std::uint32_t length) {
    Bytes out{static_cast<std::uint8_t>(length >> 16), static_cast<std::uint8_t>(length >> 8),
              static_cast<std::uint8_t>(length), static_cast<std::uint8_t>(type), flags};
    append(out, number32(stream));
    return out;
}

Bytes frame(Type type, std::uint8_t flags, std::uint32_t stream, const Bytes& payload) {
    auto out = frame_header(type, flags, stream, static_cast<std::uint32_t>(payload.size()));
    append(out, payload);
    return out;
}

Bytes settings(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries) {
    Bytes out;
    for (const auto& [id, value] : entries) {
        out.push_back(static_cast<std::uint8_t>(id >> 8));
        out.push_back(static_cast<std::uint8_t>(id));
        append(out, number32(value));
    }
    return out;
}

Bytes literal(const Fields& fields) {
    Bytes out;
    for (const auto& [name, value] : fields) {
        out.push_back(0x10);
        put_string(out, name);
        put_string(out, value);
    }
    return out;
}

Bytes indexed_literal(const std::string& name, const std::string& value) {
    Bytes out{0x40};
    put_string(out, name);
    put_string(out, value);
    return out;
}

Bytes grpc_message(const Bytes& message, std::uint8_t flag) {
    Bytes out{flag};
    append(out, number32(static_cast<std::uint32_t>(message.size())));
    append(out, message);
    return out;
}

Bytes join(std::initializer_list<Bytes> parts) {
    Bytes out;
    for (const auto& part : parts)
        append(out, part);
    return out;
}

Fields request(const std::string& method, const Fields& more, const std::string& content_type) {
    Fields fields{{":method", "POST"},         {":scheme", "http"}, {":path", "/ioswarm.IOSwarm/" + method},
                  {":authority", "localhost"}, {"te", "trailers"},  {"content-type", content_type}};
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
}

}  // namespace h2

int H2Raw::Answer::grpc_status() const {
    const auto found = headers.find("grpc-status");
    return found == headers.end() ? -1 : std::stoi(found->second);
}

H2Raw::H2Raw(std::uint16_t port, int receive_buffer) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    if (receive_buffer > 0)
        (void)::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const int one = 1;
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::close(fd);
        return;
    }
    (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    fd_ = fd;
    (void)nghttp2_hd_inflate_new(&inflater_);
}

H2Raw::H2Raw(H2Raw&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      received_(std::move(other.received_)),
      inflater_(std::exchange(other.inflater_, nullptr)) {}

H2Raw::~H2Raw() {
    if (fd_ >= 0) ::close(fd_);
    if (inflater_ != nullptr) nghttp2_hd_inflate_del(inflater_);
}

void H2Raw::reset() {
    if (fd_ < 0) return;
    const linger at_once{1, 0};
    (void)::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(fd_, -1));
}

bool H2Raw::begin(const std::vector<std::pair<std::uint16_t, std::uint32_t>>& entries) {
    return send(to_bytes(as_bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))) &&
           send_frame(h2::Type::settings, 0, 0, h2::settings(entries));
}

bool H2Raw::send(const Bytes& bytes) {
    std::size_t sent = 0;
    while (fd_ >= 0 && sent < bytes.size()) {
        const auto count = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
        if (count > 0) {
            sent += static_cast<std::size_t>(count);
        } else if (errno != EAGAIN || (wait_for(fd_, POLLOUT, kSendWithin) & POLLOUT) == 0) {
            return false;
        }
    }
    return fd_ >= 0;
}

bool H2Raw::send_frame(h2::Type type, std::uint8_t flags, std::uint32_t stream, const Bytes& payload) {
    return send(h2::frame(type, flags, stream, payload));
}

bool H2Raw::send_call(std::uint32_t stream, const h2::Fields& fields, const Bytes& message) {
    if (!send_frame(h2::Type::headers, h2::kEndHeaders, stream, h2::literal(fields))) return false;
    return send_frame(h2::Type::data, h2::kEndStream, stream, h2::grpc_message(message));
}

std::optional<H2Raw::Frame> H2Raw::next_frame(milliseconds within) {
    const auto until = steady_clock::now() + within;
    for (;;) {
        if (received_.size() >= kFrameHeader) {
            const std::size_t length = static_cast<std::size_t>(received_[0]) << 16 |
                                       static_cast<std::size_t>(received_[1]) << 8 | received_[2];
            if (received_.size() >= kFrameHeader + length) {
                Frame out;
                out.type = static_cast<h2::Type>(received_[3]);
                out.flags = received_[4];
                out.stream = (static_cast<std::uint32_t>(received_[5] & 0x7f) << 24) |
                             (static_cast<std::uint32_t>(received_[6]) << 16) |
                             (static_cast<std::uint32_t>(received_[7]) << 8) | received_[8];
                const auto begin = received_.begin() + kFrameHeader;
                out.payload.assign(begin, begin + static_cast<std::ptrdiff_t>(length));
                received_.erase(received_.begin(), begin + static_cast<std::ptrdiff_t>(length));
                return out;
            }
        }
        const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
        if (fd_ < 0 || left.count() < 0 || wait_for(fd_, POLLIN, left) == 0) return std::nullopt;
        std::array<std::uint8_t, 65536> chunk;
        const auto count = ::recv(fd_, chunk.data(), chunk.size(), 0);
        if (count <= 0) {
            reset();
            return std::nullopt;
        }
        received_.insert(received_.end(), chunk.begin(), chunk.begin() + count);
    }
}

H2Raw::Answer H2Raw::answer(std::uint32_t stream, milliseconds within) {
    Answer out;
    const auto until = steady_clock::now() + within;
    for (;;) {
        const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
        const auto got = next_frame(std::max(left, milliseconds(0)));
        if (!got) {
            out.is_closed = fd_ < 0;
            return out;
        }
        if (got->type == h2::Type::settings && (got->flags & h2::kAck) == 0) {
            (void)send_frame(h2::Type::settings, h2::kAck, 0);
        } else if (got->type == h2::Type::ping && (got->flags & h2::kAck) == 0) {
            (void)send_frame(h2::Type::ping, h2::kAck, 0, got->payload);
        } else if (got->type == h2::Type::headers) {
            const std::uint8_t* in = got->payload.data();
            std::size_t size = got->payload.size();
            for (;;) {
                nghttp2_nv field{};
                int flags = 0;
                const auto used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, in, size, 1);
                if (used < 0) break;
                in += used;
                size -= static_cast<std::size_t>(used);
                if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0 && got->stream == stream) {
                    out.headers[{reinterpret_cast<const char*>(field.name), field.namelen}] = {
                        reinterpret_cast<const char*>(field.value), field.valuelen};
                }
                if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
                    (void)nghttp2_hd_inflate_end_headers(inflater_);
                    break;
                }
            }
        } else if (got->type == h2::Type::data) {
            (void)send_frame(h2::Type::window_update, 0, 0,
                             h2::number32(static_cast<std::uint32_t>(got->payload.size()) + 1));
            if (got->stream == stream) append(out.data, got->payload);
        } else if (got->type == h2::Type::rst_stream && got->stream == stream) {
            out.is_reset = true;
            return out;
        }
        const bool has_end = got->type == h2::Type::headers || got->type == h2::Type::data;
        if (has_end && got->stream == stream && (got->flags & h2::kEndStream) != 0) return out;
    }
}

void H2Raw::drain() {
    std::array<std::uint8_t, 65536> chunk;
    for (;;) {
        const auto count = ::recv(fd_, chunk.data(), chunk.size(), MSG_DONTWAIT);
        if (count > 0) continue;
        if (count == 0 || (errno != EAGAIN && errno != EINTR)) reset();
        return;
    }
}

bool H2Raw::closed_within(milliseconds within) {
    const auto until = steady_clock::now() + within;
    while (fd_ >= 0) {
        const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
        if (left.count() < 0) return false;
        if (wait_for(fd_, POLLIN, left) != 0) drain();
    }
    return true;
}

std::uint64_t H2Raw::flood(const Bytes& burst, milliseconds for_long, std::uint64_t max_bytes,
                           bool takes_answers) {
    const auto until = steady_clock::now() + for_long;
    std::uint64_t sent = 0;
    std::size_t at = 0;
    while (fd_ >= 0 && sent < max_bytes && steady_clock::now() < until) {
        const auto count = ::send(fd_, burst.data() + at, burst.size() - at, MSG_NOSIGNAL);
        if (count > 0) {
            sent += static_cast<std::uint64_t>(count);
            at = (at + static_cast<std::size_t>(count)) % burst.size();
        } else if (errno == EAGAIN) {
            const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
            (void)wait_for(fd_, takes_answers ? POLLIN | POLLOUT : POLLOUT, left);
        } else {
            reset();
        }
        if (takes_answers && fd_ >= 0) drain();
    }
    return sent;
}

}  // namespace ioswarm::test
