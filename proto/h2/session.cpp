// SPDX-License-Identifier: Apache-2.0
#include "proto/h2/session.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"

namespace ioswarm::proto {
namespace {

using SteadyClock = std::chrono::steady_clock;

// The flow-control windows. They are large enough for 1 Gbit/s at a round trip of 30 ms, and small enough that
// we can afford the memory for every stream.
constexpr std::int32_t kStreamWindow = 4 << 20;
constexpr std::int32_t kConnectionWindow = 8 << 20;
constexpr std::size_t kMaxWaiting = std::size_t{4} << 20;
constexpr std::size_t kMaxHeaderBytes = std::size_t{64} << 10;

constexpr std::string_view kBrokenRules = "the other end broke the rules of HTTP/2";

/// `code` is an error of nghttp2.
std::string broken_rules(int code) {
    return fmt::format("{}: {}", kBrokenRules, nghttp2_strerror(code));
}

/// Undoes gRPC's escapes: bytes that are not printable ASCII are sent as %XX.
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

/// https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md
ErrorCode code_of_http(int status) {
    if (status == 401) return ErrorCode::unauthenticated;
    if (status == 403) return ErrorCode::permission_denied;
    return ErrorCode::unavailable;
}

const std::string* find_header(const H2Headers& headers, std::string_view name) {
    const auto found =
        std::find_if(headers.begin(), headers.end(), [&](const auto& header) { return header.first == name; });
    return found == headers.end() ? nullptr : &found->second;
}

}  // namespace

H2Deadline deadline_in(std::chrono::milliseconds within) {
    return SteadyClock::now() + std::min<std::chrono::milliseconds>(within, std::chrono::years(1));
}

std::string http2_error(std::uint32_t code) {
    return nghttp2_http2_strerror(code);
}

H2Client::Session::Session(std::unique_ptr<TcpStream> stream, const TcpTarget& target,
                           const H2Settings& settings)
    : stream_(std::move(stream)),
      which_(target.text()),
      scheme_(target.tls ? "https" : "http"),
      settings_(settings),
      first_word_due_(deadline_in(settings.first_word_timeout)),
      heard_(SteadyClock::now()) {}

H2Client::Session::~Session() {
    nghttp2_session_del(session_);
}

Status H2Client::Session::start() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* option = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) {
        nghttp2_session_callbacks_del(callbacks);
        return fail(ErrorCode::internal, "cannot start HTTP/2", which_);
    }
    nghttp2_option_set_no_auto_window_update(option, 1);
    set_callbacks(callbacks);
    const int made = nghttp2_session_client_new2(&session_, callbacks, this, option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    if (made != 0) return fail(ErrorCode::internal, "cannot start HTTP/2", which_, nghttp2_strerror(made));
    const std::array<nghttp2_settings_entry, 3> entries{
        {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
         {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderBytes}}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
    return {};
}

void H2Client::Session::set_callbacks(nghttp2_session_callbacks* callbacks) {
    nghttp2_session_callbacks_set_send_callback(
        callbacks,
        [](nghttp2_session*, const std::uint8_t* data, std::size_t size, int, void* user) -> ssize_t {
            const auto sent = of(user).stream_->send({data, size});
            if (!sent) of(user).send_error_ = sent.error();
            if (!sent) return NGHTTP2_ERR_CALLBACK_FAILURE;
            if (*sent == 0) return NGHTTP2_ERR_WOULDBLOCK;
            return static_cast<ssize_t>(*sent);
        });
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks,
        [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
           const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
            of(user).on_header(*frame, std::string(as_text({name, name_size})),
                               std::string(as_text({value, value_size})));
            return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
            of(user).on_frame(*frame);
            return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                      std::size_t size, void* user) {
            of(user).on_data(id, {data, size});
            return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
            if (Stream* const stream = of(user).find(id)) {
                stream->ended = true;
                stream->status.reset_code = code;
            }
            return 0;
        });
}

H2Client::Session::Stream* H2Client::Session::find(std::int32_t id) {
    const auto found = streams_.find(id);
    return found == streams_.end() ? nullptr : &found->second;
}

void H2Client::Session::on_header(const nghttp2_frame& frame, std::string name, std::string value) {
    Stream* const stream = find(frame.hd.stream_id);
    if (stream == nullptr || frame.hd.type != NGHTTP2_HEADERS) return;
    stream->header_bytes += name.size() + value.size() + 32;  // RFC 9113 counts header sizes this way
    if (stream->header_bytes > kMaxHeaderBytes) {
        stream->fault = Error{ErrorCode::bad_data, {}, {}, "over 64 KiB of headers", {}};
        return;
    }
    H2Status& status = stream->status;
    const auto number = [&value](int& out) { std::from_chars(value.data(), value.data() + value.size(), out); };
    if (name == ":status") number(status.http_status);
    if (name == "grpc-status") number(status.grpc_status);
    if (name == "grpc-message") status.grpc_message = percent_decoded(value);
    auto& list = frame.headers.cat == NGHTTP2_HCAT_RESPONSE ? status.headers : status.trailers;
    list.emplace_back(std::move(name), std::move(value));
}

void H2Client::Session::on_frame(const nghttp2_frame& frame) {
    if (frame.hd.type == NGHTTP2_SETTINGS) saw_settings_ = true;
    if (frame.hd.type == NGHTTP2_GOAWAY) {
        const BytesView said(frame.goaway.opaque_data, frame.goaway.opaque_data_len);
        goaway_ = http2_error(frame.goaway.error_code);
        constexpr std::size_t kMaxReasonBytes = 256;
        if (!said.empty())
            goaway_ += fmt::format(": {}", as_text(said.first(std::min(said.size(), kMaxReasonBytes))));
    }
    if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_RESPONSE) return;
    if (Stream* const stream = find(frame.hd.stream_id)) on_headers_end(*stream);
}

/// Checks that the answer comes from a gRPC server, so that a web server's page is not read as messages.
void H2Client::Session::on_headers_end(Stream& stream) const {
    const H2Status& status = stream.status;
    if (stream.fault) return;
    if (status.http_status != 200 && status.grpc_status < 0) {
        stream.fault = Error{
            code_of_http(status.http_status), {}, {}, fmt::format("HTTP status {}", status.http_status), {}};
        return;
    }
    const std::string* const type = find_header(status.headers, "content-type");
    if (type != nullptr && type->starts_with("application/grpc")) return;
    if (type == nullptr && status.grpc_status > 0) return;  // a refusal needs no content-type
    const std::string what = type == nullptr ? "no content-type" : "content-type " + type->substr(0, 64);
    stream.fault = Error{ErrorCode::bad_data, {}, {}, fmt::format("an answer of {}, so not of gRPC", what), {}};
}

void H2Client::Session::on_data(std::int32_t id, BytesView data) {
    Stream* const stream = find(id);
    if (stream == nullptr || stream->fault) {
        // Nobody takes these bytes, but they count against the connection's window.
        nghttp2_session_consume_connection(session_, data.size());
        return;
    }
    if (!stream->messages.add(data)) {
        stream->fault = Error{ErrorCode::bad_data, {}, {}, stream->messages.fault(), {}};
    }
    stream->unconsumed += data.size();
    open_window(id, *stream);
}

void H2Client::Session::open_window(std::int32_t id, Stream& stream) {
    if (stream.messages.waiting_bytes() >= kMaxWaiting) return;
    nghttp2_session_consume(session_, id, std::exchange(stream.unconsumed, 0));
}

void H2Client::Session::forget(std::int32_t id) {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    nghttp2_session_consume_connection(session_, found->second.unconsumed);
    streams_.erase(found);
}

ssize_t H2Client::Session::give_body(std::int32_t id, std::uint8_t* to, std::size_t room,
                                     std::uint32_t* flags) {
    Stream* const stream = find(id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::size_t size = std::min(room, stream->body.size() - stream->body_sent);
    if (size == 0 && !stream->half_close) return NGHTTP2_ERR_DEFERRED;
    std::copy_n(stream->body.data() + stream->body_sent, size, to);
    stream->body_sent += size;
    if (stream->body_sent == stream->body.size() && stream->half_close) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
}

Result<std::int32_t> H2Client::Session::submit(const H2Request& request) {
    if (closed_) return fail(closed_error());
    H2Headers headers{{":method", "POST"},    {":scheme", scheme_}, {":path", request.path},
                      {":authority", which_}, {"te", "trailers"},   {"content-type", request.content_type}};
    constexpr std::int64_t kMaxTimeoutValue = 99'999'999;  // the gRPC protocol allows at most eight digits
    if (const auto ms = request.deadline.count(); ms > 0)
        headers.emplace_back("grpc-timeout", fmt::format("{}m", std::min(ms, kMaxTimeoutValue)));
    const std::size_t usual = headers.size();
    headers.insert(headers.end(), request.headers.begin(), request.headers.end());
    std::vector<nghttp2_nv> fields;
    for (auto& [name, value] : headers) {
        const auto flags = fields.size() < usual ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX;
        fields.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                          reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                          static_cast<std::uint8_t>(flags)});
    }
    nghttp2_data_provider body{};
    body.read_callback = [](nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t room,
                            std::uint32_t* flags, nghttp2_data_source*,
                            void* user) -> ssize_t { return of(user).give_body(id, to, room, flags); };
    const std::int32_t id =
        nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &body, nullptr);
    if (id < 0) return fail(ErrorCode::unavailable, "the call failed", which_, nghttp2_strerror(id));
    Stream& stream = streams_.try_emplace(id, settings_).first->second;
    stream.body = request.body;
    stream.half_close = request.half_close;
    IOSWARM_DO(flush());
    return id;
}

Status H2Client::Session::close(Error why) {
    // A port that speaks something else may end the connection in any way, for example while we still write.
    if (!saw_settings_ && why.hint.empty()) {
        why.hint = scheme_ == "http" ? "is that a gRPC port? If it speaks TLS: ioswarm l4test --tls"
                                     : "is that a gRPC port?";
    }
    if (!closed_) closed_ = std::move(why);
    return fail(closed_error());
}

Error H2Client::Session::closed_error() const {
    return {ErrorCode::unavailable, "the connection ended", which_, closed_->why, closed_->hint};
}

Error H2Client::Session::end_of_connection(std::string usual_why) const {
    Error error{ErrorCode::unavailable, {}, which_, std::move(usual_why), {}};
    if (!goaway_.empty()) error.why = "the other end said " + goaway_;
    if (!saw_settings_) error.why = "the other end does not speak HTTP/2";
    return error;
}

Status H2Client::Session::flush() {
    const int failed = nghttp2_session_send(session_);
    if (failed == 0) return {};
    return close(send_error_ ? *send_error_ : end_of_connection(broken_rules(failed)));
}

Status H2Client::Session::wait(H2Deadline deadline, const std::stop_token& stop) {
    const H2Deadline ping_due = pinged_ ? *pinged_ + settings_.ping_timeout : heard_ + settings_.ping_after;
    const H2Deadline due = saw_settings_ ? ping_due : std::min(ping_due, first_word_due_);
    const bool wants_write = nghttp2_session_want_write(session_) != 0;
    Status waited = stream_->wait(wants_write, std::min(deadline, due), stop);
    if (waited) return {};
    if (waited.error().code == ErrorCode::cancelled) return waited;
    if (waited.error().code != ErrorCode::timed_out) return close(std::move(waited).error());
    const auto now = SteadyClock::now();
    if (now >= deadline) return waited;
    if (now < due) return {};
    if (!saw_settings_ && now >= first_word_due_)
        return close({ErrorCode::unavailable, {}, {}, said_nothing(settings_.first_word_timeout), {}});
    if (pinged_) {
        return close({ErrorCode::unavailable,
                      {},
                      {},
                      fmt::format("no answer to a ping in {} ms", settings_.ping_timeout.count()),
                      {}});
    }
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
    pinged_ = now;
    return {};
}

Status H2Client::Session::work(H2Deadline deadline, const std::stop_token& stop) {
    if (closed_) return fail(closed_error());
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped", which_);
    IOSWARM_DO(flush());
    std::array<std::uint8_t, 65536> buffer;
    const auto got = stream_->receive(buffer);
    if (!got) return close(got.error());
    if (!*got) return wait(deadline, stop);
    if (**got == 0) return close(end_of_connection("the other end closed the connection"));
    heard_ = SteadyClock::now();
    pinged_.reset();
    const auto read = nghttp2_session_mem_recv(session_, buffer.data(), **got);
    if (read < 0) return close(end_of_connection(broken_rules(static_cast<int>(read))));
    IOSWARM_DO(flush());
    if (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0) {
        // The session is over without a word of the other end, so nghttp2 has ended it.
        return close(end_of_connection(std::string(kBrokenRules)));
    }
    return {};
}

std::optional<Result<std::optional<Bytes>>> H2Client::Session::ready(std::int32_t id, Stream& stream) {
    using Next = Result<std::optional<Bytes>>;
    if (!stream.messages.empty()) {
        Bytes message = stream.messages.take();
        if (!stream.ended && !closed_) open_window(id, stream);
        return Next(std::move(message));
    }
    if (stream.fault) {
        return Next(fail(stream.fault->code, "cannot read the answer", which_, stream.fault->why));
    }
    if (!stream.ended) return std::nullopt;
    if (stream.messages.in_message() && stream.status.grpc_status <= 0 && stream.status.reset_code == 0) {
        return Next(fail(ErrorCode::bad_data, "cannot read the answer", which_, "it ended within a message"));
    }
    return Next(std::optional<Bytes>());
}

Result<std::optional<Bytes>> H2Client::Session::next(std::int32_t id, H2Deadline deadline,
                                                     const std::stop_token& stop) {
    Stream* const stream = find(id);
    if (stream == nullptr)
        return fail(ErrorCode::invalid_argument, "cannot read", fmt::format("stream {}", id), "unknown");
    std::optional<H2Deadline> message_due;
    for (;;) {
        if (auto now = ready(id, *stream)) return *std::move(now);
        if (stream->messages.in_message() && !message_due) {
            message_due = SteadyClock::now() + settings_.message_timeout;
        } else if (!stream->messages.in_message()) {
            message_due.reset();
        }
        if (message_due && SteadyClock::now() >= *message_due) {
            return fail(
                ErrorCode::bad_data, "cannot read the answer", which_,
                fmt::format("a message that began has no end after {} ms", settings_.message_timeout.count()));
        }
        Status worked = work(message_due ? std::min(deadline, *message_due) : deadline, stop);
        const bool is_late = SteadyClock::now() >= deadline;
        if (worked && !is_late) continue;
        // What arrived before the connection or the time ended is still returned, the end of the stream too.
        if (worked || closed_) {
            if (auto last = ready(id, *stream)) return *std::move(last);
        }
        // The other end may go on for ever with what is no message, such as PINGs.
        if (worked) return fail(no_answer());
        if (worked.error().code == ErrorCode::timed_out && !is_late) continue;
        return fail(std::move(worked).error());
    }
}

H2Status H2Client::Session::take_status(std::int32_t id) {
    H2Status status = std::move(find(id)->status);
    forget(id);
    return status;
}

void H2Client::Session::cancel(std::int32_t id) {
    if (find(id) == nullptr) return;
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    if (!closed_) static_cast<void>(flush());
    forget(id);
}

}  // namespace ioswarm::proto
