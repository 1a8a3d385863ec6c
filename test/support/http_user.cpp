// SPDX-License-Identifier: Apache-2.0
#include "test/support/http_user.hpp"

#include <algorithm>

#include <curl/curl.h>
#include <strings.h>

namespace ioswarm::test {
namespace {

struct FreeHeaderList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::size_t take_body(char* bytes, std::size_t one, std::size_t count, void* page) {
    static_cast<HttpPage*>(page)->body.append(bytes, one * count);
    return one * count;
}

/// Called once per line of the answer's head.
std::size_t take_header(char* bytes, std::size_t one, std::size_t count, void* page) {
    const std::string_view line(bytes, one * count);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return line.size();
    const std::size_t from = std::min(line.find_first_not_of(' ', colon + 1), line.size());
    const std::string_view value = line.substr(from, line.find_last_not_of("\r\n ") + 1 - from);
    static_cast<HttpPage*>(page)->headers.emplace_back(line.substr(0, colon), value);
    return line.size();
}

}  // namespace

std::optional<std::string> HttpPage::header(const std::string& name) const {
    const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& header) {
        return ::strcasecmp(header.first.c_str(), name.c_str()) == 0;
    });
    return found == headers.end() ? std::nullopt : std::optional(found->second);
}

void HttpUser::FreeCurl::operator()(void* curl) const {
    curl_easy_cleanup(curl);
}

HttpUser::HttpUser(int port) : curl_(curl_easy_init()), origin_("http://127.0.0.1:" + std::to_string(port)) {}

std::optional<HttpPage> HttpUser::ask(const std::string& method, const std::string& path,
                                      const HttpHeaders& headers, const std::string& body) {
    CURL* const curl = curl_.get();
    HttpPage page;
    curl_easy_reset(curl);  // keeps the connection
    curl_easy_setopt(curl, CURLOPT_URL, (origin_ + path).c_str());
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(curl, CURLOPT_NOBODY, method == "HEAD" ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method.c_str());
    if (!body.empty()) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
        curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body.c_str());
    }
    std::unique_ptr<curl_slist, FreeHeaderList> list;
    for (const auto& [name, value] : headers)
        list.reset(curl_slist_append(list.release(), (name + ": " + value).c_str()));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list.get());
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &page);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &page);
    if (curl_easy_perform(curl) != CURLE_OK) return std::nullopt;
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    page.status = static_cast<int>(status);
    return page;
}

}  // namespace ioswarm::test
