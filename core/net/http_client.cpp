// SPDX-License-Identifier: Apache-2.0
#include "core/net/http_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "core/base/guarded.hpp"

// Each call uses one session: a curl multi handle, which owns its open connections. The call takes an idle
// session, or makes one, drives all of its requests on the calling thread, and gives the session back. So the
// client needs no thread of its own, and no curl object is used by two threads at once. The requests of one
// call still run concurrently.

namespace ioswarm {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMaxUrl = 2048;
constexpr std::size_t kMaxHeaderBytes = std::size_t{64} << 10U;
/// Idle sessions that are kept; further ones are closed with their connections.
constexpr std::size_t kKeptSessions = 4;
/// The time-out of curl_multi_poll(). It wakes at every event; the time-out is for an event that it misses.
constexpr int kPollMs = 1'000;

struct UrlFree {
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};
struct EasyFree {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
struct MultiFree {
    void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};
struct ListFree {
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, EasyFree>;
using Multi = std::unique_ptr<CURLM, MultiFree>;
using HeaderList = std::unique_ptr<curl_slist, ListFree>;

struct Session {
    Multi multi{curl_multi_init()};
    std::vector<Easy> idle;
};

struct CurlText {
    char* text = nullptr;
    CurlText() = default;
    CurlText(const CurlText&) = delete;
    CurlText& operator=(const CurlText&) = delete;
    ~CurlText() { curl_free(text); }
};

/// Returns only scheme://host:port of a URL. Empty if the URL cannot be used.
std::optional<std::string> display_name(const std::string& url) {
    if (url.size() > kMaxUrl) return std::nullopt;
    const std::unique_ptr<CURLU, UrlFree> parsed(curl_url());
    if (!parsed ||
        curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
        return std::nullopt;
    }
    CurlText scheme;
    CurlText host;
    CurlText port;
    if (curl_url_get(parsed.get(), CURLUPART_SCHEME, &scheme.text, 0) != CURLUE_OK ||
        curl_url_get(parsed.get(), CURLUPART_HOST, &host.text, 0) != CURLUE_OK ||
        curl_url_get(parsed.get(), CURLUPART_PORT, &port.text, CURLU_DEFAULT_PORT) != CURLUE_OK) {
        return std::nullopt;
    }
    const std::string_view name(scheme.text);
    if ((name != "http" && name != "https") || *host.text == '\0') return std::nullopt;
    return std::string(name) + "://" + host.text + ":" + port.text;
}

struct Transfer {
    Easy easy;
    std::size_t index = 0;
    std::size_t max_bytes = 0;
    std::size_t header_bytes = 0;
    bool get = false;
    bool too_large = false;
    std::string body;
    std::array<char, CURL_ERROR_SIZE> why{};
};
using Running = std::vector<std::unique_ptr<Transfer>>;

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    if (size > transfer.max_bytes - transfer.body.size()) {
        transfer.too_large = true;
        return 0;
    }
    transfer.body.append(data, size);
    return size;
}

std::size_t on_header(char*, std::size_t, std::size_t size, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    transfer.header_bytes += size;
    if (transfer.header_bytes > kMaxHeaderBytes) {
        transfer.too_large = true;
        return 0;
    }
    return size;
}

Error transfer_error(const Transfer& transfer, CURLcode code, const std::string& name) {
    if (transfer.too_large || code == CURLE_FILESIZE_EXCEEDED) {
        return {ErrorCode::resource_exhausted,
                "cannot take an HTTP answer",
                name,
                "it is larger than " + std::to_string(transfer.max_bytes) + " bytes",
                {}};
    }
    std::string why = transfer.why[0] != '\0' ? transfer.why.data() : curl_easy_strerror(code);
    if (code == CURLE_COULDNT_CONNECT) {
        // libcurl's text would repeat host and port, which are already in the error's `which`.
        long connect_errno = 0;
        curl_easy_getinfo(transfer.easy.get(), CURLINFO_OS_ERRNO, &connect_errno);
        if (connect_errno == ECONNREFUSED) why = "connection refused";
    }
    const auto kind = code == CURLE_OPERATION_TIMEDOUT ? ErrorCode::timed_out : ErrorCode::unavailable;
    return {kind, "cannot get an HTTP answer", name, why, {}};
}

}  // namespace

struct HttpClient::Impl {
    // Not changed after construction.
    std::string url;
    std::string name;
    HttpSettings settings;
    // Synchronises itself.
    Guarded<std::vector<std::unique_ptr<Session>>> shelf;

    std::unique_ptr<Session> take_session() {
        auto kept = shelf.lock();
        if (kept->empty()) return std::make_unique<Session>();
        auto session = std::move(kept->back());
        kept->pop_back();
        return session;
    }

    void put_back(std::unique_ptr<Session> session) {
        auto kept = shelf.lock();
        if (kept->size() < kKeptSessions) kept->push_back(std::move(session));
    }

    void prepare(Transfer& transfer, const std::string& body, curl_slist* headers,
                 milliseconds time_left) const;
    std::unique_ptr<Transfer> start(Session& session, std::size_t index, Method method, const std::string& body,
                                    curl_slist* headers, milliseconds time_left) const;
    bool collect(Session& session, Running& running, std::vector<Result<HttpResponse>>& answers) const;
    [[nodiscard]] Error broken(CURLMcode code) const {
        return {ErrorCode::unavailable,
                "cannot get an HTTP answer",
                name,
                std::string("libcurl failed: ") + curl_multi_strerror(code),
                {}};
    }
};

void HttpClient::Impl::prepare(Transfer& transfer, const std::string& body, curl_slist* headers,
                               milliseconds time_left) const {
    CURL* easy = transfer.easy.get();
    curl_easy_reset(easy);  // resets all options; the connections stay, since they belong to the multi handle
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (!settings.unix_socket.empty())
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, settings.unix_socket.c_str());
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.connect_timeout.count()));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(time_left.count()));
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(settings.max_response_bytes));
    if (transfer.get) {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
        // curl does not copy the body; `bodies` outlives the transfer.
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
    }
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.why.data());
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
}

std::unique_ptr<Transfer> HttpClient::Impl::start(Session& session, std::size_t index, Method method,
                                                  const std::string& body, curl_slist* headers,
                                                  milliseconds time_left) const {
    auto transfer = std::make_unique<Transfer>();
    if (session.idle.empty()) {
        transfer->easy.reset(curl_easy_init());
    } else {
        transfer->easy = std::move(session.idle.back());
        session.idle.pop_back();
    }
    transfer->index = index;
    transfer->get = method == Method::get;
    transfer->max_bytes = settings.max_response_bytes;
    if (!transfer->easy) return nullptr;
    prepare(*transfer, body, headers, time_left);
    if (curl_multi_add_handle(session.multi.get(), transfer->easy.get()) != CURLM_OK) return nullptr;
    return transfer;
}

/// Moves finished transfers from `running` to `answers`. Returns true if there was one.
bool HttpClient::Impl::collect(Session& session, Running& running,
                               std::vector<Result<HttpResponse>>& answers) const {
    bool any = false;
    int queued = 0;
    while (const CURLMsg* message = curl_multi_info_read(session.multi.get(), &queued)) {
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        CURL* easy = message->easy_handle;
        curl_multi_remove_handle(session.multi.get(), easy);  // this invalidates `message`
        const auto at = std::find_if(running.begin(), running.end(),
                                     [easy](const auto& transfer) { return transfer->easy.get() == easy; });
        if (at == running.end()) continue;
        Transfer& transfer = **at;
        if (code == CURLE_OK) {
            long status = 0;
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
            answers[transfer.index] = HttpResponse{static_cast<int>(status), std::move(transfer.body)};
        } else {
            answers[transfer.index] = fail(transfer_error(transfer, code, name));
        }
        session.idle.push_back(std::move(transfer.easy));
        running.erase(at);
        any = true;
    }
    return any;
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

const std::string& HttpClient::name() const noexcept {
    return impl_->name;
}

Result<std::unique_ptr<HttpClient>> HttpClient::create(std::string url, HttpSettings settings) {
    // Every client calls this. libcurl 7.84 and later count the calls and are thread-safe here.
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return fail(ErrorCode::internal, "cannot start libcurl");
    }
    auto name = display_name(url);
    if (!name) {
        return fail(ErrorCode::invalid_argument, "cannot use a URL", {},
                    "it is not an http or https URL with a host",
                    "for a node beside this program: http://127.0.0.1:15014");
    }
    if (settings.max_parallel == 0) settings.max_parallel = 1;
    auto impl = std::make_unique<Impl>();
    impl->url = std::move(url);
    impl->name = std::move(*name);
    impl->settings = std::move(settings);
    return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

Result<HttpResponse> HttpClient::post(std::string_view body, std::string_view content_type,
                                      const std::stop_token& stop) {
    const std::string copy(body);
    auto answers = post_all({&copy, 1}, content_type, stop);
    return std::move(answers.front());
}

Result<HttpResponse> HttpClient::get(const std::stop_token& stop) {
    const std::string none;
    auto answers = run_all(Method::get, {&none, 1}, {}, stop);
    return std::move(answers.front());
}

std::vector<Result<HttpResponse>> HttpClient::post_all(std::span<const std::string> bodies,
                                                       std::string_view content_type,
                                                       const std::stop_token& stop) {
    return run_all(Method::post, bodies, content_type, stop);
}

std::vector<Result<HttpResponse>> HttpClient::run_all(Method method, std::span<const std::string> bodies,
                                                      std::string_view content_type,
                                                      const std::stop_token& stop) {
    std::vector<Result<HttpResponse>> answers(
        bodies.size(), fail(ErrorCode::cancelled, "cannot get an HTTP answer", impl_->name, "stopped"));
    HeaderList headers(curl_slist_append(nullptr, ("Content-Type: " + std::string(content_type)).c_str()));
    // An empty Expect header stops curl from waiting for "100 Continue" before it sends a large body.
    curl_slist_append(headers.get(), "Expect:");
    auto session = impl_->take_session();
    CURLM* multi = session->multi.get();
    const auto deadline = steady_clock::now() + impl_->settings.total_timeout;
    Running running;
    std::size_t next = 0;
    {
        const std::stop_callback wake(stop, [multi] { curl_multi_wakeup(multi); });
        while (!stop.stop_requested() && (next < bodies.size() || !running.empty())) {
            while (next < bodies.size() && running.size() < impl_->settings.max_parallel) {
                const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
                if (left.count() <= 0) {
                    answers[next] = fail(ErrorCode::timed_out, "cannot get an HTTP answer", impl_->name,
                                         "the time of the whole call is over");
                } else if (auto transfer =
                               impl_->start(*session, next, method, bodies[next], headers.get(), left)) {
                    running.push_back(std::move(transfer));
                } else {
                    answers[next] = fail(ErrorCode::internal, "cannot start an HTTP request", impl_->name);
                }
                ++next;
            }
            int active = 0;
            CURLMcode failed = curl_multi_perform(multi, &active);
            const bool finished = impl_->collect(*session, running, answers);
            if (failed == CURLM_OK && !finished && active > 0)
                failed = curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
            if (failed == CURLM_OK) continue;
            // An error of the multi handle is permanent, and the time-outs of its transfers no longer work. So
            // all of them fail now.
            for (const auto& transfer : running)
                answers[transfer->index] = fail(impl_->broken(failed));
            for (; next < bodies.size(); ++next)
                answers[next] = fail(impl_->broken(failed));
            break;
        }
    }
    for (const auto& transfer : running)
        curl_multi_remove_handle(multi, transfer->easy.get());
    if (running.empty()) impl_->put_back(std::move(session));
    return answers;
}

}  // namespace ioswarm
