// SPDX-License-Identifier: Apache-2.0
#pragma once

// Attacks on the agent port. Each attack runs for less than a second, from several connections at once, against
// a server in a separate process. Meanwhile a normal agent makes calls. All its calls must be answered, the
// process must survive, and its memory must return to the size before.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "test/support/grpc_client.hpp"
#include "test/support/h2_raw.hpp"
#include "test/support/server_process.hpp"

namespace ioswarm::test {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IOSWARM_TEST_SANITIZED
#endif
#endif
#ifdef IOSWARM_TEST_SANITIZED
inline constexpr bool kIsSanitized = true;
#else
inline constexpr bool kIsSanitized = false;
#endif

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
/// Well above the values that are measured (the test prints them). Without the server's limits, memory would
/// grow to gigabytes. A sanitizer keeps freed memory on purpose, so memory is not checked then.
inline constexpr std::uint64_t kMaxMemory = kIsSanitized ? ~std::uint64_t{0} : 512 * kMiB;
inline constexpr std::uint64_t kMemoryKept = kIsSanitized ? ~std::uint64_t{0} / 2 : 64 * kMiB;
inline constexpr std::chrono::seconds kMemoryBackWithin{20};
/// Every call of a normal agent must be answered within this time, on any machine.
inline constexpr std::chrono::seconds kAnsweredWithin{20};
/// The slowest answer must come within this time plus kTimesAsSlow times the slowest answer of a server that is
/// not attacked; see survive().
inline constexpr std::chrono::seconds kAnsweredSoon{10};
/// A busy machine makes both servers slow. So this many times the slowest answer of a server that is not
/// attacked is allowed in addition.
inline constexpr int kTimesAsSlow = 5;

/// Valid credentials for attackers, so that their calls are not refused because of the agent id.
[[nodiscard]] const Headers& good_credentials();
[[nodiscard]] Bytes heartbeat_message();
[[nodiscard]] Bytes headers_frame(std::uint32_t stream, const h2::Fields& fields,
                                  std::uint8_t flags = h2::kEndHeaders);
[[nodiscard]] Bytes repeated(const Bytes& piece, std::size_t times);

/// A normal agent, which calls again and again and must always be answered.
class NormalAgent {
  public:
    explicit NormalAgent(ServerProcess& server);
    bool is_answered();
    [[nodiscard]] std::chrono::milliseconds slowest() const { return slowest_; }
    [[nodiscard]] const std::string& failures() const { return failures_; }

  private:
    Headers headers_ = credentials_of("normal", kServerSecret);
    GrpcClient client_;
    std::chrono::milliseconds slowest_{0};
    std::string failures_;
};

/// Called repeatedly, with the server's port and the time that is left.
using Attack = std::function<void(std::uint16_t, std::chrono::milliseconds)>;

/// Runs `attack` on several threads while a normal agent makes calls. Afterwards the server process must be as
/// it was before. If other programs use the cores, answers may be slow, and the server may notice the attack
/// late and use more memory. So a second server, which is not attacked, shows how slow the machine is
/// meanwhile, and a failed attack is run again.
void survive(const std::string& name, const Attack& attack, const std::vector<std::string>& arguments = {});

/// Sends the same burst again and again on one connection.
[[nodiscard]] Attack flood_of(Bytes burst, bool takes_answers = true);

}  // namespace ioswarm::test
