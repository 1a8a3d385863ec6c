// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/config/value.hpp"
#include "cli/doctor/doctor.hpp"
#include "cli/doctor/time_limit.hpp"
#include "cli/serve/data_dir.hpp"
#include "cli/serve/newest_snapshot.hpp"
#include "cli/serve/settings.hpp"
#include "core/base/text.hpp"
#include "core/net/tcp_stream.hpp"
#include "proto/node/source.hpp"

namespace ioswarm::cli::doctor {
namespace {

constexpr std::uint64_t kMainnet = 4689;
constexpr std::uint64_t kTestnet = 4690;
/// The coordinator hands out no task from a source that is further behind.
constexpr std::chrono::seconds kOldTip{30};
/// A daily export, and an hour for its run.
constexpr std::chrono::hours kOldSnapshot{25};

std::string at_limit(const CheckReport& report) {
    return fmt::format("no answer within {}", go_duration(report.subject.remote_limit));
}

void report_chain(CheckReport& report, const ChainIdentity& chain) {
    if (Status reward = check_reward_chain(report.config(), chain); !reward) {
        report.add(CheckState::fail, reward.error());
    } else if (chain.evm != kMainnet && chain.evm != kTestnet) {
        report.warn(fmt::format("the node is on an unknown chain: {}", chain.text()),
                    "IoTeX's mainnet has EVM chain id 4689, and its testnet has 4690",
                    "check node.grpc and node.web3, unless this is a private chain");
    } else {
        report.ok(chain.text());
    }
}

void report_tip(CheckReport& report, const ChainTip& tip) {
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(report.subject.now() - tip.time);
    const std::string what = fmt::format("newest block {}, made {} ago", tip.height,
                                         go_duration(std::max(age, std::chrono::seconds(0))));
    if (age <= kOldTip) {
        report.ok(what);
        return;
    }
    report.fail(what,
                fmt::format("serve hands out no task from a node that is {} behind", go_duration(kOldTip)),
                "wait until the node has caught up, and look at its log");
}

void report_api(CheckReport& report, proto::NodeSource& node, const std::stop_token& stop) {
    const std::string version = node.version(stop);
    const std::string name = version.empty() ? "of an unknown version" : version;
    if (node.speaks_json()) {
        report.warn(fmt::format("node {}: its gRPC API answers JSON, so only its web3 is used", name),
                    "web3 has no stream of blocks, so serve asks for them again and again",
                    "use a build of iotex-core whose gRPC API speaks protobuf");
    } else {
        report.ok(fmt::format("node {}: gRPC and web3 both answer", name));
    }
}

void report_snapshot(CheckReport& report, const NewestSnapshot& newest) {
    const std::uint64_t kept = report.config().diff_retain_height;
    const std::string name = fmt::format("{} has height {}, made {}", newest.file, newest.height, newest.time);
    const std::string next = "export a new one: ioswarm snapshot roll, or ioswarm-snapshot.timer";
    const auto made = parse_rfc3339(newest.time);
    const bool is_old = made && report.subject.now() - *made > kOldSnapshot;
    if (!report.tip || !has_diffs(report.config()) || kept == 0) {
        if (is_old) {
            report.warn(name, "it is older than 25 h: the daily export has failed", next);
        } else {
            report.ok(name + (report.tip ? "" : "; not compared with the chain, whose height is unknown"));
        }
        return;
    }
    const std::uint64_t behind = report.tip->height > newest.height ? report.tip->height - newest.height : 0;
    const std::string what =
        fmt::format("{}, {} blocks behind the chain; diffRetainHeight is {}", name, behind, kept);
    if (behind >= kept) {
        report.fail(what, "the diffs after the snapshot are gone, so no new L4 agent can catch up", next);
    } else if (behind > kept / 10 * 9) {
        report.warn(what,
                    "the diffs after the snapshot are about to be deleted; then no new L4 agent can catch up",
                    next + "; or keep more diffs: diffRetainHeight");
    } else if (is_old) {
        report.warn(what, "it is older than 25 h: the daily export has failed", next);
    } else {
        report.ok(what);
    }
}

}  // namespace

void check_node(CheckReport& report) {
    const ServeConfig& config = report.config();
    if (!uses_node(config)) {
        report.not_checked("no node is named: serve runs the embedded chain, for trials only",
                           "set node.grpc and node.web3 to work beside a node");
        return;
    }
    proto::NodeSettings settings;
    settings.grpc = config.node_grpc;
    settings.web3 = config.node_web3;
    settings.call_timeout = report.subject.remote_limit / 2;  // gRPC and web3 are asked one after the other
    auto node = proto::NodeSource::create(std::move(settings), Log());
    if (!node) {
        report.add(CheckState::fail, node.error());
        return;
    }
    const TimeLimit limit(report.subject.remote_limit);
    const auto chain = (*node)->chain(limit.token());
    if (!chain) {
        report.fail(limit.is_over() ? at_limit(report) : chain.error().text(),
                    "serve needs the node that node.grpc and node.web3 name",
                    "see whether the node runs, and whether node.grpc and node.web3 are its addresses");
        return;
    }
    report_chain(report, *chain);
    const auto tip = (*node)->pool().tip();
    if (tip) {
        report.tip = *tip;
        report_tip(report, *tip);
    } else {
        report.fail(tip.error().text(), "serve cannot read the node's newest block", "look at the node's log");
    }
    report_api(report, **node, limit.token());
}

// Only a connection is made. A stream of diffs would end the stream of a running serve, since a node keeps one
// stream for each agent id.
void check_diffs(CheckReport& report) {
    const ServeConfig& config = report.config();
    if (!uses_node(config)) {
        report.ok("the embedded chain makes its own");
        return;
    }
    if (config.node_diffs.empty()) {
        if (config.task_level == "L4") {
            report.warn("taskLevel is L4, and node.diffs is not set",
                        "without a source of state diffs agents get tasks up to L3",
                        "set node.diffs to the node's ioswarm module, or taskLevel to L3");
        } else {
            report.not_checked("node.diffs is not set; only L4 agents need state diffs");
        }
        return;
    }
    const auto peer = parse_host_port(config.node_diffs);
    const TimeLimit limit(report.subject.remote_limit);
    const auto stream =
        TcpStream::connect({peer ? peer->host : "", peer ? peer->port : std::uint16_t{0}, {}},
                           std::chrono::steady_clock::now() + report.subject.remote_limit, limit.token());
    if (stream) {
        report.ok(fmt::format("{} takes connections", config.node_diffs));
    } else {
        report.fail(stream.error().text(),
                    fmt::format("L4 agents need the state diffs of {}", config.node_diffs),
                    "see whether the node's ioswarm module is enabled, and on which grpcPort it listens");
    }
}

void check_snapshot(CheckReport& report) {
    const ServeConfig& config = report.config();
    if (config.snapshot_dir.empty()) {
        report.not_checked("snapshotDir is not set; only L4 agents need snapshots");
        return;
    }
    const auto newest = newest_snapshot(config.snapshot_dir);
    if (newest) {
        report_snapshot(report, *newest);
    } else if (newest.error().code == ErrorCode::not_found) {
        report.warn(fmt::format("{}: {}", config.snapshot_dir, newest.error().text()),
                    "an L4 agent starts from a snapshot", "export one: ioswarm snapshot export");
    } else {
        report.fail(fmt::format("{}: {}", config.snapshot_dir, newest.error().text()),
                    "an L4 agent starts from a snapshot",
                    "see whether an export is running; otherwise export it again: ioswarm snapshot export");
    }
}

}  // namespace ioswarm::cli::doctor
