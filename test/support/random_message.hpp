// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>

#include "proto/codec/schema.hpp"

namespace ioswarm::test {

/// Makes messages of any kind from a seed. Difficult values (0, the largest, empty, absent, needing escapes)
/// are frequent.
class RandomMessage {
  public:
    explicit RandomMessage(std::uint64_t seed) : random_(seed) {}

    template <proto::Message M>
    M make() {
        M message;
        proto::each_field<M>([&](const auto& spec) { fill(message.*spec.member); });
        return message;
    }

  private:
    std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
    bool one_in(std::uint64_t n) { return below(n) == 0; }

    template <proto::Message M>
    void fill(M& value) {
        value = make<M>();
    }
    template <typename T>
    void fill(std::optional<T>& value) {
        if (!one_in(3)) fill(value.emplace());
    }
    template <typename T>
    void fill(std::vector<T>& list) {
        list.resize(below(4));
        for (T& element : list)
            fill(element);
    }
    template <typename V>
    void fill(std::map<std::string, V>& map) {
        for (std::uint64_t left = below(4); left > 0; --left) {
            std::string key;
            fill(key);
            fill(map[key]);
        }
    }
    void fill(Bytes& value) {
        value.resize(one_in(4) ? 0 : below(100));
        for (auto& byte : value)
            byte = static_cast<std::uint8_t>(random_());
    }
    void fill(std::string& value) {
        static const std::string kPieces[] = {
            "a", "0x1f", "\"",     "\\",         "<b>&", "\n", std::string(1, '\0'),       "\x1f",
            "é", "東",   "\u2028", "\U0001f600", "\x7f", "/",  "plain text of some length"};
        value.clear();
        for (std::uint64_t left = one_in(4) ? 0 : below(6); left > 0; --left)
            value += kPieces[below(std::size(kPieces))];
    }
    void fill(bool& value) { value = one_in(2); }
    void fill(double& value) {
        value = one_in(4) ? 0 : std::ldexp(static_cast<double>(random_()), static_cast<int>(below(1800)) - 900);
        if (one_in(5)) value = -value;
    }
    void fill(TaskLevel& value) { value = static_cast<TaskLevel>(below(kMaxTaskLevel + 1)); }
    template <typename T>
    requires std::integral<T>
    void fill(T& value) {
        using Limits = std::numeric_limits<T>;
        switch (below(5)) {
            case 0:
                value = 0;
                break;
            case 1:
                value = Limits::max();
                break;
            case 2:
                value = Limits::min();
                break;
            case 3:
                value = static_cast<T>(below(300));
                break;
            default:
                value = static_cast<T>(random_());
        }
    }

    std::mt19937_64 random_;
};

}  // namespace ioswarm::test
