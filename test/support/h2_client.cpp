// SPDX-License-Identifier: Apache-2.0
#include "test/support/h2_client.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <deque>
#include <map>

#include <fmt/format.h>

namespace ioswarm::test {
namespace {

using SteadyClock = std::chrono::steady_clock;
using Deadline = SteadyClock::time_point;

constexpr std::size_t kFramePrefix = 5;
constexpr std::size_t kMaxMessage = 32U << 20;
constexpr std::size_t kMaxWaiting = 16;
constexpr std::int32_t kStreamWindow = 1 << 20;
constexpr std::int32_t kConnectionWindow = 16 << 20;

int milliseconds_until(Deadline deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

/// gRPC escapes what is not printable ASCII as %XX.
std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned byte = 0;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
            out += static_cast<char>(byte);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

Result<int> connect_socket(const std::string& host, std::uint16_t port, Deadline deadline) {
    const std::string which = fmt::format("{}:{}", host, port);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
        return fail(ErrorCode::invalid_argument, "cannot connect", which, "not an IPv4 address");
    }
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail(errno_error(errno, "cannot connect", which));
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int error = 0;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        error = errno;
        if (error == EINPROGRESS) {
            pollfd waiting{fd, POLLOUT, 0};
            socklen_t size = sizeof error;
            if (::poll(&waiting, 1, milliseconds_until(deadline)) != 1) {
                error = ETIMEDOUT;
            } else {
                ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
            }
        }
    }
    if (error == 0) return fd;
    ::close(fd);
    auto failure = errno_error(error, "cannot connect", which);
    failure.code = ErrorCode::unavailable;
    return fail(std::move(failure));
}

struct Stream {
    Bytes body;
    std::size_t body_sent = 0;
    bool half_close = true;

    Bytes partial;  ///< of the message that is coming in
    std::deque<Bytes> waiting;
    std::size_t unconsumed = 0;  ///< bytes that keep the window closed while too many messages wait
    bool ended = false;
    std::string fault;  ///< what came is not gRPC
    H2Status status;
};

}  // namespace

Bytes grpc_frame(BytesView message) {
    const auto size = static_cast<std::uint32_t>(message.size());
    Bytes out{0, static_cast<std::uint8_t>(size >> 24), static_cast<std::uint8_t>(size >> 16),
              static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
    out.insert(out.end(), message.begin(), message.end());
    return out;
}

struct H2Client::State {
    int fd = -1;
    std::string authority;
    nghttp2_session* session = nullptr;
    std::map<std::int32_t, Stream> streams;
    bool closed = false;

    ~State() {
        nghttp2_session_del(session);
        if (fd >= 0) ::close(fd);
    }

    Result<void> start();
    Result<std::int32_t> submit(const H2Request& request);
    /// Reads and writes until `done` holds, the connection ends or the time is up; the value of done().
    template <typename Done>
    bool work_until(Deadline deadline, Done&& done);
    bool send_and_receive(Deadline deadline);
    void receive_data(std::int32_t id, Stream& stream, BytesView data);
    void consume(std::int32_t id, Stream& stream);
    /// Bytes that nobody will take any more still count against the connection's window.
    void forget(std::int32_t id) {
        const auto found = streams.find(id);
        if (found == streams.end()) return;
        nghttp2_session_consume_connection(session, found->second.unconsumed);
        streams.erase(found);
    }
    void header(const nghttp2_frame& frame, std::string name, std::string value);

    static State& of(void* user) { return *static_cast<State*>(user); }
    Stream* find(std::int32_t id) {
        const auto found = streams.find(id);
        return found == streams.end() ? nullptr : &found->second;
    }
};

Result<void> H2Client::State::start() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* option = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(callbacks);
        return fail(ErrorCode::internal, "cannot start HTTP/2");
    }
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_callbacks_set_send_callback(
        callbacks,
        [](nghttp2_session*, const std::uint8_t* data, std::size_t size, int, void* user) -> ssize_t {
            const ssize_t sent = ::send(of(user).fd, data, size, MSG_NOSIGNAL);
            if (sent >= 0) return sent;
            return errno == EAGAIN || errno == EINTR ? NGHTTP2_ERR_WOULDBLOCK : NGHTTP2_ERR_CALLBACK_FAILURE;
        });
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks,
        [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
           const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
            of(user).header(*frame, std::string(as_text({name, name_size})),
                            std::string(as_text({value, value_size})));
            return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                      std::size_t size, void* user) {
            if (Stream* stream = of(user).find(id)) {
                of(user).receive_data(id, *stream, {data, size});
            } else {
                nghttp2_session_consume_connection(of(user).session, size);
            }
            return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
            if (Stream* stream = of(user).find(id)) {
                stream->ended = true;
                stream->status.reset_code = code;
            }
            return 0;
        });
    nghttp2_session_client_new2(&session, callbacks, this, option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    const std::array<nghttp2_settings_entry, 2> settings{
        {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow}}};
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
    return {};
}

void H2Client::State::header(const nghttp2_frame& frame, std::string name, std::string value) {
    Stream* const stream = find(frame.hd.stream_id);
    if (stream == nullptr || frame.hd.type != NGHTTP2_HEADERS) return;
    H2Status& status = stream->status;
    if (name == ":status") std::from_chars(value.data(), value.data() + value.size(), status.http_status);
    if (name == "grpc-status") std::from_chars(value.data(), value.data() + value.size(), status.grpc_status);
    if (name == "grpc-message") status.grpc_message = percent_decoded(value);
    auto& list = frame.headers.cat == NGHTTP2_HCAT_RESPONSE ? status.headers : status.trailers;
    list.emplace_back(std::move(name), std::move(value));
}

void H2Client::State::consume(std::int32_t id, Stream& stream) {
    if (stream.waiting.size() >= kMaxWaiting) return;
    nghttp2_session_consume(session, id, std::exchange(stream.unconsumed, 0));
}

void H2Client::State::receive_data(std::int32_t id, Stream& stream, BytesView data) {
    stream.partial.insert(stream.partial.end(), data.begin(), data.end());
    std::size_t used = 0;
    while (stream.partial.size() - used >= kFramePrefix && stream.fault.empty()) {
        const std::uint8_t* const prefix = stream.partial.data() + used;
        const std::size_t size = std::size_t{prefix[1]} << 24 | std::size_t{prefix[2]} << 16 |
                                 std::size_t{prefix[3]} << 8 | std::size_t{prefix[4]};
        if (prefix[0] != 0) stream.fault = "a compressed message";
        if (size > kMaxMessage) stream.fault = fmt::format("a message of {} bytes", size);
        if (stream.partial.size() - used - kFramePrefix < size) break;
        const auto begin = stream.partial.begin() + static_cast<std::ptrdiff_t>(used + kFramePrefix);
        stream.waiting.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(size));
        used += kFramePrefix + size;
    }
    stream.partial.erase(stream.partial.begin(), stream.partial.begin() + static_cast<std::ptrdiff_t>(used));
    stream.unconsumed += data.size();
    consume(id, stream);
}

bool H2Client::State::send_and_receive(Deadline deadline) {
    if (nghttp2_session_send(session) != 0) return false;
    const bool wants_write = nghttp2_session_want_write(session) != 0;
    pollfd waiting{fd, static_cast<short>(wants_write ? POLLIN | POLLOUT : POLLIN), 0};
    if (::poll(&waiting, 1, milliseconds_until(deadline)) < 0) return errno == EINTR;
    if ((waiting.revents & (POLLIN | POLLHUP | POLLERR)) == 0) return true;
    std::array<std::uint8_t, 65536> buffer;
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    if (nghttp2_session_mem_recv(session, buffer.data(), static_cast<std::size_t>(got)) < 0) return false;
    return nghttp2_session_send(session) == 0 &&
           (nghttp2_session_want_read(session) != 0 || nghttp2_session_want_write(session) != 0);
}

template <typename Done>
bool H2Client::State::work_until(Deadline deadline, Done&& done) {
    while (!done()) {
        if (closed || SteadyClock::now() >= deadline) return false;
        closed = !send_and_receive(deadline);
    }
    return true;
}

Result<std::int32_t> H2Client::State::submit(const H2Request& request) {
    if (closed)
        return fail(ErrorCode::unavailable, "the call failed", request.path, "the connection has ended");
    H2Headers headers{{":method", "POST"},       {":scheme", "http"}, {":path", request.path},
                      {":authority", authority}, {"te", "trailers"},  {"content-type", request.content_type}};
    if (request.deadline.count() > 0)
        headers.emplace_back("grpc-timeout", fmt::format("{}m", request.deadline.count()));
    headers.insert(headers.end(), request.headers.begin(), request.headers.end());
    std::vector<nghttp2_nv> fields;
    for (auto& [name, value] : headers) {
        fields.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                          reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                          NGHTTP2_NV_FLAG_NONE});
    }
    nghttp2_data_provider body{};
    body.read_callback = [](nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t room,
                            std::uint32_t* flags, nghttp2_data_source*, void* user) -> ssize_t {
        Stream* const stream = of(user).find(id);
        if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        const std::size_t size = std::min(room, stream->body.size() - stream->body_sent);
        if (size == 0 && !stream->half_close) return NGHTTP2_ERR_DEFERRED;
        std::copy_n(stream->body.data() + stream->body_sent, size, to);
        stream->body_sent += size;
        if (stream->body_sent == stream->body.size() && stream->half_close) *flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(size);
    };
    const std::int32_t id =
        nghttp2_submit_request(session, nullptr, fields.data(), fields.size(), &body, nullptr);
    if (id < 0) return fail(ErrorCode::unavailable, "the call failed", request.path, nghttp2_strerror(id));
    Stream& stream = streams[id];
    stream.body = request.body;
    stream.half_close = request.half_close;
    return id;
}

H2Client::H2Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
H2Client::~H2Client() = default;

Result<std::unique_ptr<H2Client>> H2Client::connect(const std::string& host, std::uint16_t port,
                                                    std::chrono::milliseconds within) {
    const auto fd = connect_socket(host, port, SteadyClock::now() + within);
    if (!fd) return fail(fd.error());
    auto state = std::make_unique<State>();
    state->fd = *fd;
    state->authority = fmt::format("{}:{}", host, port);
    if (auto started = state->start(); !started) return fail(std::move(started).error());
    return std::unique_ptr<H2Client>(new H2Client(std::move(state)));
}

Result<std::int32_t> H2Client::open(const H2Request& request) {
    auto id = state_->submit(request);
    if (id && nghttp2_session_send(state_->session) != 0) state_->closed = true;
    return id;
}

Result<std::optional<Bytes>> H2Client::next(std::int32_t id, std::chrono::milliseconds within) {
    Stream* const stream = state_->find(id);
    if (stream == nullptr)
        return fail(ErrorCode::invalid_argument, "cannot read", fmt::format("stream {}", id), "unknown");
    const bool done = state_->work_until(SteadyClock::now() + within, [&] {
        return !stream->waiting.empty() || stream->ended || !stream->fault.empty();
    });
    if (!stream->waiting.empty()) {
        Bytes message = std::move(stream->waiting.front());
        stream->waiting.pop_front();
        if (!stream->ended) state_->consume(id, *stream);
        return message;
    }
    if (!stream->fault.empty()) return fail(ErrorCode::bad_data, "cannot read the answer", {}, stream->fault);
    if (done) return std::optional<Bytes>();
    if (state_->closed)
        return fail(ErrorCode::unavailable, "cannot read the answer", {}, "the connection has ended");
    return fail(ErrorCode::timed_out, "cannot read the answer", {},
                fmt::format("nothing came in {} ms", within.count()));
}

Result<H2Status> H2Client::finish(std::int32_t id, std::chrono::milliseconds within) {
    const auto deadline = SteadyClock::now() + within;
    for (;;) {
        auto message = next(id, std::chrono::milliseconds(milliseconds_until(deadline)));
        if (!message) return fail(std::move(message).error());
        if (*message) continue;
        H2Status status = std::move(state_->find(id)->status);
        state_->forget(id);
        return status;
    }
}

Result<H2Answer> H2Client::call(const H2Request& request) {
    const auto deadline = SteadyClock::now() + request.deadline;
    const auto id = open(request);
    if (!id) return fail(id.error());
    H2Answer answer;
    for (;;) {
        auto message = next(*id, std::chrono::milliseconds(milliseconds_until(deadline)));
        if (!message) {
            cancel(*id);
            return fail(std::move(message).error());
        }
        if (!*message) break;
        answer.messages.push_back(std::move(**message));
    }
    answer.status = std::move(state_->find(*id)->status);
    state_->forget(*id);
    return answer;
}

void H2Client::cancel(std::int32_t id) {
    nghttp2_submit_rst_stream(state_->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    if (!state_->closed) state_->closed = nghttp2_session_send(state_->session) != 0;
    state_->forget(id);
}

bool H2Client::wait_for_close(std::chrono::milliseconds within) {
    static_cast<void>(state_->work_until(SteadyClock::now() + within, [] { return false; }));
    return state_->closed;
}

int H2Client::socket() const noexcept {
    return state_->fd;
}

}  // namespace ioswarm::test
