// SPDX-License-Identifier: Apache-2.0
#include "snapshot/export.hpp"

#include <optional>

#include <fmt/format.h>

#include "core/base/try.hpp"
#include "core/crypto/keccak.hpp"
#include "core/diffs/diff_checks.hpp"
#include "snapshot/open_state.hpp"
#include "snapshot/reflink.hpp"
#include "snapshot/snapshot_output.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot {
namespace {

/// Checks contract code. The key of a contract's code is its hash, and code is the only content of a BoltDB
/// file that can be checked. If in a namespace no key at all is the hash of its value, no node made that
/// namespace, and nothing can be checked.
class CodeProof {
  public:
    [[nodiscard]] Status check(BytesView key, BytesView value, const std::string& source) {
        if (key.size() == Hash256::kSize && keccak256(value) == *Hash256::from(key)) {
            proven_ = true;
        } else if (!unproven_) {
            unproven_ = to_bytes(key);
        }
        if (!proven_ || !unproven_) return {};
        return fail(ErrorCode::bad_data, "corrupt state", source,
                    fmt::format("the code under {} has another hash", to_hex(*unproven_)),
                    "take a new copy of trie.db while the node is stopped");
    }

  private:
    bool proven_ = false;
    std::optional<Bytes> unproven_;
};

class Export {
  public:
    Export(const ExportOptions& options, const ExportObserver& observer, std::stop_token stop)
        : options_(options), output_("export", options, observer, std::move(stop)) {}

    Result<ExportReport> run() {
        IOSWARM_DO(output_.open({{"--source", options_.source}}));
        IOSWARM_DO(read_state());
        return output_.publish();
    }

  private:
    Status read_state() {
        std::optional<ReflinkCopy> copy;
        if (options_.reflink_copy) {
            IOSWARM_TRY(auto made, ReflinkCopy::of(options_.source));
            copy.emplace(std::move(made));
        }
        const std::string path = copy ? copy->path() : options_.source;
        const Status read = read_newest(path);
        if (read || !damaged_) return read;
        return fail(with_state_before(path, read.error()));
    }

    [[nodiscard]] OpenOptions open_options() const {
        return {output_.at_most(options_.lock_timeout), options_.live, output_.stop()};
    }

    Status read_newest(const std::string& path) {
        auto database = open_state(path, open_options());
        if (!database) return fail(damage(database.error()));
        output_.report().warnings = (*database)->warnings();
        auto height = read_height(**database);
        if (!height) return fail(with_warnings(damage(height.error())));
        output_.report().big_endian_height = height->big_endian;
        output_.report().source_kind = (*database)->kind();
        IOSWARM_DO(output_.begin(height->height));
        for (std::size_t i = 0; i < options_.namespaces.size(); ++i) {
            IOSWARM_DO(read_namespace(**database, i));
        }
        IOSWARM_DO((*database)->release_lock());
        return output_.end();
    }

    Status read_namespace(StateDatabase& database, std::size_t index) {
        const std::string& name = options_.namespaces[index];
        auto cursor = database.open_namespace(name);
        if (!cursor && cursor.error().code != ErrorCode::not_found) return fail(damage(cursor.error()));
        if (!cursor && !options_.allow_missing) {
            // Not the error not_found, which means a missing file. Here the state lacks a namespace that it
            // must have.
            Error missing = cursor.error();
            missing.code = ErrorCode::bad_data;
            const std::string_view near = nearest_namespace(name);
            if (!near.empty())
                missing.hint = fmt::format("did you mean '{}'?", near);
            else if (is_known_namespace(name))
                missing.hint = "--allow-missing leaves it out";
            else
                missing.hint = "iotex-core has no namespace of that name: check the spelling";
            return fail(std::move(missing));
        }
        if (!cursor) {
            // List it with 0 entries. A roll then knows that it was not left out on purpose.
            output_.begin_namespace(name);
            output_.report().missing.push_back(name);
            return {};
        }
        const auto so_far = [&](double part) {
            return (static_cast<double>(index) + part) / static_cast<double>(options_.namespaces.size());
        };
        output_.tell(ExportProgress::Phase::reading, name, so_far(0));
        output_.begin_namespace(name);
        const bool is_code = name == "Code";
        CodeProof proof;
        for (EntryView entry; (*cursor)->next(entry);) {
            if (is_code) {
                if (auto proven = proof.check(entry.key, entry.value, options_.source); !proven)
                    return fail(damage(proven.error()));
            }
            IOSWARM_DO(output_.add(entry.key, entry.value));
            if (!output_.is_due()) continue;
            const double done = so_far(key_fraction(entry.key));
            IOSWARM_DO(output_.progress(ExportProgress::Phase::reading, name, done));
        }
        if (!(*cursor)->status()) return fail(damage((*cursor)->status().error()));
        return output_.progress(ExportProgress::Phase::reading, name, so_far(1));
    }

    /// Records that the content of the source is damaged.
    Error damage(Error error) {
        damaged_ = error.code == ErrorCode::bad_data;
        return error;
    }

    /// Adds the warnings to the error, because a directory without its logs may appear to be empty.
    [[nodiscard]] Error with_warnings(Error error) const {
        for (const std::string& warning : output_.report().warnings)
            error.why += (error.why.empty() ? "" : "; ") + warning;
        return error;
    }

    /// Adds a note to the error when the previous state in the file is intact. That needs a read of the whole
    /// previous state.
    Error with_state_before(const std::string& path, Error error) {
        auto before = open_state_before(path, open_options());
        if (!before) return error;
        const auto height = read_height(**before);
        if (!height) return error;
        for (const std::string& name : options_.namespaces) {
            if (!is_intact(**before, name)) return error;
        }
        error.why += fmt::format("; the state before this one, of height {}, is intact", height->height);
        error.hint =
            "take a new copy of trie.db while the node is stopped. If this is the only one: 'bbolt surgery "
            "revert-meta-page' makes a copy of it that is at the state before";
        return error;
    }

    bool is_intact(StateDatabase& database, const std::string& name) {
        auto cursor = database.open_namespace(name);
        if (!cursor) return cursor.error().code == ErrorCode::not_found;
        CodeProof proof;
        std::uint64_t entries = 0;
        for (EntryView entry; (*cursor)->next(entry);) {
            if (name == "Code" && !proof.check(entry.key, entry.value, options_.source)) return false;
            if (++entries % kCheckEntries == 0 &&
                !output_.progress(ExportProgress::Phase::reading, name, key_fraction(entry.key)))
                return false;
        }
        return (*cursor)->status().has_value();
    }

    const ExportOptions& options_;
    SnapshotOutput output_;
    bool damaged_ = false;  // the last error says that the source is damaged
};

}  // namespace

Result<ExportReport> export_snapshot(const ExportOptions& options, const ExportObserver& observer,
                                     std::stop_token stop) {
    return Export(options, observer, std::move(stop)).run();
}

}  // namespace ioswarm::snapshot
