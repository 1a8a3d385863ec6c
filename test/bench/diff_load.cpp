// SPDX-License-Identifier: Apache-2.0
#include "test/bench/diff_load.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/wire.hpp"
#include "core/crypto/hmac.hpp"
#include "test/bench/bench_servers.hpp"
#include "test/support/h2_raw.hpp"

namespace ioswarm::bench {
namespace {

namespace h2 = test::h2;

constexpr std::size_t kFrameHeader = 9;
constexpr std::size_t kMessageHeader = 5;
/// Enough of a message to find its height: its own header, then `{"height":…` or the first protobuf field.
constexpr std::size_t kHead = kMessageHeader + 32;
constexpr std::uint32_t kOpenForEver = 0x7fffffff;
constexpr std::uint16_t kInitialWindow = 4;  // SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 section 6.5.2)

[[noreturn]] void give_up(const std::string& why) {
    fmt::print(stderr, "benchmark: {}\n", why);
    std::exit(1);
}

std::uint64_t height_in(const std::uint8_t* message, std::size_t size) {
    std::uint64_t height = 0;
    const std::string_view text(reinterpret_cast<const char*>(message), size);
    constexpr std::string_view kJson = R"({"height":)";
    if (text.starts_with(kJson)) {
        std::from_chars(text.data() + kJson.size(), text.data() + text.size(), height);
        return height;
    }
    BytesView rest(message, size);
    if (rest.empty() || rest[0] != 0x08) return 0;
    rest = rest.subspan(1);
    return wire::take_varint(rest).value_or(0);
}

}  // namespace

struct DiffLoad::Connection {
    int fd = -1;
    std::uint32_t window = 0;
    bool is_stalled = false;
    bool is_closed = false;
    std::vector<std::uint8_t> header;  // of the frame being read
    std::uint32_t frame_left = 0;
    std::uint8_t frame_type = 0;
    std::uint8_t frame_flags = 0;
    std::vector<std::uint8_t> control;  // payload of a frame that is not DATA
    Stream* data_to = nullptr;
    std::uint32_t data_id = 0;
    std::vector<std::unique_ptr<Stream>> streams;  // with HTTP/2 ids 1, 3, …

    ~Connection() {
        if (fd >= 0) ::close(fd);
    }
    Stream* stream(std::uint32_t id) {
        const std::size_t index = id / 2;
        return id % 2 == 1 && index < streams.size() ? streams[index].get() : nullptr;
    }
    void send_all(const Bytes& bytes) const {
        std::size_t sent = 0;
        while (sent < bytes.size()) {
            const auto n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (n <= 0) give_up("cannot send");
            sent += static_cast<std::size_t>(n);
        }
    }
};

DiffLoad::DiffLoad(std::uint16_t port, std::string name)
    : port_(port), name_(std::move(name)), epoll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(256 << 10) {}

DiffLoad::~DiffLoad() {
    connections_.clear();
    ::close(epoll_);
}

DiffLoad::Connection& DiffLoad::connect(std::uint32_t window) {
    auto connection = std::make_unique<Connection>();
    connection->window = window;
    connection->fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(connection->fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
        give_up("cannot connect");
    Bytes out = to_bytes(as_bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    const auto add = [&out](const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); };
    add(h2::frame(h2::Type::settings, 0, 0, h2::settings({{kInitialWindow, window}})));
    add(h2::frame(h2::Type::window_update, 0, 0, h2::number32(kOpenForEver - 65'535)));
    connection->send_all(out);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = connection.get();
    (void)::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->fd, &event);
    connections_.push_back(std::move(connection));
    return *connections_.back();
}

void DiffLoad::call(Connection& connection, const char* method, const std::string& agent,
                    const Bytes& request) {
    const auto id = static_cast<std::uint32_t>(2 * connection.streams.size() + 1);
    Bytes out = h2::frame(h2::Type::headers, h2::kEndHeaders, id,
                          h2::literal(h2::request(method, {{"x-ioswarm-agent-id", agent},
                                                           {"x-ioswarm-token", agent_token(kSecret, agent)}})));
    const Bytes data = h2::frame(h2::Type::data, h2::kEndStream, id, h2::grpc_message(request));
    out.insert(out.end(), data.begin(), data.end());
    connection.streams.push_back(std::make_unique<Stream>());
    connection.send_all(out);
}

void DiffLoad::open(std::size_t streams, std::uint64_t from, proto::Codec codec, std::uint32_t window) {
    Connection& connection = connect(window);
    for (std::size_t i = 0; i < streams; ++i) {
        const std::string agent = fmt::format("{}-{}", name_, agents_++);
        call(connection, "StreamStateDiffs", agent, proto::encode(codec, StreamStateDiffsRequest{agent, from}));
        connection.streams.back()->next = from;
    }
}

void DiffLoad::open_agents(std::size_t agents, proto::Codec codec) {
    const std::size_t first = connections_.size();
    const std::size_t first_agent = agents_;
    const auto name = [&](std::size_t i) { return fmt::format("{}-{}", name_, first_agent + i); };
    for (std::size_t i = 0; i < agents; ++i) {
        const std::string agent = name(i);
        call(connect(kOpenForEver), "Register", agent,
             proto::encode(codec, RegisterRequest{agent, TaskLevel::l4_state_sync, "here", "bench", ""}));
    }
    agents_ += agents;
    std::size_t done = 0;
    run([&] {
        while (done < agents && connections_[first + done]->streams[0]->is_over)
            ++done;
        return done == agents;
    });
    for (std::size_t i = 0; i < agents; ++i) {
        const std::string agent = name(i);
        Connection& connection = *connections_[first + i];
        call(connection, "GetTasks", agent,
             proto::encode(codec, GetTasksRequest{agent, TaskLevel::l4_state_sync, 10}));
        call(connection, "StreamStateDiffs", agent, proto::encode(codec, StreamStateDiffsRequest{agent, 0}));
    }
}

void DiffLoad::stall(std::size_t connections) {
    for (std::size_t i = 0; i < connections; ++i)
        connections_[i]->is_stalled = true;
}

void DiffLoad::resume() {
    for (const auto& connection : connections_) {
        if (!std::exchange(connection->is_stalled, false)) continue;
        for (std::size_t i = 0; i < connection->streams.size(); ++i)
            give_window(*connection, *connection->streams[i], static_cast<std::uint32_t>(2 * i + 1));
    }
}

void DiffLoad::give_window(Connection& connection, Stream& stream, std::uint32_t id) {
    if (stream.taken == 0 || connection.is_closed) return;
    connection.send_all(
        h2::frame(h2::Type::window_update, 0, id, h2::number32(std::exchange(stream.taken, 0))));
}

void DiffLoad::run(const std::function<bool()>& is_done) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    std::array<epoll_event, 256> events{};
    while (!is_done()) {
        if (std::chrono::steady_clock::now() > until) give_up(fmt::format("no more diffs after {}", diffs_));
        const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 10);
        for (int i = 0; i < count; ++i)
            take(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
    }
}

void DiffLoad::run_to(std::uint64_t height) {
    target_ = height;
    reached_ = 0;
    std::size_t wanted = 0;
    for (const auto& connection : connections_) {
        for (const auto& stream : connection->streams) {
            if (connection->is_stalled) continue;
            ++wanted;
            if (stream->next > height) ++reached_;
        }
    }
    run([&] { return reached_ >= wanted; });
}

void DiffLoad::take(Connection& connection) {
    const auto n = ::recv(connection.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        connection.is_closed = true;
        for (const auto& stream : connection.streams)
            stream->is_over = true;
        (void)::epoll_ctl(epoll_, EPOLL_CTL_DEL, connection.fd, nullptr);
        return;
    }
    bytes_ += static_cast<std::uint64_t>(n);
    parse(connection, buffer_.data(), static_cast<std::size_t>(n));
}

void DiffLoad::parse(Connection& connection, const std::uint8_t* data, std::size_t size) {
    while (size > 0) {
        if (connection.header.size() < kFrameHeader) {
            const std::size_t part = std::min(size, kFrameHeader - connection.header.size());
            connection.header.insert(connection.header.end(), data, data + part);
            data += part;
            size -= part;
            if (connection.header.size() < kFrameHeader) return;
            const auto& h = connection.header;
            connection.frame_left = std::uint32_t{h[0]} << 16 | std::uint32_t{h[1]} << 8 | h[2];
            connection.frame_type = h[3];
            connection.frame_flags = h[4];
            const std::uint32_t id = (std::uint32_t{h[5]} & 0x7f) << 24 | std::uint32_t{h[6]} << 16 |
                                     std::uint32_t{h[7]} << 8 | h[8];
            connection.data_to = connection.frame_type == static_cast<std::uint8_t>(h2::Type::data)
                                     ? connection.stream(id)
                                     : nullptr;
            connection.data_id = id;
            connection.control.clear();
            const bool ends = (connection.frame_type == static_cast<std::uint8_t>(h2::Type::headers) &&
                               (connection.frame_flags & h2::kEndStream) != 0) ||
                              connection.frame_type == static_cast<std::uint8_t>(h2::Type::rst_stream);
            if (Stream* stream = connection.stream(id); ends && stream != nullptr) stream->is_over = true;
        }
        const std::size_t part = std::min<std::size_t>(size, connection.frame_left);
        if (connection.data_to != nullptr) {
            Stream& stream = *connection.data_to;
            on_data(stream, data, part);
            stream.taken += static_cast<std::uint32_t>(part);
            if (connection.window != kOpenForEver && !connection.is_stalled &&
                stream.taken > connection.window / 2) {
                give_window(connection, stream, connection.data_id);
            }
        } else {
            connection.control.insert(connection.control.end(), data, data + part);
        }
        data += part;
        size -= part;
        connection.frame_left -= static_cast<std::uint32_t>(part);
        if (connection.frame_left > 0) return;
        connection.header.clear();
        const bool is_ack = (connection.frame_flags & h2::kAck) != 0;
        if (connection.frame_type == static_cast<std::uint8_t>(h2::Type::settings) && !is_ack)
            connection.send_all(h2::frame(h2::Type::settings, h2::kAck, 0));
        if (connection.frame_type == static_cast<std::uint8_t>(h2::Type::ping) && !is_ack)
            connection.send_all(h2::frame(h2::Type::ping, h2::kAck, 0, connection.control));
    }
}

void DiffLoad::on_data(Stream& stream, const std::uint8_t* data, std::size_t size) {
    while (size > 0) {
        if (stream.to_skip > 0) {
            const auto part = std::min<std::uint64_t>(size, stream.to_skip);
            stream.to_skip -= part;
            data += part;
            size -= part;
            continue;
        }
        // The head of a message: first its length, then the part that contains the height.
        std::size_t wanted = kMessageHeader;
        std::uint64_t length = 0;
        if (stream.head.size() >= kMessageHeader) {
            const auto& h = stream.head;
            length = std::uint64_t{h[1]} << 24 | std::uint64_t{h[2]} << 16 | std::uint64_t{h[3]} << 8 | h[4];
            wanted = std::min<std::uint64_t>(kHead, kMessageHeader + length);
        }
        const std::size_t part = std::min(size, wanted - stream.head.size());
        stream.head.insert(stream.head.end(), data, data + part);
        data += part;
        size -= part;
        if (length == 0 || stream.head.size() < wanted) continue;
        stream.to_skip = kMessageHeader + length - stream.head.size();
        on_message(stream);
    }
}

void DiffLoad::on_message(Stream& stream) {
    const std::uint64_t height =
        height_in(stream.head.data() + kMessageHeader, stream.head.size() - kMessageHeader);
    stream.head.clear();
    if (stream.next != 0 && height != stream.next) ++stream.gaps;
    stream.next = height + 1;
    ++stream.diffs;
    ++diffs_;
    if (height == target_) ++reached_;
    if (begin_ == std::chrono::steady_clock::time_point{}) return;
    latencies_.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin_).count());
}

std::uint64_t DiffLoad::gaps() const {
    std::uint64_t out = 0;
    for (const auto& connection : connections_) {
        for (const auto& stream : connection->streams)
            out += stream->gaps;
    }
    return out;
}

std::uint64_t DiffLoad::ended() const {
    std::uint64_t out = 0;
    for (const auto& connection : connections_) {
        for (const auto& stream : connection->streams)
            out += stream->is_over ? 1U : 0U;
    }
    return out;
}

}  // namespace ioswarm::bench
