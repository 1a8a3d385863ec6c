// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "contracts/keystore.hpp"
#include "core/crypto/address.hpp"
#include "test/support/fake_chain.hpp"
#include "test/support/fake_claim_pool.hpp"
#include "test/support/scripted_http.hpp"
#include "test/support/temp_dir.hpp"

namespace ioswarm::test {

struct ToolRun {
    int code = -1;
    std::string out;
    std::string err;

    [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(out); }
};

/// Runs one command as the program's dispatcher does. With `interactive`, `input` counts as typed on a
/// terminal.
inline ToolRun run_tool(cli::Runner (*add)(CLI::App&), std::vector<std::string> arguments,
                        const std::string& input = {}, bool interactive = false) {
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    cli::Io io{in, out, err, false, interactive};
    CLI::App app;
    const cli::Runner run = add(app);
    try {
        std::reverse(arguments.begin(), arguments.end());
        app.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
        return {64, out.str(), error.what()};
    }
    const cli::ExitCode code = run(io);
    return {static_cast<int>(code), out.str(), err.str()};
}

/// Names a state directory for the commands that run while it lives, for their journals and locks of wallets.
class StateDirectory {
  public:
    explicit StateDirectory(const std::string& path) { ::setenv("XDG_STATE_HOME", path.c_str(), 1); }
    ~StateDirectory() { ::unsetenv("XDG_STATE_HOME"); }
    StateDirectory(const StateDirectory&) = delete;
    StateDirectory& operator=(const StateDirectory&) = delete;
};

/// A fake chain behind HTTP, a wallet with money, and a directory for journals.
struct ToolWorld {
    explicit ToolWorld(FakeChainRules rules = mining_rules())
        : chain(std::move(rules)), server([this](HttpConnection& peer, const std::string& body) {
              return peer.answer(chain.answer(body));
          }) {
        chain.fund(wallet(), U256(1'000'000'000'000'000'000) * 100);
    }

    static FakeChainRules mining_rules() {
        FakeChainRules rules;
        rules.mine_after_send = true;
        return rules;
    }

    [[nodiscard]] Address wallet() const { return key.address(); }
    /// Adds endpoint, chain id and key to `arguments`.
    [[nodiscard]] std::vector<std::string> with_chain(std::vector<std::string> arguments) const {
        for (const std::string& one : {std::string("--rpc"), server.url(), std::string("--chain-id"),
                                       std::string("4690"), std::string("--key-file"), key_file})
            arguments.push_back(one);
        return arguments;
    }

    TempDir dir;
    StateDirectory state{dir.path("state")};
    PrivateKey key = contracts::key_from_hex(std::string(64, '7')).value();
    std::string key_file = dir.write("key", std::string(64, '7') + "\n");
    FakeChain chain;
    ScriptedHttp server;
};

inline const U256 kOneCoin = U256(1'000'000'000'000'000'000);
inline const Address kPool{{0x42}};
inline const std::string kPoolText = "0x4200000000000000000000000000000000000000";

/// Puts a reward pool with this code and 50 IOTX on the chain.
inline std::shared_ptr<FakeClaimPool> pool_at(ToolWorld& w, const Address& at, Bytes code) {
    auto pool = std::make_shared<FakeClaimPool>(std::move(code), at);
    w.chain.put_contract(at, pool);
    w.chain.fund(at, 50 * kOneCoin);
    return pool;
}

}  // namespace ioswarm::test
