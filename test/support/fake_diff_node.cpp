// SPDX-License-Identifier: Apache-2.0
#include "test/support/fake_diff_node.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/model/state_digest.hpp"
#include "proto/codec/codec.hpp"
#include "proto/h2/client.hpp"

namespace ioswarm::test {
namespace {

using Step = FakeDiffNode::Step;
using Fields = FakeDiffNode::Fields;

std::vector<nghttp2_nv> as_nv(Fields& fields) {
    std::vector<nghttp2_nv> out;
    for (auto& [name, value] : fields) {
        out.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                       reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                       NGHTTP2_NV_FLAG_NONE});
    }
    return out;
}

}  // namespace

struct FakeDiffNode::Connection {
    FakeDiffNode* node = nullptr;
    int fd = -1;
    nghttp2_session* session = nullptr;
    std::int32_t stream = 0;  ///< stream id of the newest call
    Asked asking;
    std::deque<Bytes> data;
    std::size_t front_given = 0;  ///< bytes of data.front() that were given to nghttp2
    Fields trailers;
    bool is_open = true;

    ~Connection() {
        nghttp2_session_del(session);
        if (fd >= 0) ::close(fd);
    }
    static Connection& of(void* user) { return *static_cast<Connection*>(user); }

    void begin();
    ssize_t give(std::uint8_t* to, std::size_t room, std::uint32_t* flags);
    void on_request();
    void on_ping(const nghttp2_frame& frame) const;
};

void FakeDiffNode::Connection::begin() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_send_callback(
        callbacks,
        [](nghttp2_session*, const std::uint8_t* bytes, std::size_t size, int, void* user) -> ssize_t {
            const ssize_t sent = ::send(of(user).fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent >= 0) return sent;
            return errno == EAGAIN ? NGHTTP2_ERR_WOULDBLOCK : NGHTTP2_ERR_CALLBACK_FAILURE;
        });
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t name_size,
                      const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
            of(user).asking.headers[std::string(as_text({name, name_size}))] = as_text({value, value_size});
            return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* bytes, std::size_t size,
                      void* user) {
            Bytes& body = of(user).asking.body;
            body.insert(body.end(), bytes, bytes + size);
            return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
            of(user).on_ping(*frame);
            if (frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) return 0;
            of(user).stream = frame->hd.stream_id;
            if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) of(user).on_request();
            return 0;
        });
    nghttp2_session_server_new(&session, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0);
}

void FakeDiffNode::Connection::on_ping(const nghttp2_frame& frame) const {
    if (frame.hd.type != NGHTTP2_PING) return;
    const std::lock_guard lock(node->mutex_);
    ++node->pings_;
    node->changed_.notify_all();
}

void FakeDiffNode::Connection::on_request() {
    constexpr std::size_t kFrame = 5;
    Asked asked = std::exchange(asking, {});
    if (asked.body.size() >= kFrame) {
        const auto request =
            proto::decode<StreamStateDiffsRequest>(proto::Codec::json, BytesView(asked.body).subspan(kFrame));
        if (request) asked.agent_id = request->agent_id;
        if (request) asked.from_height = request->from_height;
    }
    std::size_t nth = 0;
    {
        const std::lock_guard lock(node->mutex_);
        nth = node->asked_.size();
        node->asked_.push_back(asked);
        node->sent_ = 0;
    }
    data.clear();
    front_given = 0;
    trailers.clear();
    for (Step& step : node->script_(asked, nth))
        node->apply(*this, std::move(step));
    node->changed_.notify_all();
}

ssize_t FakeDiffNode::Connection::give(std::uint8_t* to, std::size_t room, std::uint32_t* flags) {
    std::size_t given = 0;
    while (!data.empty() && given < room) {
        const BytesView rest = BytesView(data.front()).subspan(front_given);
        const std::size_t part = std::min(room - given, rest.size());
        std::copy_n(rest.begin(), part, to + given);
        given += part;
        front_given += part;
        if (part == rest.size()) {
            data.pop_front();
            front_given = 0;
        }
    }
    {
        const std::lock_guard lock(node->mutex_);
        node->sent_ += given;
    }
    if (data.empty() && !trailers.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const auto fields = as_nv(trailers);
        nghttp2_submit_trailer(session, stream, fields.data(), fields.size());
    } else if (given == 0) {
        return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(given);
}

FakeDiffNode::FakeDiffNode(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size);
    ::listen(listener_, 16);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    thread_ = std::thread([this] { run(); });
}

FakeDiffNode::~FakeDiffNode() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake();
    thread_.join();
    connections_.clear();
    ::close(listener_);
    ::close(wake_);
}

void FakeDiffNode::wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t told = ::write(wake_, &one, sizeof one);
}

std::vector<FakeDiffNode::Asked> FakeDiffNode::asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
}

bool FakeDiffNode::wait_for_asked(std::size_t count) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return asked_.size() >= count; });
}

bool FakeDiffNode::wait_for_pings(std::size_t count) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return pings_ >= count; });
}

std::uint64_t FakeDiffNode::sent_bytes() const {
    const std::lock_guard lock(mutex_);
    return sent_;
}

void FakeDiffNode::push(Steps steps) {
    push([steps = std::move(steps)] { return steps; });
}

void FakeDiffNode::push(std::function<Steps()> make) {
    {
        const std::lock_guard lock(mutex_);
        pushed_.push_back(std::move(make));
    }
    wake();
}

void FakeDiffNode::freeze() {
    {
        const std::lock_guard lock(mutex_);
        frozen_ = true;
    }
    wake();
}

void FakeDiffNode::apply(Connection& connection, Step step) {
    nghttp2_session* const session = connection.session;
    switch (step.kind) {
        case Step::Kind::headers: {
            nghttp2_data_provider provider{};
            provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* to, std::size_t room,
                                        std::uint32_t* flags, nghttp2_data_source*,
                                        void* user) { return Connection::of(user).give(to, room, flags); };
            const auto fields = as_nv(step.fields);
            nghttp2_submit_response(session, connection.stream, fields.data(), fields.size(), &provider);
            break;
        }
        case Step::Kind::data:
            connection.data.push_back(std::move(step.bytes));
            nghttp2_session_resume_data(session, connection.stream);
            break;
        case Step::Kind::trailers:
            connection.trailers = std::move(step.fields);
            nghttp2_session_resume_data(session, connection.stream);
            break;
        case Step::Kind::reset:
            nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, connection.stream, NGHTTP2_INTERNAL_ERROR);
            break;
        case Step::Kind::hang_up:
            nghttp2_session_send(session);
            connection.is_open = false;
            break;
        case Step::Kind::raw:
            nghttp2_session_send(session);
            [[maybe_unused]] const ssize_t sent =
                ::send(connection.fd, step.bytes.data(), step.bytes.size(), MSG_NOSIGNAL);
            break;
    }
}

void FakeDiffNode::accept_one() {
    auto connection = std::make_unique<Connection>();
    connection->node = this;
    connection->fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection->fd < 0) return;
    connection->begin();
    connections_.push_back(std::move(connection));
}

void FakeDiffNode::run() {
    for (;;) {
        std::vector<pollfd> fds{{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
        for (const auto& connection : connections_) {
            const bool writes = nghttp2_session_want_write(connection->session) != 0;
            fds.push_back({connection->fd, static_cast<short>(writes ? POLLIN | POLLOUT : POLLIN), 0});
        }
        ::poll(fds.data(), fds.size(), -1);
        std::uint64_t count = 0;  // the event is cleared before the queue is read, so that none is missed
        [[maybe_unused]] const ssize_t drained = ::read(wake_, &count, sizeof count);
        std::deque<std::function<Steps()>> pushed;
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) return;
            pushed = std::exchange(pushed_, {});
        }
        for (;;) {
            std::unique_lock lock(mutex_);
            if (!frozen_ || stopping_) break;
            lock.unlock();
            pollfd only{wake_, POLLIN, 0};
            ::poll(&only, 1, -1);
            [[maybe_unused]] const ssize_t again = ::read(wake_, &count, sizeof count);
        }
        for (const auto& make : pushed) {
            for (Step& step : make()) {
                if (!connections_.empty()) apply(*connections_.back(), std::move(step));
            }
        }
        for (std::size_t i = 0; i + 2 < fds.size(); ++i) {
            Connection& connection = *connections_[i];
            std::array<std::uint8_t, 65536> buffer;
            if ((fds[i + 2].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
                const ssize_t got = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
                if (got == 0 || (got < 0 && errno != EAGAIN)) connection.is_open = false;
                if (got > 0 && nghttp2_session_mem_recv(connection.session, buffer.data(),
                                                        static_cast<std::size_t>(got)) < 0) {
                    connection.is_open = false;
                }
            }
        }
        for (const auto& connection : connections_) {
            if (connection->is_open && nghttp2_session_send(connection->session) != 0)
                connection->is_open = false;
        }
        if (fds[1].revents != 0) accept_one();
        std::erase_if(connections_, [](const auto& connection) { return !connection->is_open; });
    }
}

Step accept_step() {
    return {Step::Kind::headers, {{":status", "200"}, {"content-type", "application/grpc+ioswarm-json"}}};
}

Step data_step(Bytes bytes) {
    return {Step::Kind::data, {}, std::move(bytes)};
}

Step diff_step(const StateDiff& diff) {
    return data_step(proto::grpc_frame(proto::encode(proto::Codec::json, diff)));
}

Step end_step(int grpc_status, const std::string& message) {
    Fields fields{{"grpc-status", std::to_string(grpc_status)}};
    if (!message.empty()) fields.emplace_back("grpc-message", message);
    return {Step::Kind::trailers, std::move(fields)};
}

StateDiff small_diff(std::uint64_t height, const std::string& content) {
    StateDiff diff;
    diff.height = height;
    diff.entries.push_back(
        {0, "Account", Bytes(20, static_cast<std::uint8_t>(height)), to_bytes(as_bytes(content))});
    Bytes bytes;
    for (unsigned shift = 0; shift < 64; shift += 8)
        bytes.push_back(static_cast<std::uint8_t>(height >> shift));
    diff.entries.push_back({0, "Account", to_bytes(as_bytes("currentHeight")), bytes});
    diff.digest = to_bytes(state_digest(diff.entries, DigestRules::current).view());
    return diff;
}

}  // namespace ioswarm::test
