// SPDX-License-Identifier: Apache-2.0
#pragma once

// Attacks on the agent port. Each runs for less than a second from several connections at once against a
// server process of its own, while a normal agent asks on: all its calls are answered, the process lives, and
// its memory comes back.

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
/// Generous against what is measured (see the printed lines); without the bounds it is gigabytes. A sanitizer
/// keeps freed memory on purpose, so there memory is not judged.
inline constexpr std::uint64_t kMostMemory = kIsSanitized ? ~std::uint64_t{0} : 512 * kMiB;
inline constexpr std::uint64_t kMemoryKept = kIsSanitized ? ~std::uint64_t{0} / 2 : 64 * kMiB;
inline constexpr std::chrono::seconds kMemoryBackWithin{20};
/// Every call of a normal agent is answered within this, on whatever machine; …
inline constexpr std::chrono::seconds kAnsweredWithin{20};
/// … and within this, beside what a server that is not attacked needs at the same time: see survive().
inline constexpr std::chrono::seconds kAnsweredSoon{10};
/// So many of the slowest answers of a server that is not attacked: a machine that is busy makes both slow.
inline constexpr int kTimesAsSlow = 5;

/// Credentials that attackers use: what they do is not refused for its name.
[[nodiscard]] const Headers& good_credentials();
[[nodiscard]] Bytes heartbeat_message();
[[nodiscard]] Bytes headers_frame(std::uint32_t stream, const h2::Fields& fields,
                                  std::uint8_t flags = h2::kEndHeaders);
[[nodiscard]] Bytes repeated(const Bytes& piece, std::size_t times);

/// A normal agent that asks all the time and must always be answered.
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

/// Called again and again with the server's port and the time that is left.
using Attack = std::function<void(std::uint16_t, std::chrono::milliseconds)>;

/// Runs `attack` from several threads and asks as a normal agent meanwhile; then the process must be as good as
/// new. Where others take the cores, an answer may come late and the server see the attack late (its memory).
/// So another server, which is not attacked, tells how slow the machine is meanwhile, and the attack is run
/// again.
void survive(const std::string& name, const Attack& attack, const std::vector<std::string>& arguments = {});

/// The same burst again and again on one connection.
[[nodiscard]] Attack flood_of(Bytes burst, bool takes_answers = true);

}  // namespace ioswarm::test
