// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot/verify_url.hpp"

#include <strings.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/config/urls.hpp"
#include "cli/config/value.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/crypto/sha256.hpp"
#include "snapshot/companions.hpp"
#include "snapshot/gzip/gzip.hpp"
#include "snapshot/immutable_name.hpp"
#include "snapshot/reader.hpp"

namespace ioswarm::cli {
namespace verify {

using Json = nlohmann::json;
using NamespaceEntries = std::map<std::string, std::uint64_t, std::less<>>;

constexpr std::uint64_t kMaxCompanionBytes = std::uint64_t{1} << 20U;
constexpr auto kCompanionTimeout = std::chrono::seconds(30);
/// A hostile file may name a new namespace in every entry. Real files have a few.
constexpr std::size_t kMaxNamespaces = 10'000;

Error wrong(const std::string& url, std::string why) {
    return {ErrorCode::bad_data, "the published snapshot is wrong", url, std::move(why),
            "publish it again: the snapshot, its .sha256 and its description"};
}

/// The URL without query and fragment, and these.
std::pair<std::string, std::string> split_query(const std::string& url) {
    const std::size_t end = std::min(url.find_first_of("?#"), url.size());
    return {url.substr(0, end), url.substr(end, url.find('#', end) - end)};
}

/// What companions say about the snapshot. A field that none of them says is empty.
struct Expected {
    std::optional<std::uint64_t> height;
    std::optional<std::uint64_t> bytes;
    std::optional<std::uint64_t> entries;
    std::optional<std::string> sha256;
    std::optional<std::string> payload_sha256;
    std::optional<NamespaceEntries> namespaces;
    std::vector<std::string> from;
};

/// Passes on what is downloaded, and digests it.
class DownloadedBytes final : public snapshot::RawBytes {
  public:
    DownloadedBytes(HttpDownload& download, Sha256& digest) : download_(download), digest_(digest) {}
    Result<BytesView> next() override {
        auto piece = download_.next();
        if (piece) digest_.update(*piece);
        return piece;
    }

  private:
    HttpDownload& download_;
    Sha256& digest_;
};

class Verification {
  public:
    Verification(const std::string& url, const DownloadSettings& settings, const std::stop_token& stop)
        : asked_(url), settings_(settings), stop_(stop) {}

    Result<VerifiedUrl> run() {
        IOSWARM_TRY(auto download, HttpDownload::open(asked_, settings_, stop_));
        download_ = std::move(download);
        found_.url = download_->url();
        std::tie(path_, query_) = split_query(found_.url);
        name_ = path_.substr(path_.rfind('/') + 1);
        IOSWARM_DO(check_answer());
        // The companions come first, so that a file of another size is not read to its end.
        IOSWARM_DO(read_companions());
        IOSWARM_DO(check_announced());
        IOSWARM_DO(read_snapshot());
        IOSWARM_DO(compare());
        found_.compared = std::move(expected_.from);
        return std::move(found_);
    }

  private:
    [[nodiscard]] Error wrong_here(std::string why) const { return wrong(found_.url, std::move(why)); }

    [[nodiscard]] Status check_answer() const {
        const int status = download_->status();
        if (status != 200) {
            const bool is_missing = status == 404 || status == 410;
            return fail(is_missing ? ErrorCode::not_found : ErrorCode::unavailable, "cannot download",
                        found_.url, fmt::format("the server answered {}", status));
        }
        if (!download_->content_encoding().empty() && download_->content_encoding() != "identity") {
            return fail(wrong_here(fmt::format(
                "the server sends it with \"Content-Encoding: {}\", so that clients would unpack it",
                escape_for_display(download_->content_encoding()))));
        }
        return {};
    }

    /// The text of a companion; nothing when there is none.
    Result<std::optional<std::string>> companion(const std::string& url) const {
        DownloadSettings settings = settings_;
        settings.max_bytes = kMaxCompanionBytes;
        settings.timeout = settings.timeout.count() == 0
                               ? std::chrono::milliseconds(kCompanionTimeout)
                               : std::min<std::chrono::milliseconds>(settings.timeout, kCompanionTimeout);
        IOSWARM_TRY(auto download, HttpDownload::open(url, settings, stop_));
        const int status = download->status();
        if (status == 403 || status == 404 || status == 410) return std::optional<std::string>();
        if (status != 200)
            return fail(ErrorCode::unavailable, "cannot download", url,
                        fmt::format("the server answered {}", status));
        std::string text;
        for (;;) {
            auto piece = download->next();
            if (!piece && piece.error().code == ErrorCode::resource_exhausted)
                return fail(wrong(url, "it is far too large"));
            if (!piece) return fail(piece.error());
            if (piece->empty()) return std::optional(std::move(text));
            text += as_text(*piece);
        }
    }

    Status read_companions() {
        const std::string sum_url = snapshot::sum_name(path_) + query_;
        IOSWARM_TRY(auto sum, companion(sum_url));
        if (sum) {
            IOSWARM_DO(read_sum(sum_url, *sum));
        }
        const std::string own_url = snapshot::own_meta_name(path_) + query_;
        IOSWARM_TRY(auto own, companion(own_url));
        if (own) return read_meta(own_url, *own);
        const std::string shared_url = snapshot::meta_name(path_) + query_;
        IOSWARM_TRY(auto shared, companion(shared_url));
        return shared ? read_meta(shared_url, *shared) : Status();
    }

    Status read_sum(const std::string& url, const std::string& text) {
        constexpr std::size_t kDigits = 64;
        const std::string digest = text.substr(0, kDigits);
        const bool is_line = text.size() > kDigits + 2 && text[kDigits] == ' ' &&
                             digest.find_first_not_of("0123456789abcdef") == std::string::npos;
        if (!is_line) return fail(wrong(url, "it is not a line of sha256sum"));
        const std::string named = text.substr(kDigits + 2, text.find('\n') - kDigits - 2);
        // A name with escapes in the URL is not compared.
        if (name_.find('%') == std::string::npos && named != name_)
            return fail(wrong(url, fmt::format("it names {}", escape_for_display(named))));
        expected_.sha256 = digest;
        expected_.from.push_back(url);
        return {};
    }

    Status read_meta(const std::string& url, const std::string& text) {
        const Json json = Json::parse(text, nullptr, false);
        if (!json.is_object()) return fail(wrong(url, "it is not a JSON object"));
        const auto word = [&](const Json& in, const char* key) -> std::optional<std::string> {
            const auto at = in.find(key);
            return at != in.end() && at->is_string() ? std::optional(at->get<std::string>()) : std::nullopt;
        };
        const auto number = [&](const Json& in, const char* key) -> std::optional<std::uint64_t> {
            const auto at = in.find(key);
            return at != in.end() && at->is_number_unsigned() ? std::optional(at->get<std::uint64_t>())
                                                              : std::nullopt;
        };
        const std::string file = word(json, "file").value_or("");
        // snapshot-meta.json may be that of another snapshot in the folder.
        if (name_.find('%') == std::string::npos && file != name_ && word(json, "immutable") != name_)
            return url.find(snapshot::kMetaName) != std::string::npos
                       ? Status()
                       : Status(fail(wrong(url, fmt::format("it describes {}", escape_for_display(file)))));
        expected_.height = number(json, "height");
        expected_.bytes = number(json, "bytes");
        expected_.entries = number(json, "entries");
        expected_.payload_sha256 = word(json, "payload_sha256");
        if (const auto sha256 = word(json, "sha256")) {
            if (expected_.sha256 && *expected_.sha256 != *sha256)
                return fail(wrong(url, fmt::format("it says SHA-256 {}, and the .sha256 says {}",
                                                   escape_for_display(*sha256), *expected_.sha256)));
            expected_.sha256 = sha256;
        }
        if (!expected_.height || !expected_.bytes || !expected_.entries || !expected_.payload_sha256 ||
            !word(json, "sha256")) {
            return fail(wrong(url, "it lacks the height, the size, the count or a digest"));
        }
        if (const auto namespaces = json.find("namespaces");
            namespaces != json.end() && namespaces->is_object()) {
            expected_.namespaces.emplace();
            for (const auto& item : namespaces->items()) {
                const auto entries = item.value().is_object() ? number(item.value(), "entries") : std::nullopt;
                // A namespace without entries leaves no trace in a snapshot.
                if (entries && *entries != 0) (*expected_.namespaces)[item.key()] = *entries;
            }
        }
        expected_.from.push_back(url);
        return {};
    }

    [[nodiscard]] Status check_announced() const {
        const auto announced = download_->announced_bytes();
        if (!announced || !expected_.bytes || *announced == *expected_.bytes) return {};
        return fail(wrong_here(fmt::format("the server announces {} bytes, and its description says {}",
                                           *announced, *expected_.bytes)));
    }

    Status read_snapshot() {
        Sha256 digest;
        const std::uint64_t size = download_->announced_bytes().value_or(expected_.bytes.value_or(0));
        auto reader = snapshot::SnapshotReader::open(
            found_.url, snapshot::GzipReader::open(found_.url, size,
                                                   std::make_unique<DownloadedBytes>(*download_, digest)));
        if (!reader) return fail(explained(reader.error()));
        for (;;) {
            auto entry = (*reader)->next();
            if (!entry) return fail(explained(entry.error()));
            if (!*entry) break;
            if (namespaces_.size() < kMaxNamespaces || namespaces_.count((*entry)->name) != 0)
                ++namespaces_[std::string((*entry)->name)];
            if (expected_.bytes && download_->bytes() > *expected_.bytes)
                return fail(wrong_here(
                    fmt::format("more bytes come than the {} of its description", *expected_.bytes)));
        }
        found_.height = (*reader)->height();
        found_.entries = (*reader)->entries();
        found_.payload_sha256 = to_hex((*reader)->digest().view());
        found_.bytes = download_->bytes();
        found_.sha256 = to_hex(digest.finish().view());
        return {};
    }

    /// An error of the reader. Bad data is what was published; the server's own faults stay what they are.
    [[nodiscard]] Error explained(const Error& error) const {
        if (error.code != ErrorCode::bad_data && error.code != ErrorCode::resource_exhausted) return error;
        return wrong_here(error.why);
    }

    template <typename Value>
    [[nodiscard]] Status same(std::string_view what, const Value& found,
                              const std::optional<Value>& expected) const {
        if (!expected || *expected == found) return {};
        return fail(
            wrong_here(fmt::format("its {} is {}, and what lies beside it says {}", what, found, *expected)));
    }

    [[nodiscard]] Status compare() const {
        IOSWARM_DO(same("size", found_.bytes, expected_.bytes));
        IOSWARM_DO(same("SHA-256", found_.sha256, expected_.sha256));
        IOSWARM_DO(same("payload digest", found_.payload_sha256, expected_.payload_sha256));
        IOSWARM_DO(same("height", found_.height, expected_.height));
        IOSWARM_DO(same("number of entries", found_.entries, expected_.entries));
        if (expected_.namespaces && *expected_.namespaces != namespaces_)
            return fail(wrong_here("its namespaces have other counts than its description says"));
        const auto name = snapshot::ImmutableName::parse(name_);
        if (name && (name->height != found_.height || name->sha8 != found_.sha256.substr(0, name->sha8.size())))
            return fail(wrong_here("its name says another height or digest"));
        return {};
    }

    const std::string& asked_;
    const DownloadSettings& settings_;
    const std::stop_token& stop_;
    std::unique_ptr<HttpDownload> download_;
    std::string path_;   // of the URL after redirects, with scheme and host
    std::string query_;  // "?…" or nothing
    std::string name_;
    Expected expected_;
    NamespaceEntries namespaces_;
    VerifiedUrl found_;
};

}  // namespace verify

bool is_url(const std::string& text) {
    return ::strncasecmp(text.c_str(), "http://", 7) == 0 || ::strncasecmp(text.c_str(), "https://", 8) == 0;
}

Result<VerifiedUrl> verify_url(const std::string& url, const DownloadSettings& settings,
                               const std::stop_token& stop) {
    auto found = verify::Verification(url, settings, stop).run();
    // A password in the URL is for the server alone.
    if (!found) {
        found.error().which = without_credentials(found.error().which);
        found.error().why = without_credentials(found.error().why);
        return found;
    }
    found->url = without_credentials(found->url);
    for (std::string& companion : found->compared)
        companion = without_credentials(companion);
    return found;
}

}  // namespace ioswarm::cli
