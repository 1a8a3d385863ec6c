// SPDX-License-Identifier: Apache-2.0
#include "snapshot/roll.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "core/base/byte_order.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/diffs/diff_checks.hpp"
#include "core/diffs/diff_file.hpp"
#include "snapshot/companions.hpp"
#include "snapshot/description.hpp"
#include "snapshot/diff_fold.hpp"
#include "snapshot/output_place.hpp"
#include "snapshot/reader.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot {
namespace {

using Phase = ExportProgress::Phase;

constexpr std::uint64_t kDiffsPerReport = 64;  // progress is reported once for so many diffs

class Roll {
  public:
    Roll(const RollOptions& options, DiffLog& log, const ExportObserver& observer, std::stop_token stop)
        : options_(options),
          log_(log),
          observer_(observer),
          output_("roll", options, observer, std::move(stop)),
          fold_(options.memory_bytes, folder_of(options.output)) {}

    Result<RollReport> run() {
        IOSWARM_DO(output_.open(inputs()));
        IOSWARM_TRY(auto base, SnapshotReader::open(options_.base));
        base_ = std::move(base);
        report_.base_height = base_->height();
        read_base_description();
        IOSWARM_DO(check_chain());
        IOSWARM_DO(check_range());
        IOSWARM_DO(fold_diffs());
        IOSWARM_DO(merge());
        IOSWARM_TRY(auto made, output_.publish());
        report_.made = std::move(made);
        return std::move(report_);
    }

  private:
    [[nodiscard]] std::vector<JobInput> inputs() const {
        std::vector<JobInput> out{{"--base", options_.base, true}};
        for (std::string& path : diff_log_files(options_.diffs))
            out.push_back({"--diffs", std::move(path)});
        return out;
    }

    void read_base_description() {
        // A description with another height or size belongs to another snapshot.
        auto said = read_description(options_.base);
        if (said && said->height == base_->height() && said->file_bytes == base_->file_size())
            described_ = std::move(said);
    }

    /// Checks that the base and the diffs are of the same chain, if both say their chain. The result is of that
    /// chain too.
    Status check_chain() {
        const std::optional<ChainIdentity> of_log = log_.chain();
        const std::optional<ChainIdentity> of_base = described_ ? described_->chain : std::nullopt;
        chain_ = of_log ? of_log : of_base;
        if (!of_log || !of_base || of_base->may_be(*of_log)) return {};
        return fail(ErrorCode::failed_precondition, "the diffs are of another chain than the base",
                    options_.diffs,
                    fmt::format("the base has {}, the log has {}", of_base->text(), of_log->text()),
                    "name the log of the base's chain, or a base of the log's chain");
    }

    [[nodiscard]] bool is_wanted(std::string_view name) const {
        const auto& wanted = options_.namespaces;
        return wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end();
    }

    Status check_range() {
        const std::uint64_t base = base_->height();
        const DiffRange held = log_.range();
        to_ = options_.to == 0 ? held.tip : options_.to;
        if (options_.to != 0 && options_.to <= base) {
            return fail(ErrorCode::usage, "cannot roll", fmt::format("--to {}", options_.to),
                        fmt::format("the base is of height {} already", base));
        }
        if (held.tip <= base) {
            return fail(ErrorCode::try_again, "nothing to roll yet", options_.base,
                        held.empty()
                            ? fmt::format("the base is of height {}, the log is empty", base)
                            : fmt::format("the base is of height {}, the log ends at {}", base, held.tip),
                        "try again when the log has a newer height");
        }
        if (held.floor > base + 1) {
            return fail(ErrorCode::failed_precondition, "heights between the base and the log are missing",
                        options_.base,
                        fmt::format("the base is of height {}, the log begins at {}: {} to {} are missing",
                                    base, held.floor, base + 1, held.floor - 1),
                        "take a newer base, or make one: ioswarm snapshot export");
        }
        if (to_ > held.tip) {
            return fail(ErrorCode::failed_precondition, "cannot roll so far", fmt::format("--to {}", to_),
                        fmt::format("the log ends at {}", held.tip));
        }
        return log_.seek(base + 1);
    }

    Status fold_diffs() {
        const std::uint64_t from = base_->height() + 1;
        const auto total = static_cast<double>(to_ - base_->height());
        for (std::uint64_t height = from; height <= to_; ++height) {
            IOSWARM_TRY(auto diff, log_.next());
            if (!diff) {
                return fail(ErrorCode::data_loss, "the log ends early", fmt::format("height {}", height),
                            "the log had this height when the work began");
            }
            for (const StateDiffEntry& entry : diff->entries) {
                if (!is_wanted(entry.ns)) continue;
                IOSWARM_DO(fold_.add(entry));
                ++report_.writes;
            }
            ++report_.diffs;
            if (report_.diffs % kDiffsPerReport != 0 && height != to_) continue;
            const double done = static_cast<double>(report_.diffs) / total;
            IOSWARM_DO(output_.progress(Phase::folding, {}, done));
            if (observer_) observer_({Phase::folding, {}, report_.diffs, 0, done});
        }
        return log_.release_lock();
    }

    Status merge() {
        output_.report().source_kind = "snapshot+diffs";
        output_.report().chain = chain_;
        IOSWARM_DO(output_.begin(to_));
        for (;;) {
            IOSWARM_TRY(auto entry, base_->next());
            if (!entry) break;
            IOSWARM_DO(merge_entry(*entry));
            // Report also while skipping a namespace that is not kept.
            if (base_->entries() % kCheckEntries != 0) continue;
            IOSWARM_DO(output_.progress(Phase::reading, name_, fraction()));
        }
        // The base's digest was correct; otherwise its reader would have failed.
        IOSWARM_DO(end_namespace());
        IOSWARM_DO(finish_missing_namespaces());
        for (std::string& name : fold_.namespaces()) {
            if (seen_.count(name) == 0) report_.left_out.push_back(std::move(name));
        }
        IOSWARM_DO(check_left_out());
        return output_.end();
    }

    /// Adds the namespaces that come after the base's last one and that have no entry in the base.
    Status finish_missing_namespaces() {
        if (described_) {
            if (described_->payload_sha256 != to_hex(base_->digest().view()))
                return fail(wrong_description("it has another digest"));
            IOSWARM_DO(write_described_until(described_->namespaces.size()));
        }
        for (const std::string& name : options_.namespaces) {
            if (seen_.count(name) != 0) continue;
            if (!described_) {
                IOSWARM_DO(write_from_diffs(name));
                if (output_.report().namespaces.back().second.entries != 0) continue;
                if (!is_known_namespace(name) && !options_.allow_missing) {
                    const std::string_view near = nearest_namespace(name);
                    return fail(
                        ErrorCode::bad_data, "no such namespace", name,
                        "neither the base nor the diffs have an entry of it, and iotex-core has no namespace "
                        "of that name",
                        near.empty() ? "check the spelling" : fmt::format("did you mean '{}'?", near));
                }
                output_.report().missing.push_back(name);
                continue;
            }
            if (options_.allow_missing) continue;
            return fail(
                ErrorCode::bad_data, "no such namespace", name,
                "the base was made without it, as the description beside it says",
                fmt::format(
                    "leave it out of --namespaces, or export a new base. If the state had nothing in it "
                    "then, move the description away: {}",
                    described_->path));
        }
        return {};
    }

    /// Adds those of the first `count` namespaces in the description that have no entry in the base.
    Status write_described_until(std::size_t count) {
        for (; next_described_ < count; ++next_described_) {
            const auto& [name, entries] = described_->namespaces[next_described_];
            if (entries != 0 || name.empty() || !is_wanted(name)) continue;
            IOSWARM_DO(write_from_diffs(name));
        }
        return {};
    }

    /// Writes a namespace that has only the writes of the diffs.
    Status write_from_diffs(const std::string& name) {
        seen_.insert(name);
        name_ = name;
        output_.begin_namespace(name);
        writes_ = fold_.open(name);
        IOSWARM_DO(next_write());
        return end_namespace();
    }

    /// Fails if Account or Code would be left out, because agents cannot work without them.
    Status check_left_out() const {
        if (options_.allow_missing) return {};
        for (const std::string& name : report_.left_out) {
            if (name != "Account" && name != "Code") continue;
            return fail(
                ErrorCode::bad_data, "the snapshot would lack a namespace", name,
                "the diffs write to it, and the base has no entry of it",
                fmt::format(
                    "if this namespace was empty in the base's state, name all namespaces to keep, as in "
                    "--namespaces Account,Code. If it was not empty, export a new base. To make a snapshot "
                    "without {}, give --allow-missing",
                    name));
        }
        return {};
    }

    Status merge_entry(const SnapshotReader::Entry& entry) {
        if (seen_.empty() || entry.name != name_) {
            IOSWARM_DO(begin_namespace(entry.name));
        }
        if (!kept_) return {};
        while (write_ != nullptr && bytes_less(write_->key, entry.key)) {
            IOSWARM_DO(apply_write());
        }
        if (write_ != nullptr && !bytes_less(entry.key, write_->key)) return apply_write();
        return add(entry.key, entry.value);
    }

    Status begin_namespace(std::string_view name) {
        IOSWARM_DO(end_namespace());
        IOSWARM_DO(write_described_before(name));
        name_ = name;
        seen_.insert(name_);
        kept_ = is_wanted(name);
        if (!kept_) return {};
        output_.tell(Phase::reading, name_, fraction());
        output_.begin_namespace(name_);
        writes_ = fold_.open(name_);
        return next_write();
    }

    /// Namespaces without an entry in the base keep their position in the description's order.
    Status write_described_before(std::string_view name) {
        if (!described_) return {};
        const auto& all = described_->namespaces;
        const auto at =
            std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == name; });
        if (at == all.end() || at->second == 0)
            return fail(wrong_description(fmt::format("it says that {} is empty", escape_for_display(name))));
        return write_described_until(static_cast<std::size_t>(at - all.begin()));
    }

    /// Adds the writes of the diffs after the base's last key.
    Status end_namespace() {
        while (write_ != nullptr) {
            IOSWARM_DO(apply_write());
        }
        writes_.reset();
        return {};
    }

    /// Adds the current write to the output, unless it deletes the key.
    Status apply_write() {
        if (!write_->is_delete) {
            IOSWARM_DO(add(write_->key, write_->value));
        }
        return next_write();
    }

    Status next_write() {
        IOSWARM_TRY(auto next, writes_->next());
        write_ = next;
        return {};
    }

    Status add(BytesView key, BytesView value) {
        if (name_ == "Account" && as_text(key) == "currentHeight" && !is_height_value(value, to_)) {
            return fail(ErrorCode::bad_data, "the diffs contain another height than their own",
                        "Account/currentHeight",
                        fmt::format("it is 0x{} at height {}",
                                    to_hex(value.first(std::min<std::size_t>(value.size(), 16))), to_),
                        "these are not the diffs of a node");
        }
        IOSWARM_DO(output_.add(key, value));
        // There may be many writes after the base's last entry.
        return output_.is_due() ? output_.progress(Phase::reading, name_, fraction()) : Status();
    }

    [[nodiscard]] double fraction() const {
        return static_cast<double>(base_->compressed_bytes()) /
               static_cast<double>(std::max<std::uint64_t>(base_->file_size(), 1));
    }

    [[nodiscard]] Error wrong_description(std::string why) const {
        return {ErrorCode::bad_data, "the description beside the base belongs to another snapshot",
                described_->path, std::move(why), "move it away, or replace it by the base's own description"};
    }

    const RollOptions& options_;
    DiffLog& log_;
    const ExportObserver& observer_;
    SnapshotOutput output_;
    DiffFold fold_;
    std::unique_ptr<SnapshotReader> base_;
    std::optional<Description> described_;  // the description of the base
    std::optional<ChainIdentity> chain_;    // the chain of the result
    std::size_t next_described_ = 0;        // the namespaces before this index are done
    std::uint64_t to_ = 0;
    RollReport report_;

    std::string name_;  // the namespace that is being written
    bool kept_ = false;
    std::set<std::string, std::less<>> seen_;
    std::unique_ptr<DiffFold::Cursor> writes_;
    const DiffFold::Write* write_ = nullptr;  // the current write of writes_; null at the end
};

}  // namespace

Result<RollReport> roll_snapshot(const RollOptions& options, DiffLog& log, const ExportObserver& observer,
                                 std::stop_token stop) {
    return Roll(options, log, observer, std::move(stop)).run();
}

}  // namespace ioswarm::snapshot
