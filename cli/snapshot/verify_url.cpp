// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot/verify_url.hpp"

#include <strings.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/config/urls.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "snapshot/companions.hpp"
#include "snapshot/gzip/gzip.hpp"
#include "snapshot/immutable_name.hpp"

namespace ioswarm::cli {
namespace verify {

constexpr auto kCompanionTimeout = std::chrono::seconds(30);

Error wrong(const std::string& url, std::string why) {
    return {ErrorCode::bad_data, "the published snapshot is wrong", url, std::move(why),
            "publish it again: the snapshot, its .sha256 and its description"};
}

/// The URL without query and fragment, and these.
std::pair<std::string, std::string> split_query(const std::string& url) {
    const std::size_t end = std::min(url.find_first_of("?#"), url.size());
    return {url.substr(0, end), url.substr(end, url.find('#', end) - end)};
}

/// What is downloaded.
class DownloadedBytes final : public snapshot::RawBytes {
  public:
    explicit DownloadedBytes(HttpDownload& download) : download_(download) {}
    Result<BytesView> next() override { return download_.next(); }

  private:
    HttpDownload& download_;
};

class Verification {
  public:
    Verification(const std::string& url, const DownloadSettings& settings, const std::stop_token& stop)
        : asked_(url), settings_(settings), stop_(stop) {}

    Result<VerifiedSnapshot> run() {
        IOSWARM_TRY(auto download, HttpDownload::open(asked_, settings_, stop_));
        download_ = std::move(download);
        url_ = download_->url();
        std::tie(path_, query_) = split_query(url_);
        const std::string name = path_.substr(path_.rfind('/') + 1);
        // A name with escapes in the URL is not compared.
        if (name.find('%') == std::string::npos) names_.push_back(name);
        IOSWARM_DO(check_answer());
        // The companions come first, so that a file of another size is not read to its end.
        IOSWARM_DO(read_companions());
        IOSWARM_DO(check_announced());
        VerifiedSnapshot out;
        out.place = url_;
        for (const SnapshotClaim& claim : claims_)
            out.compared.push_back(claim.from);
        IOSWARM_TRY(out.facts, read_snapshot());
        if (auto claim = claim_of_name(name)) claims_.push_back(*std::move(claim));
        const auto wrongs = disagreements(out.facts, claims_);
        if (!wrongs.empty()) return fail(disagreement(url_, fmt::format("{}", fmt::join(wrongs, "; "))));
        return out;
    }

  private:
    [[nodiscard]] Error wrong_here(std::string why) const { return wrong(url_, std::move(why)); }

    [[nodiscard]] Status check_answer() const {
        const int status = download_->status();
        if (status != 200) {
            const bool is_missing = status == 404 || status == 410;
            return fail(is_missing ? ErrorCode::not_found : ErrorCode::unavailable, "cannot download", url_,
                        fmt::format("the server answered {}", status));
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
                return fail(disagreement(url, "it is far too large"));
            if (!piece) return fail(piece.error());
            if (piece->empty()) return std::optional(std::move(text));
            text += as_text(*piece);
        }
    }

    Status read_companions() {
        const std::string sum_url = snapshot::sum_name(path_) + query_;
        IOSWARM_TRY(const auto sum, companion(sum_url));
        if (sum) {
            IOSWARM_TRY(auto claim, claim_of_sum(mask_credentials(sum_url), *sum, names_));
            claims_.push_back(std::move(claim));
        }
        IOSWARM_TRY(const bool has_own, read_description(snapshot::own_meta_name(path_), false));
        if (!has_own) {
            IOSWARM_TRY([[maybe_unused]] const bool has_shared,
                        read_description(snapshot::meta_name(path_), true));
        }
        const auto both = contradiction(claims_);
        return both ? Status(fail(disagreement(url_, *both))) : Status();
    }

    /// Whether there is such a description.
    Result<bool> read_description(const std::string& path, bool is_shared) {
        const std::string url = path + query_;
        IOSWARM_TRY(const auto text, companion(url));
        if (!text) return false;
        IOSWARM_TRY(auto claim, claim_of_description(mask_credentials(url), *text, names_, is_shared));
        if (claim) claims_.push_back(*std::move(claim));
        return true;
    }

    /// The size that the description says.
    [[nodiscard]] std::optional<std::uint64_t> described_bytes() const {
        for (const SnapshotClaim& claim : claims_) {
            if (claim.bytes) return claim.bytes;
        }
        return std::nullopt;
    }

    [[nodiscard]] Status check_announced() const {
        const auto announced = download_->announced_bytes();
        const auto described = described_bytes();
        if (!announced || !described || *announced == *described) return {};
        return fail(disagreement(url_, fmt::format("the server announces {} bytes, and its description says {}",
                                                   *announced, *described)));
    }

    Result<SnapshotFacts> read_snapshot() {
        const auto described = described_bytes();
        const std::uint64_t size = download_->announced_bytes().value_or(described.value_or(0));
        auto facts = read_facts(url_, size, std::make_unique<DownloadedBytes>(*download_), described);
        if (!facts) return fail(explained(facts.error()));
        return facts;
    }

    /// An error of the reader. Bad data is what was published; the server's own faults stay what they are.
    [[nodiscard]] Error explained(const Error& error) const {
        if (error.code != ErrorCode::bad_data && error.code != ErrorCode::resource_exhausted) return error;
        return wrong_here(error.why);
    }

    const std::string& asked_;
    const DownloadSettings& settings_;
    const std::stop_token& stop_;
    std::unique_ptr<HttpDownload> download_;
    std::string path_;   // of the URL after redirects, with scheme and host
    std::string query_;  // "?…" or nothing
    std::string url_;    // after redirects
    KnownNames names_;
    std::vector<SnapshotClaim> claims_;
};

}  // namespace verify

bool is_url(const std::string& text) {
    return ::strncasecmp(text.c_str(), "http://", 7) == 0 || ::strncasecmp(text.c_str(), "https://", 8) == 0;
}

Result<VerifiedSnapshot> verify_url(const std::string& url, const DownloadSettings& settings,
                                    const std::stop_token& stop) {
    auto found = verify::Verification(url, settings, stop).run();
    // A password in the URL is for the server alone.
    if (!found) {
        found.error().which = mask_credentials(found.error().which);
        found.error().why = mask_credentials(found.error().why);
        return found;
    }
    found->place = mask_credentials(found->place);
    return found;
}

}  // namespace ioswarm::cli
