// SPDX-License-Identifier: Apache-2.0
#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/progress_line.hpp"
#include "cli/snapshot/commands.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {

void print_state_stats(const std::string& source, const snapshot::StateStats& stats, bool json, Io& io) {
    using nlohmann::ordered_json;
    for (const std::string& warning : stats.warnings)
        print_warning(io, warning);
    if (json) {
        ordered_json namespaces = ordered_json::object();
        for (const auto& [name, one] : stats.namespaces) {
            namespaces[name] = {
                {"entries", one.entries}, {"key_bytes", one.key_bytes}, {"value_bytes", one.value_bytes}};
        }
        const ordered_json out = {{"file", source},
                                  {"height", stats.height},
                                  {"source", stats.source_kind},
                                  {"namespaces", std::move(namespaces)},
                                  {"warnings", stats.warnings}};
        io.out << out.dump(2, ' ', false, ordered_json::error_handler_t::replace) << '\n';
        return;
    }
    io.out << fmt::format("{}: {}, height {}\n", escape_for_display(source), stats.source_kind, stats.height);
    for (const auto& [name, one] : stats.namespaces) {
        io.out << fmt::format("  {:<22} {:>12} entries  {:>10} keys  {:>10} values\n", escape_for_display(name),
                              one.entries, format_bytes(one.key_bytes), format_bytes(one.value_bytes));
    }
}

}  // namespace ioswarm::cli
