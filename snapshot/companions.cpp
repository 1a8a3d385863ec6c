// SPDX-License-Identifier: Apache-2.0
#include "snapshot/companions.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "core/base/text.hpp"

namespace ioswarm::snapshot {

std::string sum_name(const std::string& snapshot) {
    return snapshot + ".sha256";
}

std::string meta_name(const std::string& snapshot) {
    // Without a '/' rfind() gives npos, and npos + 1 is 0.
    return snapshot.substr(0, snapshot.rfind('/') + 1) + std::string(kMetaName);
}

Result<Companions> Companions::write(const std::string& output, const ExportReport& report) {
    const std::string name = output.substr(output.rfind('/') + 1);
    nlohmann::ordered_json namespaces = nlohmann::ordered_json::object();
    for (const auto& [ns, stats] : report.namespaces) {
        namespaces[ns] = {
            {"entries", stats.entries}, {"key_bytes", stats.key_bytes}, {"value_bytes", stats.value_bytes}};
    }
    nlohmann::ordered_json meta = {
        {"file", name},
        {"height", report.height},
        {"bytes", report.file_bytes},
        {"sha256", to_hex(report.file_sha256.view())},
        {"payload_bytes", report.raw_bytes},
        {"payload_sha256", to_hex(report.payload_sha256.view())},
        {"entries", report.entries},
        {"namespaces", namespaces},
        {"warnings", report.warnings},
        {"time", rfc3339(std::chrono::system_clock::now())},
        {"version", IOSWARM_VERSION},
    };
    if (report.chain) meta["evm_chain_id"] = report.chain->evm;
    if (report.chain && report.chain->node) meta["node_chain_id"] = *report.chain->node;
    const std::string sum = to_hex(report.file_sha256.view()) + "  " + name + "\n";
    auto sum_file = AtomicFile::create(sum_name(output));
    if (!sum_file) return fail(sum_file.error());
    if (auto written = sum_file->write(as_bytes(sum)); !written) return fail(written.error());
    auto meta_file = AtomicFile::create(meta_name(output), 0644, name);
    if (!meta_file) return fail(meta_file.error());
    const std::string text = meta.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
    if (auto written = meta_file->write(as_bytes(text)); !written) return fail(written.error());
    return Companions(std::move(*sum_file), std::move(*meta_file));
}

Status Companions::commit() {
    if (auto committed = sum_.commit(); !committed) return committed;
    return meta_.commit();
}

}  // namespace ioswarm::snapshot
