// SPDX-License-Identifier: Apache-2.0
#include "snapshot/companions.hpp"

#include <nlohmann/json.hpp>

#include "core/base/text.hpp"
#include "snapshot/immutable_name.hpp"

namespace ioswarm::snapshot {

std::string sum_name(const std::string& snapshot) {
    return snapshot + ".sha256";
}

std::string meta_name(const std::string& snapshot) {
    return folder_of(snapshot) + std::string(kMetaName);
}

std::string sum_text(const ExportReport& report, const std::string& file) {
    return to_hex(report.file_sha256.view()) + "  " + file + "\n";
}

std::string meta_text(const ExportReport& report, const std::string& file, const std::string& immutable) {
    using Json = nlohmann::ordered_json;
    Json namespaces = Json::object();
    for (const auto& [ns, stats] : report.namespaces) {
        namespaces[ns] = {
            {"entries", stats.entries}, {"key_bytes", stats.key_bytes}, {"value_bytes", stats.value_bytes}};
    }
    Json meta = {
        {"file", file},
        {"height", report.height},
        {"bytes", report.file_bytes},
        {"sha256", to_hex(report.file_sha256.view())},
        {"payload_bytes", report.raw_bytes},
        {"payload_sha256", to_hex(report.payload_sha256.view())},
        {"entries", report.entries},
        {"namespaces", namespaces},
        {"warnings", report.warnings},
        {"time", rfc3339(report.finished)},
        {"version", IOSWARM_VERSION},
        {"kind", to_string(report.kind())},
        {"source", report.source_kind},
        {"started", rfc3339(report.started)},
        {"finished", rfc3339(report.finished)},
    };
    if (!immutable.empty()) meta["immutable"] = immutable;
    if (report.chain) meta["evm_chain_id"] = report.chain->evm;
    if (report.chain && report.chain->node) meta["node_chain_id"] = *report.chain->node;
    return meta.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ioswarm::snapshot
