// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot/verify_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/base/atomic_file.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "snapshot/companions.hpp"
#include "snapshot/immutable_name.hpp"
#include "snapshot/output_place.hpp"

namespace ioswarm::cli {
namespace beside {

using snapshot::name_of;

/// The text of a companion; nothing when there is none.
Result<std::optional<std::string>> read_companion(const std::string& path) {
    auto text = read_file(path, kMaxCompanionBytes);
    if (text) return std::optional(*std::move(text));
    if (text.error().code == ErrorCode::not_found) return std::optional<std::string>();
    if (text.error().code == ErrorCode::resource_exhausted)
        return fail(disagreement(path, "it is far too large"));
    if (text.error().code == ErrorCode::bad_data) return fail(disagreement(path, text.error().why));
    return fail(text.error());
}

/// What lies beside one path, and what its name says.
class Companions {
  public:
    std::vector<SnapshotClaim> claims;
    std::vector<std::string> missing;

    /// `names` are those that the shared description may use. A link needs no description of its own.
    Status read(const std::string& path, const KnownNames& names, bool is_link) {
        IOSWARM_TRY(const auto sum, read_companion(snapshot::sum_name(path)));
        if (sum) {
            IOSWARM_TRY(auto claim, claim_of_sum(snapshot::sum_name(path), *sum, {name_of(path)}));
            add(std::move(claim));
        } else {
            missing.push_back(snapshot::sum_name(path));
        }
        IOSWARM_TRY(const bool has_own,
                    read_description(snapshot::own_meta_name(path), {name_of(path)}, false));
        IOSWARM_TRY(const bool has_shared, read_description(snapshot::meta_name(path), names, true));
        if (!has_own && !has_shared && !is_link) missing.push_back(snapshot::own_meta_name(path));
        if (auto claim = claim_of_name(name_of(path))) add(*std::move(claim));
        return {};
    }

  private:
    Result<bool> read_description(const std::string& path, const KnownNames& names, bool is_shared) {
        IOSWARM_TRY(const auto text, read_companion(path));
        if (!text) return false;
        IOSWARM_TRY(auto claim, claim_of_description(path, *text, names, is_shared));
        if (!claim) return false;
        add(*std::move(claim));
        return true;
    }
    void add(SnapshotClaim claim) {
        const bool is_known = std::any_of(claims.begin(), claims.end(),
                                          [&](const SnapshotClaim& known) { return known.from == claim.from; });
        if (!is_known) claims.push_back(std::move(claim));
    }
};

/// The file that a path leads to; the path itself when it is no link.
std::string target_of(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) return path;
    char target[PATH_MAX];
    return ::realpath(path.c_str(), target) == nullptr ? path : target;
}

Result<Companions> companions_of(const std::string& file, const std::string& target) {
    Companions out;
    const KnownNames names{name_of(file), name_of(target)};
    const bool is_link = target != file;
    IOSWARM_DO(out.read(file, names, is_link));
    if (is_link) {
        IOSWARM_DO(out.read(target, names, false));
    }
    return out;
}

}  // namespace beside

Result<VerifiedSnapshot> verify_file(const std::string& file) {
    const std::string target = beside::target_of(file);
    IOSWARM_TRY(auto raw, snapshot::open_raw_file(target));
    const auto beside_it = beside::companions_of(file, target);
    VerifiedSnapshot out;
    out.place = file;
    IOSWARM_TRY(out.facts, read_facts(file, raw.size, std::move(raw.bytes), std::nullopt));
    Status agrees = beside_it ? Status() : Status(fail(beside_it.error()));
    if (beside_it) {
        const auto wrongs = disagreements(out.facts, beside_it->claims);
        if (!wrongs.empty()) agrees = fail(disagreement(file, fmt::format("{}", fmt::join(wrongs, "; "))));
        for (const SnapshotClaim& claim : beside_it->claims)
            out.compared.push_back(claim.from);
        out.missing = beside_it->missing;
    }
    if (!agrees && beside::target_of(file) != target) {
        return fail(ErrorCode::try_again, "cannot compare the snapshot with what lies beside it", file,
                    "another snapshot was published meanwhile");
    }
    if (!agrees) return fail(agrees.error());
    return out;
}

}  // namespace ioswarm::cli
