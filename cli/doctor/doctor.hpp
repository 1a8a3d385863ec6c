// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/config/config.hpp"
#include "core/base/bytes.hpp"
#include "core/base/result.hpp"
#include "core/model/chain.hpp"

namespace ioswarm::cli::doctor {

/// The result of a check.
enum class CheckState {
    ok,
    warn,         ///< serve works, but something needs the operator's attention
    fail,         ///< serve does not start, does not do its work, or gives a secret away
    not_checked,  ///< the check could not be made, or does not apply; `what` says why
};
[[nodiscard]] std::string_view to_string(CheckState state) noexcept;  ///< "ok", "warn", "fail", "not checked"

/// One line of the report. It holds no secret.
struct Finding {
    std::string_view check;  ///< the name of its row in checks()
    CheckState state = CheckState::ok;
    std::string what;  ///< what was found
    std::string why;   ///< why that matters; may be empty
    std::string next;  ///< what the operator can do; empty when there is nothing to do
};

/// The input of all checks.
struct Subject {
    /// Nothing when the configuration could not be read. Then every check but the first is not made.
    std::optional<LoadedConfig> loaded;
    std::vector<Error> config_errors;
    bool offline = false;  ///< make no connection to the node or to the chain
    bool insecure_bind = false;
    bool embedded = false;
    std::chrono::milliseconds remote_limit{10'000};  ///< for each check that asks another program
    std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
    std::string root;  ///< a folder that tests use in place of /; empty: the real / is used
};

/// Collects the findings of the checks, and passes results of earlier checks to later ones. Used by one thread.
class CheckReport {
  public:
    explicit CheckReport(const Subject& about) : subject(about) {}

    /// Precondition: subject.loaded.
    [[nodiscard]] const ServeConfig& config() const { return subject.loaded->settings; }

    void ok(std::string what);
    void warn(std::string what, std::string why, std::string next);
    void fail(std::string what, std::string why, std::string next);
    void not_checked(std::string what, std::string next = {});
    /// Adds a finding with this state that describes the error.
    void add(CheckState state, const Error& error);

    const Subject& subject;
    std::string_view check;  ///< the name of the running check
    std::vector<Finding> findings;

    // Results of earlier checks.
    std::optional<ChainTip> tip;  ///< the node's
    /// The wallet that pays: that of the configured key, else the contract's coordinator.
    std::optional<Address> signer;
    bool is_endpoint_away = false;  ///< rewardRpcUrl did not answer, so it is not asked again
};

/// One check in the table of all checks.
struct CheckRow {
    std::string_view name;
    bool needs_config = true;
    bool is_remote = false;  ///< it connects to the node or to the chain, so it is skipped with --offline
    void (*run)(CheckReport&);
};
/// All checks, in the order in which they run and are reported.
[[nodiscard]] std::span<const CheckRow> checks();

/// Runs all checks. Every row of checks() gives at least one finding.
[[nodiscard]] std::vector<Finding> examine(const Subject& subject);

// The checks. Each adds its findings to the report.
void check_configuration(CheckReport& report);
void check_secret_files(CheckReport& report);
void check_tls(CheckReport& report);
void check_ports(CheckReport& report);
void check_data_dir(CheckReport& report);
void check_free_space(CheckReport& report);
void check_unit(CheckReport& report);
void check_node(CheckReport& report);
void check_clock(CheckReport& report);  // after check_node
void check_diffs(CheckReport& report);
void check_snapshot(CheckReport& report);  // after check_node
void check_contract(CheckReport& report);
void check_signer(CheckReport& report);  // after check_contract
void check_nonce(CheckReport& report);   // after check_signer

}  // namespace ioswarm::cli::doctor
