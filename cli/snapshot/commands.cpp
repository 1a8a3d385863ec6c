// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot/commands.hpp"

#include <algorithm>
#include <optional>
#include <ostream>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/progress_line.hpp"
#include "core/base/text.hpp"
#include "core/crypto/address.hpp"
#include "snapshot/account_record.hpp"
#include "snapshot/compare.hpp"
#include "snapshot/reader.hpp"
#include "snapshot/writer.hpp"

namespace ioswarm::cli {
namespace {

using nlohmann::ordered_json;
using snapshot::SnapshotReader;

ExitCode print_account(const Address& address, BytesView value, bool json, Io& io) {
    const auto account = snapshot::read_account_record(value);
    if (!account) {
        Error error = account.error();
        error.which = to_checksum_hex(address);
        return report_error(io, error);
    }
    ordered_json out = {{"address", to_checksum_hex(address)},
                        {"io", to_io(address)},
                        {"nonce", account->nonce},
                        {"type", account->type == 1 ? "zero-nonce" : "default"},
                        {"balance_rau", account->balance_rau},
                        {"root", to_hex(account->storage_root)},
                        {"code_hash", to_hex(account->code_hash)},
                        {"is_candidate", account->is_candidate},
                        {"voting_weight", to_hex(account->voting_weight)}};
    if (json) {
        io.out << out.dump(2, ' ', false, ordered_json::error_handler_t::replace) << '\n';
        return ExitCode::ok;
    }
    for (const auto& [key, field] : out.items()) {
        const std::string text =
            field.is_string() ? escape_for_display(field.get<std::string>()) : field.dump();
        io.out << fmt::format("{:<14} {}\n", key, text);
    }
    return ExitCode::ok;
}

/// What each namespace holds, whether its name is known or not.
struct Counts {
    std::vector<std::pair<std::string, snapshot::NamespaceStats>> namespaces;
    std::uint64_t further_entries = 0;  ///< of namespaces that are not shown any more
};

void count(Counts& counts, const SnapshotReader::Entry& entry) {
    auto& all = counts.namespaces;
    auto it = std::find_if(all.begin(), all.end(), [&](const auto& c) { return c.first == entry.name; });
    if (it == all.end()) {
        // A malicious file may name a new namespace in every entry. Real files have a few.
        constexpr std::size_t kMaxShown = 1000;
        if (all.size() == kMaxShown) {
            ++counts.further_entries;
            return;
        }
        it = all.insert(all.end(), {std::string(entry.name), {}});
    }
    ++it->second.entries;
    it->second.key_bytes += entry.key.size();
    it->second.value_bytes += entry.value.size();
}

void print_entry(const SnapshotReader::Entry& entry, bool json, Io& io) {
    if (json) {
        io.out << ordered_json{{"namespace", entry.name},
                               {"key", to_hex(entry.key)},
                               {"value_bytes", entry.value.size()}}
                      .dump(-1, ' ', false, ordered_json::error_handler_t::replace)
               << '\n';
        return;
    }
    io.out << fmt::format("{} {} {}\n", escape_for_display(entry.name), to_hex(entry.key), entry.value.size());
}

void print_summary(const SnapshotReader& reader, const Counts& counts, bool json, Io& io) {
    if (json) {
        ordered_json namespaces = ordered_json::object();
        for (const auto& [name, stats] : counts.namespaces) {
            namespaces[escape_for_display(name)] = {
                {"entries", stats.entries}, {"key_bytes", stats.key_bytes}, {"value_bytes", stats.value_bytes}};
        }
        ordered_json out = {{"version", 1},
                            {"height", reader.height()},
                            {"entries", reader.entries()},
                            {"bytes", reader.file_size()},
                            {"payload_bytes", reader.raw_bytes()},
                            {"payload_sha256", to_hex(reader.digest().view())},
                            {"namespaces", namespaces}};
        if (counts.further_entries > 0) out["entries_of_further_namespaces"] = counts.further_entries;
        io.out << out.dump(2) << '\n';
        return;
    }
    io.out << fmt::format("height   {}\nentries  {}\nfile     {}\npayload  {}\ndigest   {}\n", reader.height(),
                          reader.entries(), format_bytes(reader.file_size()), format_bytes(reader.raw_bytes()),
                          to_hex(reader.digest().view()));
    for (const auto& [name, stats] : counts.namespaces) {
        io.out << fmt::format("  {:<12} {:>12} entries  {:>10} keys  {:>10} values\n", escape_for_display(name),
                              stats.entries, format_bytes(stats.key_bytes), format_bytes(stats.value_bytes));
    }
    if (counts.further_entries > 0)
        io.out << fmt::format("  {:<12} {:>12} entries of further namespaces\n", "...", counts.further_entries);
}

void print_difference(snapshot::Difference difference, const SnapshotReader::Entry& entry, Io& io) {
    const char sign = difference == snapshot::Difference::only_first    ? '-'
                      : difference == snapshot::Difference::only_second ? '+'
                                                                        : '~';
    io.out << fmt::format("{} {} {}\n", sign, escape_for_display(entry.name), to_hex(entry.key));
}

}  // namespace

ExitCode run_snapshot_inspect(const InspectOptions& options, Io& io) {
    std::optional<Address> wanted;
    if (!options.account.empty()) {
        const auto address = parse_address(options.account);
        if (!address) {
            return report_error(
                io, Error{ErrorCode::usage, "snapshot inspect", options.account, address.error().text(), ""});
        }
        wanted = *address;
    }
    auto reader = SnapshotReader::open(options.file);
    if (!reader) return report_error(io, reader.error());
    Counts counts;
    std::optional<Bytes> account;
    for (;;) {
        auto entry = (*reader)->next();
        if (!entry) return report_error(io, entry.error());
        if (!*entry) break;
        count(counts, **entry);
        if (wanted && (*entry)->name == "Account" && Address::from((*entry)->key) == wanted)
            account = to_bytes((*entry)->value);
        if (options.entries) print_entry(**entry, options.json, io);
    }
    if (wanted) {
        if (account) return print_account(*wanted, *account, options.json, io);
        return report_error(io, Error{ErrorCode::failed_check, "no such account", options.account,
                                      "the snapshot does not contain it", ""});
    }
    if (!options.entries) print_summary(**reader, counts, options.json, io);
    return ExitCode::ok;
}

ExitCode run_snapshot_diff(const DiffOptions& options, Io& io) {
    const bool lists = !options.quiet && !options.json;
    const auto compared = snapshot::compare_snapshots(
        options.a, options.b, [&](snapshot::Difference difference, const SnapshotReader::Entry& entry) {
            if (lists) print_difference(difference, entry, io);
        });
    if (!compared) return report_error(io, compared.error());
    if (options.json) {
        io.out << ordered_json{{"same", compared->is_same()},
                               {"height_a", compared->height_first},
                               {"height_b", compared->height_second},
                               {"only_a", compared->only_first},
                               {"only_b", compared->only_second},
                               {"changed", compared->changed},
                               {"equal", compared->equal}}
                      .dump(2)
               << '\n';
    } else {
        io.out << fmt::format(
            "heights {} and {}: {} only in the first, {} only in the second, {} changed, {} equal\n",
            compared->height_first, compared->height_second, compared->only_first, compared->only_second,
            compared->changed, compared->equal);
    }
    return compared->is_same() ? ExitCode::ok : ExitCode::failed_check;
}

}  // namespace ioswarm::cli
