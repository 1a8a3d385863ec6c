// SPDX-License-Identifier: Apache-2.0
#include "core/net/http_download.hpp"

#include <curl/curl.h>
#include <strings.h>

#include <array>
#include <utility>

#include <fmt/format.h>

#include "core/base/try.hpp"

namespace ioswarm {
namespace download {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMaxUrlBytes = 2048;
constexpr std::size_t kMaxHeadBytes = std::size_t{64} << 10U;
constexpr long kMaxRedirects = 5;
/// curl_multi_poll() wakes for each event. This is how long a stop may wait, which has no event of its own.
constexpr milliseconds kLookForStop{100};

struct FreeEasy {
    void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
struct FreeMulti {
    void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};

bool has_prefix(const std::string& url, std::string_view scheme) {
    return url.size() > scheme.size() && ::strncasecmp(url.c_str(), scheme.data(), scheme.size()) == 0;
}

}  // namespace download

struct HttpDownload::State {
    // The easy handle must be destroyed first.
    std::unique_ptr<CURLM, download::FreeMulti> multi{curl_multi_init()};
    std::unique_ptr<CURL, download::FreeEasy> easy{curl_easy_init()};
    DownloadSettings settings;
    std::stop_token stop;
    std::string asked;  // for messages
    std::string url;
    std::string content_encoding;
    std::optional<std::uint64_t> announced;
    int status = 0;
    Bytes arrived;   // what curl gave and next() has not returned
    Bytes returned;  // the piece that next() returned last
    std::uint64_t arrived_bytes = 0;
    std::uint64_t returned_bytes = 0;
    std::size_t head_bytes = 0;
    bool too_large = false;
    bool done = false;
    CURLcode result = CURLE_OK;
    std::array<char, CURL_ERROR_SIZE> why{};

    ~State() {
        if (easy && multi) curl_multi_remove_handle(multi.get(), easy.get());
    }

    static std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
        auto& state = *static_cast<State*>(user);
        if (size > state.settings.max_bytes - state.arrived_bytes) {
            state.too_large = true;
            return 0;
        }
        state.arrived_bytes += size;
        state.arrived.insert(state.arrived.end(), data, data + size);
        return size;
    }

    static std::size_t on_head(char*, std::size_t, std::size_t size, void* user) {
        auto& state = *static_cast<State*>(user);
        state.head_bytes += size;
        return state.head_bytes > download::kMaxHeadBytes ? 0 : size;
    }

    [[nodiscard]] Error broken(ErrorCode code, std::string reason) const {
        return {code, "cannot download", asked, std::move(reason), {}};
    }

    Status start() {
        using namespace download;
        if (!easy || !multi) return fail(broken(ErrorCode::internal, "libcurl does not start"));
        const auto option = [&](CURLoption name, auto value) { curl_easy_setopt(easy.get(), name, value); };
        option(CURLOPT_URL, asked.c_str());
        option(CURLOPT_PROTOCOLS_STR, "http,https");
        option(CURLOPT_REDIR_PROTOCOLS_STR, has_prefix(asked, "https:") ? "https" : "http,https");
        option(CURLOPT_FOLLOWLOCATION, 1L);
        option(CURLOPT_MAXREDIRS, kMaxRedirects);
        option(CURLOPT_PROXY, "");
        option(CURLOPT_NOSIGNAL, 1L);
        option(CURLOPT_TCP_KEEPALIVE, 1L);
        option(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.connect_timeout.count()));
        option(CURLOPT_TIMEOUT_MS, static_cast<long>(settings.timeout.count()));
        if (!settings.ca_file.empty()) option(CURLOPT_CAINFO, settings.ca_file.c_str());
        option(CURLOPT_WRITEFUNCTION, &State::on_body);
        option(CURLOPT_WRITEDATA, this);
        option(CURLOPT_HEADERFUNCTION, &State::on_head);
        option(CURLOPT_HEADERDATA, this);
        option(CURLOPT_ERRORBUFFER, why.data());
        if (curl_multi_add_handle(multi.get(), easy.get()) != CURLM_OK)
            return fail(broken(ErrorCode::internal, "libcurl does not start"));
        return {};
    }

    /// Lets curl work until a piece of the body has come or the transfer has ended.
    Status work() {
        auto silent_since = download::steady_clock::now();
        while (arrived.empty() && !done) {
            if (stop.stop_requested()) return fail(broken(ErrorCode::cancelled, "a signal came"));
            int running = 0;
            if (curl_multi_perform(multi.get(), &running) != CURLM_OK)
                return fail(broken(ErrorCode::unavailable, "libcurl failed"));
            int queued = 0;
            while (const CURLMsg* message = curl_multi_info_read(multi.get(), &queued)) {
                if (message->msg != CURLMSG_DONE) continue;
                done = true;
                result = message->data.result;
            }
            if (!arrived.empty() || done) break;
            const auto silent = download::steady_clock::now() - silent_since;
            if (silent > settings.stall_timeout) {
                return fail(broken(ErrorCode::timed_out,
                                   fmt::format("no byte came for {} s",
                                               std::chrono::round<std::chrono::seconds>(silent).count())));
            }
            (void)curl_multi_poll(multi.get(), nullptr, 0, static_cast<int>(download::kLookForStop.count()),
                                  nullptr);
        }
        return {};
    }

    /// The error of a transfer that has ended; ok when it was whole.
    [[nodiscard]] Status outcome() const {
        if (result == CURLE_OK) return {};
        if (too_large) {
            return fail(broken(ErrorCode::resource_exhausted,
                               fmt::format("more than {} bytes come", settings.max_bytes)));
        }
        if (result == CURLE_OPERATION_TIMEDOUT) return fail(broken(ErrorCode::timed_out, text_of_result()));
        if (result == CURLE_PARTIAL_FILE || result == CURLE_RECV_ERROR || result == CURLE_GOT_NOTHING) {
            return fail(broken(
                ErrorCode::unavailable,
                announced ? fmt::format("the connection ended after {} of {} bytes", arrived_bytes, *announced)
                          : fmt::format("the connection ended after {} bytes", arrived_bytes)));
        }
        return fail(broken(ErrorCode::unavailable, text_of_result()));
    }

    [[nodiscard]] std::string text_of_result() const {
        return why[0] != '\0' ? why.data() : curl_easy_strerror(result);
    }

    void read_head() {
        long code = 0;
        curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &code);
        status = static_cast<int>(code);
        const char* effective = nullptr;
        curl_easy_getinfo(easy.get(), CURLINFO_EFFECTIVE_URL, &effective);
        url = effective != nullptr ? effective : asked;
        curl_off_t length = -1;
        curl_easy_getinfo(easy.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        if (length >= 0) announced = static_cast<std::uint64_t>(length);
        curl_header* header = nullptr;
        if (curl_easy_header(easy.get(), "Content-Encoding", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
            content_encoding = header->value;
    }
};

HttpDownload::HttpDownload(std::unique_ptr<State> state) : state_(std::move(state)) {}
HttpDownload::~HttpDownload() = default;

Result<std::unique_ptr<HttpDownload>> HttpDownload::open(const std::string& url, DownloadSettings settings,
                                                         std::stop_token stop) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return fail(ErrorCode::internal, "cannot start libcurl");
    if (url.size() > download::kMaxUrlBytes ||
        !(download::has_prefix(url, "http://") || download::has_prefix(url, "https://"))) {
        return fail(ErrorCode::invalid_argument, "cannot download", url, "it is not an http or https URL");
    }
    auto state = std::make_unique<State>();
    state->settings = std::move(settings);
    state->stop = std::move(stop);
    state->asked = url;
    IOSWARM_DO(state->start());
    IOSWARM_DO(state->work());
    state->read_head();
    if (state->status == 0 || state->arrived.empty()) {
        IOSWARM_DO(state->outcome());
    }
    return std::unique_ptr<HttpDownload>(new HttpDownload(std::move(state)));
}

Result<BytesView> HttpDownload::next() {
    State& s = *state_;
    IOSWARM_DO(s.work());
    if (s.arrived.empty()) {
        IOSWARM_DO(s.outcome());
    }
    std::swap(s.returned, s.arrived);
    s.arrived.clear();
    s.returned_bytes += s.returned.size();
    return BytesView(s.returned);
}

int HttpDownload::status() const noexcept {
    return state_->status;
}
const std::string& HttpDownload::url() const noexcept {
    return state_->url;
}
std::optional<std::uint64_t> HttpDownload::announced_bytes() const noexcept {
    return state_->announced;
}
const std::string& HttpDownload::content_encoding() const noexcept {
    return state_->content_encoding;
}
std::uint64_t HttpDownload::bytes() const noexcept {
    return state_->returned_bytes;
}

}  // namespace ioswarm
