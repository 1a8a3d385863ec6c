// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot/commands.hpp"

#include <algorithm>
#include <optional>
#include <ostream>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/config/urls.hpp"
#include "cli/config/value.hpp"
#include "cli/progress_line.hpp"
#include "cli/signals.hpp"
#include "cli/snapshot/verify_url.hpp"
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

using Counts = std::vector<std::pair<std::string, snapshot::NamespaceStats>>;

void count(Counts& counts, const SnapshotReader::Entry& entry) {
    auto it = std::find_if(counts.begin(), counts.end(), [&](const auto& c) { return c.first == entry.name; });
    if (it == counts.end()) {
        // A malicious file may name a new namespace in every entry. Real files have a few.
        constexpr std::size_t kMaxShown = 1000;
        if (counts.size() == kMaxShown) return;
        it = counts.insert(counts.end(), {std::string(entry.name), {}});
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
        for (const auto& [name, stats] : counts) {
            namespaces[escape_for_display(name)] = {
                {"entries", stats.entries}, {"key_bytes", stats.key_bytes}, {"value_bytes", stats.value_bytes}};
        }
        io.out << ordered_json{{"version", 1},
                               {"height", reader.height()},
                               {"entries", reader.entries()},
                               {"bytes", reader.file_size()},
                               {"payload_bytes", reader.raw_bytes()},
                               {"payload_sha256", to_hex(reader.digest().view())},
                               {"namespaces", namespaces}}
                      .dump(2)
               << '\n';
        return;
    }
    io.out << fmt::format("height   {}\nentries  {}\nfile     {}\npayload  {}\ndigest   {}\n", reader.height(),
                          reader.entries(), format_bytes(reader.file_size()), format_bytes(reader.raw_bytes()),
                          to_hex(reader.digest().view()));
    for (const auto& [name, stats] : counts) {
        io.out << fmt::format("  {:<12} {:>12} entries  {:>10} keys  {:>10} values\n", escape_for_display(name),
                              stats.entries, format_bytes(stats.key_bytes), format_bytes(stats.value_bytes));
    }
}

void print_difference(snapshot::Difference difference, const SnapshotReader::Entry& entry, Io& io) {
    const char sign = difference == snapshot::Difference::only_first    ? '-'
                      : difference == snapshot::Difference::only_second ? '+'
                                                                        : '~';
    io.out << fmt::format("{} {} {}\n", sign, escape_for_display(entry.name), to_hex(entry.key));
}

/// Prints the outcome of a verification as JSON, as text or not at all. `text` and `facts` are for success.
ExitCode report_verified(const VerifyOptions& options, const Error* error, const std::string& text,
                         const ordered_json& facts, Io& io) {
    if (options.json) {
        ordered_json out = {{"file", is_url(options.file) ? without_credentials(options.file) : options.file},
                            {"ok", error == nullptr}};
        if (error != nullptr)
            out["reason"] = error->why.empty() ? error->text() : error->why;
        else
            out.update(facts);
        io.out << out.dump(2, ' ', false, ordered_json::error_handler_t::replace) << '\n';
    }
    if (error == nullptr) {
        if (!options.json && !options.quiet) io.out << text;
        return ExitCode::ok;
    }
    if (!options.json && !options.quiet) print_error(io, *error);
    // An invalid file fails the check. A file that cannot be read gives the error's own exit code.
    return error->code == ErrorCode::bad_data ? ExitCode::failed_check : exit_code_for(error->code);
}

ExitCode run_verify_url(const VerifyOptions& options, Io& io) {
    const SignalReader stop;
    DownloadSettings settings;
    settings.timeout = options.timeout;
    settings.ca_file = options.ca_file;
    const auto found = verify_url(options.file, settings, stop.token());
    if (!found) return stop.exit_code(report_verified(options, &found.error(), {}, {}, io));
    std::string text = fmt::format("{}: whole, height {}, {} entries, {}\n", escape_for_display(found->url),
                                   found->height, found->entries, format_bytes(found->bytes));
    for (const std::string& companion : found->compared)
        text += "  agrees with " + escape_for_display(companion) + "\n";
    if (found->compared.empty())
        print_warning(io,
                      "neither a .sha256 nor a description lies beside it, so it was compared with nothing");
    const ordered_json facts = {
        {"height", found->height},    {"entries", found->entries}, {"payload_sha256", found->payload_sha256},
        {"url", found->url},          {"bytes", found->bytes},     {"sha256", found->sha256},
        {"compared", found->compared}};
    return report_verified(options, nullptr, text, facts, io);
}

}  // namespace

ExitCode run_snapshot_verify(const VerifyOptions& options, Io& io) {
    if (is_url(options.file)) return run_verify_url(options, io);
    auto reader = SnapshotReader::open(options.file);
    if (!reader) return report_verified(options, &reader.error(), {}, {}, io);
    for (;;) {
        auto entry = (*reader)->next();
        if (!entry) return report_verified(options, &entry.error(), {}, {}, io);
        if (!*entry) break;
    }
    const std::string text = fmt::format("{}: whole, height {}, {} entries\n", escape_for_display(options.file),
                                         (*reader)->height(), (*reader)->entries());
    const ordered_json facts = {{"height", (*reader)->height()},
                                {"entries", (*reader)->entries()},
                                {"payload_sha256", to_hex((*reader)->digest().view())}};
    return report_verified(options, nullptr, text, facts, io);
}

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
