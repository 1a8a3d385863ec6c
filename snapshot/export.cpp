// SPDX-License-Identifier: Apache-2.0
#include "snapshot/export.hpp"

#include <optional>

#include <fmt/format.h>

#include "core/crypto/keccak.hpp"
#include "snapshot/reflink.hpp"
#include "snapshot/snapshot_output.hpp"
#include "snapshot/state_database.hpp"

namespace ioswarm::snapshot {
namespace {

/// A contract's code stands under its own hash, the one content of a BoltDB file that can be proven. A
/// namespace in which no key at all is its value's hash was not made by a node, and there is nothing to prove.
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
        if (auto opened = output_.open(options_.source); !opened) return fail(opened.error());
        if (auto read = read_state(); !read) return fail(read.error());
        return output_.publish();
    }

  private:
    Status read_state() {
        std::optional<ReflinkCopy> copy;
        if (options_.reflink_copy) {
            auto made = ReflinkCopy::of(options_.source);
            if (!made) return fail(made.error());
            copy.emplace(std::move(*made));
        }
        auto database = open_state(copy ? copy->path() : options_.source,
                                   {output_.at_most(options_.lock_timeout), options_.live, output_.stop()});
        if (!database) return fail(database.error());
        auto height = read_height(**database);
        if (!height) return fail(height.error());
        output_.report().big_endian_height = height->big_endian;
        output_.report().source_kind = (*database)->kind();
        if (auto begun = output_.begin(height->height); !begun) return begun;
        for (std::size_t i = 0; i < options_.namespaces.size(); ++i) {
            if (auto read = read_namespace(**database, i); !read) return read;
        }
        if (auto unchanged = (*database)->release_lock(); !unchanged) return unchanged;
        return output_.end();
    }

    Status read_namespace(StateDatabase& database, std::size_t index) {
        const std::string& name = options_.namespaces[index];
        auto cursor = database.open_namespace(name);
        if (!cursor) {
            if (cursor.error().code != ErrorCode::not_found) return fail(cursor.error());
            if (!options_.allow_missing) {
                // Not "not found", which is a file that is not there: the state lacks what it must have.
                Error missing = cursor.error();
                missing.code = ErrorCode::bad_data;
                missing.hint = "--allow-missing leaves it out";
                return fail(std::move(missing));
            }
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
                if (auto proven = proof.check(entry.key, entry.value, options_.source); !proven) return proven;
            }
            if (auto added = output_.add(entry.key, entry.value); !added) return added;
            if (!output_.is_due()) continue;
            const double done = so_far(key_fraction(entry.key));
            if (auto go_on = output_.progress(ExportProgress::Phase::reading, name, done); !go_on) return go_on;
        }
        if (!(*cursor)->status()) return (*cursor)->status();
        return output_.progress(ExportProgress::Phase::reading, name, so_far(1));
    }

    const ExportOptions& options_;
    SnapshotOutput output_;
};

}  // namespace

Result<ExportReport> export_snapshot(const ExportOptions& options, const ExportObserver& observer,
                                     std::stop_token stop) {
    return Export(options, observer, std::move(stop)).run();
}

}  // namespace ioswarm::snapshot
