// SPDX-License-Identifier: Apache-2.0
#include "cli/page/page_files.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "cli/page/embedded_file.hpp"

namespace ioswarm::cli {
namespace {

struct Served {
    std::string_view path;
    std::string_view file;
    std::string_view type;
};
constexpr std::array kServed{
    Served{"/", "index.html", "text/html; charset=utf-8"},
    Served{"/page.js", "page.js", "text/javascript; charset=utf-8"},
    Served{"/style.css", "style.css", "text/css; charset=utf-8"},
    Served{"/chart.min.js", "chart.min.js", "text/javascript; charset=utf-8"},
};
constexpr auto kPaths = [] {
    std::array<std::string_view, kServed.size()> out;
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = kServed[i].path;
    return out;
}();

/// connect-src allows the page's own fetches. form-action allows the form that looks up an agent. The empty
/// icon is a data: URL, so that no browser asks for /favicon.ico.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// True when If-None-Match names this tag: "*", or a list of tags, each perhaps marked as weak (RFC 9110,
/// 13.1.2).
bool names_tag(std::string_view list, std::string_view tag) {
    while (!list.empty()) {
        std::string_view one = list.substr(0, list.find(','));
        list.remove_prefix(std::min(one.size() + 1, list.size()));
        while (one.starts_with(' ') || one.starts_with('\t'))
            one.remove_prefix(1);
        while (one.ends_with(' ') || one.ends_with('\t'))
            one.remove_suffix(1);
        if (one.starts_with("W/")) one.remove_prefix(2);
        if (one == "*" || one == tag) return true;
    }
    return false;
}

const EmbeddedFile* find_file(std::string_view name) {
    const auto files = embedded_files();
    const auto found =
        std::find_if(files.begin(), files.end(), [&](const EmbeddedFile& file) { return file.name == name; });
    return found == files.end() ? nullptr : &*found;
}

}  // namespace

std::span<const std::string_view> page_paths() noexcept {
    return kPaths;
}

HttpReply page_file(const HttpRequest& request) {
    const auto* served = std::find_if(kServed.begin(), kServed.end(),
                                      [&](const Served& one) { return one.path == request.path; });
    const EmbeddedFile* file = served == kServed.end() ? nullptr : find_file(served->file);
    if (file == nullptr) return HttpReply{404, "{\"error\":\"not found\"}\n", "application/json", {}};
    HttpReply reply;
    reply.content_type = served->type;
    reply.headers = {{"ETag", std::string(file->etag)},
                     {"Cache-Control", "no-cache"},  // keep it, but ask whether it is still the newest
                     {"Content-Security-Policy", kPolicy},
                     {"X-Content-Type-Options", "nosniff"},
                     {"Referrer-Policy", "no-referrer"}};
    const std::string* known = request.header(kIfNoneMatchHeader);
    if (known != nullptr && names_tag(*known, file->etag)) {
        reply.status = 304;
    } else {
        reply.body.assign(file->bytes.begin(), file->bytes.end());
    }
    return reply;
}

}  // namespace ioswarm::cli
