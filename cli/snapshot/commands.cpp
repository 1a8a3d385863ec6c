// SPDX-License-Identifier: Apache-2.0
#include "cli/snapshot/commands.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/progress_line.hpp"
#include "cli/signals.hpp"
#include "cli/snapshot/verify_url.hpp"
#include "core/base/byte_order.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/base/wire.hpp"
#include "core/crypto/address.hpp"
#include "snapshot/reader.hpp"
#include "snapshot/writer.hpp"

namespace ioswarm::cli {
namespace {

using nlohmann::ordered_json;
using snapshot::SnapshotReader;

/// The fields of an account record with their protobuf numbers: nonce 1, balance 2 (decimal text), root 3,
/// codeHash 4, isCandidate 5, votingWeight 6, type 7.
struct Account {
    std::uint64_t nonce = 0;
    std::string balance = "0";
    Bytes root;
    Bytes code_hash;
    bool is_candidate = false;
    Bytes voting_weight;
    std::uint64_t type = 0;
};

std::optional<Account> decode_account(BytesView value) {
    Account account;
    wire::Reader reader(value);
    while (const auto field = reader.next()) {
        switch (field->number) {
            case 1:
                account.nonce = field->scalar;
                break;
            case 2:
                account.balance = as_text(field->bytes);
                break;
            case 3:
                account.root = to_bytes(field->bytes);
                break;
            case 4:
                account.code_hash = to_bytes(field->bytes);
                break;
            case 5:
                account.is_candidate = field->scalar != 0;
                break;
            case 6:
                account.voting_weight = to_bytes(field->bytes);
                break;
            case 7:
                account.type = field->scalar;
                break;
            default:
                break;
        }
    }
    if (!reader.ok()) return std::nullopt;
    return account;
}

ExitCode print_account(const Address& address, BytesView value, bool json, Io& io) {
    const auto account = decode_account(value);
    if (!account) {
        return report_error(io, Error{ErrorCode::bad_data, "cannot decode the account",
                                      to_checksum_hex(address), "its record is no protobuf message", ""});
    }
    ordered_json out = {{"address", to_checksum_hex(address)},
                        {"io", to_io(address)},
                        {"nonce", account->nonce},
                        {"type", account->type == 1 ? "zero-nonce" : "default"},
                        {"balance_rau", account->balance},
                        {"root", to_hex(account->root)},
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
        constexpr std::size_t kMostShown = 1000;
        if (counts.size() == kMostShown) return;
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

/// One file of a comparison, with its next entry. No entry at the end of the file.
struct Side {
    std::unique_ptr<SnapshotReader> reader;
    std::optional<SnapshotReader::Entry> entry;
    std::vector<std::string> order;  // namespaces in the order of the file

    Status advance() {
        IOSWARM_TRY(auto next, reader->next());
        entry = next;
        if (entry && (order.empty() || order.back() != entry->name)) order.emplace_back(entry->name);
        return {};
    }
};

/// Tells which of two entries comes first. Each file has its namespaces in the order of its export, and sorts
/// each namespace by key. `order` contains the namespaces of both files.
class DiffOrder {
  public:
    explicit DiffOrder(std::vector<std::string> order) : order_(std::move(order)) {}
    int operator()(const SnapshotReader::Entry& a, const SnapshotReader::Entry& b) const {
        const std::size_t at_a = place(a.name);
        const std::size_t at_b = place(b.name);
        if (at_a != at_b) return at_a < at_b ? -1 : 1;
        const auto order = compare_bytes(a.key, b.key);
        return order < 0 ? -1 : order > 0 ? 1 : 0;
    }

  private:
    [[nodiscard]] std::size_t place(std::string_view name) const {
        return static_cast<std::size_t>(std::find(order_.begin(), order_.end(), name) - order_.begin());
    }
    const std::vector<std::string> order_;
};

/// Lists the file's namespaces in their order. Error bad_data: a namespace comes twice, or there are too many.
Result<std::vector<std::string>> namespace_order(const std::string& path) {
    IOSWARM_TRY(auto reader, SnapshotReader::open(path));
    std::vector<std::string> order;
    for (;;) {
        IOSWARM_TRY(auto entry, reader->next());
        if (!entry) return order;
        if (!order.empty() && order.back() == entry->name) continue;
        constexpr std::size_t kMost = 1000;
        if (order.size() == kMost || std::find(order.begin(), order.end(), entry->name) != order.end()) {
            return fail(ErrorCode::bad_data, "cannot compare", path,
                        "its namespaces do not come one after the other");
        }
        order.emplace_back(entry->name);
    }
}

Result<std::vector<std::string>> merged_order(const DiffOptions& options) {
    auto a = namespace_order(options.a);
    if (!a) return a;
    auto b = namespace_order(options.b);
    if (!b) return b;
    std::vector<std::string> merged = *a;
    std::size_t at = 0;
    for (const std::string& name : *b) {
        const auto it = std::find(merged.begin(), merged.end(), name);
        if (it == merged.end()) {
            merged.insert(merged.begin() + static_cast<std::ptrdiff_t>(at++), name);
            continue;
        }
        const auto found = static_cast<std::size_t>(it - merged.begin());
        if (found < at) {
            return fail(ErrorCode::bad_data, "cannot compare", options.b,
                        "its namespaces come in another order than the first file's",
                        "export both with the same --namespaces");
        }
        at = found + 1;
    }
    return merged;
}

struct DiffCounts {
    std::uint64_t only_a = 0;
    std::uint64_t only_b = 0;
    std::uint64_t changed = 0;
    std::uint64_t same = 0;
};

void print_difference(char sign, const SnapshotReader::Entry& entry, Io& io) {
    io.out << fmt::format("{} {} {}\n", sign, escape_for_display(entry.name), to_hex(entry.key));
}

Result<DiffCounts> compare_sides(Side& a, Side& b, const DiffOrder& order, bool print, Io& io) {
    DiffCounts counts;
    for (Side* side : {&a, &b}) {
        IOSWARM_DO(side->advance());
    }
    while (a.entry || b.entry) {
        const int which = !a.entry ? 1 : !b.entry ? -1 : order(*a.entry, *b.entry);
        if (which < 0) {
            ++counts.only_a;
            if (print) print_difference('-', *a.entry, io);
        } else if (which > 0) {
            ++counts.only_b;
            if (print) print_difference('+', *b.entry, io);
        } else if (std::equal(a.entry->value.begin(), a.entry->value.end(), b.entry->value.begin(),
                              b.entry->value.end())) {
            ++counts.same;
        } else {
            ++counts.changed;
            if (print) print_difference('~', *a.entry, io);
        }
        if (which <= 0) {
            IOSWARM_DO(a.advance());
        }
        if (which >= 0) {
            IOSWARM_DO(b.advance());
        }
    }
    return counts;
}

}  // namespace

namespace {

/// Prints the outcome of a verification as JSON, as text or not at all. `text` and `facts` are for success.
ExitCode tell_verified(const VerifyOptions& options, const Error* error, const std::string& text,
                       const ordered_json& facts, Io& io) {
    if (options.json) {
        ordered_json out = {{"file", options.file}, {"ok", error == nullptr}};
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
    if (!found) return stop.exit_code(tell_verified(options, &found.error(), {}, {}, io));
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
    return tell_verified(options, nullptr, text, facts, io);
}

}  // namespace

ExitCode run_snapshot_verify(const VerifyOptions& options, Io& io) {
    if (is_url(options.file)) return run_verify_url(options, io);
    auto reader = SnapshotReader::open(options.file);
    if (!reader) return tell_verified(options, &reader.error(), {}, {}, io);
    for (;;) {
        auto entry = (*reader)->next();
        if (!entry) return tell_verified(options, &entry.error(), {}, {}, io);
        if (!*entry) break;
    }
    const std::string text = fmt::format("{}: whole, height {}, {} entries\n", escape_for_display(options.file),
                                         (*reader)->height(), (*reader)->entries());
    const ordered_json facts = {{"height", (*reader)->height()},
                                {"entries", (*reader)->entries()},
                                {"payload_sha256", to_hex((*reader)->digest().view())}};
    return tell_verified(options, nullptr, text, facts, io);
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
                                      "the snapshot does not hold it", ""});
    }
    if (!options.entries) print_summary(**reader, counts, options.json, io);
    return ExitCode::ok;
}

ExitCode run_snapshot_diff(const DiffOptions& options, Io& io) {
    auto order = merged_order(options);
    if (!order) return report_error(io, order.error());
    Side a;
    Side b;
    for (const auto& [side, path] : {std::pair{&a, &options.a}, {&b, &options.b}}) {
        auto reader = SnapshotReader::open(*path);
        if (!reader) return report_error(io, reader.error());
        side->reader = std::move(*reader);
    }
    const auto counts = compare_sides(a, b, DiffOrder(std::move(*order)), !options.quiet && !options.json, io);
    if (!counts) return report_error(io, counts.error());
    const bool same = counts->only_a + counts->only_b + counts->changed == 0;
    if (options.json) {
        io.out << ordered_json{{"same", same},
                               {"height_a", a.reader->height()},
                               {"height_b", b.reader->height()},
                               {"only_a", counts->only_a},
                               {"only_b", counts->only_b},
                               {"changed", counts->changed},
                               {"equal", counts->same}}
                      .dump(2)
               << '\n';
    } else {
        io.out << fmt::format(
            "heights {} and {}: {} only in the first, {} only in the second, {} changed, {} equal\n",
            a.reader->height(), b.reader->height(), counts->only_a, counts->only_b, counts->changed,
            counts->same);
    }
    return same ? ExitCode::ok : ExitCode::failed_check;
}

}  // namespace ioswarm::cli
