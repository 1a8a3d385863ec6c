// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <ostream>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/config/agent_key_file.hpp"
#include "cli/config/config.hpp"
#include "cli/config/secret_file.hpp"
#include "cli/config/value.hpp"
#include "cli/count_option.hpp"
#include "cli/duration_option.hpp"
#include "cli/json_option.hpp"
#include "cli/signals.hpp"
#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/crypto/hmac.hpp"
#include "core/model/agent_id.hpp"
#include "proto/diffs/probe.hpp"

namespace ioswarm::cli {
namespace {

using Json = nlohmann::ordered_json;
using Milliseconds = std::chrono::milliseconds;
using Tenths = std::chrono::duration<std::int64_t, std::deci>;

constexpr const char* kDefaultAgent = "l4test-probe";

struct L4TestOptions {
    std::string address;
    std::string secret_file;
    std::string secret;
    std::string key_file;
    std::string agent;  ///< empty: the one that the key file names, else kDefaultAgent
    std::uint64_t catch_up = 10;
    std::chrono::milliseconds duration{60'000};
    bool tls = false;
    bool json = false;
};

Error usage(std::string which, std::string why, std::string hint = {}) {
    return Error{ErrorCode::usage, "l4test", std::move(which), std::move(why), std::move(hint)};
}

/// Returns the empty string without a secret. Then no key is sent, which suits a coordinator without
/// authentication.
Result<std::string> find_secret(const L4TestOptions& options, Io& io) {
    if (!options.secret.empty() && !options.secret_file.empty()) {
        return fail(usage("", "--secret and --secret-file are both given", "give one of them"));
    }
    if (!options.secret.empty()) {
        print_warning(io,
                      "the process list shows --master and --secret; --secret-file keeps the secret out of it");
        return options.secret;
    }
    if (options.secret_file == "-") return read_secret(io.in, "standard input");
    if (options.secret_file.empty()) return std::string();
    return missing_is_io(read_secret_file(options.secret_file, process_environment()("CREDENTIALS_DIRECTORY")));
}

/// The agent that l4test is, and its key. The key is empty if none is to be sent.
Result<AgentKey> find_key(const L4TestOptions& options, Io& io) {
    if (options.key_file.empty()) {
        // No IOSWARM_TRY here: it would leave a copy of a short secret behind, which is not wiped.
        Result<std::string> secret = find_secret(options, io);
        if (!secret) return fail(std::move(secret).error());
        AgentKey out{options.agent.empty() ? kDefaultAgent : options.agent, {}};
        if (!secret->empty()) out.key = agent_token(*secret, out.agent_id);
        wipe(*secret);
        return out;
    }
    if (!options.secret.empty() || !options.secret_file.empty())
        return fail(usage("--key-file", "cannot be combined with a master secret", "give one of them"));
    auto key = missing_is_io(read_agent_key(options.key_file, process_environment()("CREDENTIALS_DIRECTORY")));
    if (!key) return key;
    if (!options.agent.empty() && !key->agent_id.empty() && options.agent != key->agent_id)
        return fail(usage("--agent", fmt::format("the key file is for another agent: {}", key->agent_id)));
    if (!options.agent.empty()) key->agent_id = options.agent;
    if (key->agent_id.empty())
        return fail(usage("--agent", "not given, and the key file does not name the agent"));
    return key;
}

Result<proto::DiffProbeOptions> probe_options(const L4TestOptions& options, Io& io) {
    if (options.address.empty()) {
        return fail(usage("--addr", "not given", "ioswarm l4test --addr HOST:PORT --secret-file FILE"));
    }
    const auto address = parse_host_port(options.address);
    if (!address) return fail(usage("--addr", fmt::format("'{}' is not host:port", options.address)));
    if (!options.agent.empty() && !is_valid_agent_id(options.agent))
        return fail(usage("--agent", "is not an agent id: 1 to 128 visible characters"));
    IOSWARM_TRY(auto key, find_key(options, io));
    proto::DiffProbeOptions out;
    out.peer.target = {address->host, address->port, {}};
    if (options.tls) out.peer.target.tls.emplace();
    out.peer.agent_id = key.agent_id;
    out.peer.token = std::move(key.key);
    out.catch_up = options.catch_up;
    out.duration = options.duration;
    return out;
}

/// Prints one line for the tip, one for the end of the catch-up, and one per live diff. On a terminal the lines
/// of the catch-up overwrite each other.
class Progress {
  public:
    Progress(Io& io, bool silent) : io_(io), silent_(silent), terminal_(isatty(STDERR_FILENO) == 1) {}

    void show(const StateDiff& diff, const proto::DiffProbe& probe) {
        if (silent_) return;
        const std::string line = fmt::format("height {}: {} entries", diff.height, diff.entries.size());
        if (!probe.checks.caught_up()) {
            if (terminal_) io_.err << "\r\x1b[K" << line << std::flush;
            return;
        }
        if (terminal_) io_.err << "\r\x1b[K";
        if (!std::exchange(said_caught_up_, true)) {
            io_.err << fmt::format("caught up to height {} in {}\n", probe.tip,
                                   go_duration(probe.catch_up_time.value_or(Milliseconds::zero())));
            if (diff.height <= probe.tip) return;
        }
        io_.err << line << std::endl;
    }

  private:
    Io& io_;
    const bool silent_;
    const bool terminal_;
    bool said_caught_up_ = false;
};

const char* in_words(std::string_view check) {
    if (check == "namespaces") return "known namespaces only";
    if (check == "write_types") return "write types 0 or 1";
    if (check == "heights") return "heights without gaps";
    if (check == "digests") return "every digest right";
    if (check == "catch_up") return "catch-up finished";
    if (check == "live") return "at least one live diff";
    return "diffs until the end";
}

void print_text(const proto::DiffProbe& probe, Io& io) {
    for (const auto& finding : probe.findings()) {
        io.out << fmt::format("{}  {:<22}  {}\n", finding.passed ? "pass" : "FAIL", in_words(finding.name),
                              escape_for_display(finding.detail));
    }
    if (probe.resumed > 0)
        io.out << fmt::format("note  the stream broke and was resumed {} times\n", probe.resumed);
    if (probe.ended) io.out << "FAIL  the stream ended: " << escape_for_display(probe.ended->text()) << '\n';
    io.out << fmt::format("{} after {}\n", probe.passed() ? "passed" : "FAILED",
                          go_duration(std::chrono::round<Tenths>(probe.elapsed)));
}

double seconds(Milliseconds time) {
    return std::chrono::duration<double>(time).count();
}

void print_json(const L4TestOptions& options, const std::string& agent, const proto::DiffProbe& probe, Io& io) {
    Json checks = Json::object();
    for (const auto& finding : probe.findings())
        checks[finding.name] = {{"passed", finding.passed}, {"detail", finding.detail}};
    Json out = {{"address", options.address},
                {"agent_id", agent},
                {"passed", probe.passed()},
                {"checks", checks},
                {"tip", probe.tip},
                {"diffs", probe.checks.diffs()},
                {"live", probe.checks.live()},
                {"entries", probe.checks.entries()},
                {"catch_up_seconds", probe.catch_up_time ? Json(seconds(*probe.catch_up_time)) : Json()},
                {"longest_silence_seconds", seconds(probe.arrivals.longest_silence(probe.elapsed))},
                {"seconds", seconds(probe.elapsed)},
                {"resumed", probe.resumed},
                {"ended", probe.ended ? Json(probe.ended->text()) : Json()}};
    io.out << out.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

ExitCode run_l4test(const L4TestOptions& options, Io& io) {
    const auto probed = probe_options(options, io);
    if (!probed) return report_error(io, probed.error());
    SignalReader signals;
    if (!options.json) {
        io.err << fmt::format("waiting for a live diff of {} as agent {}\n", options.address,
                              probed->peer.agent_id);
    }
    Progress progress(io, options.json);
    const auto probe = proto::probe_diffs(
        *probed, [&](const StateDiff& diff, const proto::DiffProbe& so_far) { progress.show(diff, so_far); },
        signals.token());
    if (!probe && probe.error().code == ErrorCode::cancelled) return signals.exit_code(ExitCode::interrupted);
    if (!probe) return report_error(io, probe.error(), Concerns::peer);
    options.json ? print_json(options, probed->peer.agent_id, *probe, io) : print_text(*probe, io);
    return signals.exit_code(probe->passed() ? ExitCode::ok : ExitCode::failed_check);
}

}  // namespace

Runner add_l4test(CLI::App& app) {
    auto options = std::make_shared<L4TestOptions>();
    app.add_option("--addr,--coordinator", options->address,
                   "address of the coordinator's port for agents (required)")
        ->type_name("HOST:PORT");
    app.add_option(
           "--secret-file", options->secret_file,
           "file with the master secret, - for standard input; without any secret or key, no key is sent")
        ->type_name("FILE");
    app.add_option("--master,--secret", options->secret,
                   "the master secret itself; other users can see it in the process list")
        ->type_name("TEXT");
    app.add_option("--key-file", options->key_file, "file with an agent's key, as keygen prints it")
        ->type_name("FILE");
    app.add_option("--agent", options->agent, "agent id of this client (default: l4test-probe)")
        ->type_name("ID");
    add_count_option(app, "--catchup", options->catch_up,
                     "start this many heights before the newest (default: 10)");
    add_duration_option(app, "--duration", options->duration, "how long to watch the stream (default: 60s)");
    app.add_flag("--tls", options->tls, "use TLS, and check the certificate");
    add_json_option(app, options->json, "print JSON at the end, and nothing before");
    return [options](Io& io) { return run_l4test(*options, io); };
}

}  // namespace ioswarm::cli
