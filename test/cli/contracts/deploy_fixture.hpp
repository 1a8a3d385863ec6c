// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "contracts/abi.hpp"
#include "contracts/artifact.hpp"
#include "test/cli/contracts/contracts_fixture.hpp"

namespace ioswarm::test {

inline const std::string kCoordinator = "0x95E20FD5FDd9A8D9D174C7fAE7c3F9eC51BBbF36";
inline const std::string kCoordinatorIo = "io1jh3ql40amx5dn5t5claw0slea3gmh0ek8flwlp";

/// Lets deployments on the fake chain create the contract.
inline void deploys_the_pool(FakeChain& chain) {
    chain.on_create([](BytesView init) -> std::shared_ptr<FakeContract> {
        const BytesView wanted = reward_pool_creation_code();
        if (init.size() != wanted.size() + 32 || !std::equal(wanted.begin(), wanted.end(), init.begin()))
            return nullptr;
        auto pool = std::make_shared<FakeClaimPool>(to_bytes(reward_pool_code()));
        pool->coordinator = contracts::abi::Reader(init.last(32)).address().value();
        return pool;
    });
}

inline std::vector<std::string> deploy_args(const ToolWorld& w, std::vector<std::string> more = {}) {
    std::vector<std::string> out{"--coordinator", kCoordinator, "--yes", "--json"};
    out.insert(out.end(), more.begin(), more.end());
    return w.with_chain(out);
}

}  // namespace ioswarm::test
