// SPDX-License-Identifier: Apache-2.0
#pragma once

// Converts any message of proto/codec/schema.hpp from and to JSON as Go reads and writes it. Only codec.cpp
// includes this file; it instantiates the templates.
//
// Some rules are not visible in the schema. Keys match without regard to ASCII case. If a key occurs twice, the
// last value counts and completely replaces the first one. null means the default value, but is refused as an
// element of a list.

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "core/base/base64.hpp"
#include "proto/codec/json_reader.hpp"
#include "proto/codec/json_writer.hpp"
#include "proto/codec/schema.hpp"

namespace ioswarm::proto {

/// Reads one message. Every function returns false after a fault, which it has set.
class JsonDecoder {
  public:
    JsonDecoder(BytesView text, Fault& fault) : in_(text, fault), fault_(fault), budget_(text.size()) {}

    template <Message M>
    [[nodiscard]] bool whole(M& message) {
        return read(message) && in_.expect_end();
    }

  private:
    template <Message M>
    bool read(M& message) {
        if (!in_.open('{')) return false;
        if (in_.take('}')) return in_.left_empty();
        std::size_t expected = 0;  // keys nearly always come in the schema's order
        for (bool closed = false; !closed;) {
            std::string_view key;
            if (!in_.read_key(key)) return false;
            const std::size_t found = find_field<M>(key, expected);
            if (found == kUnknown) {
                const std::string name = shown(key);
                if (!in_.skip_value()) return fault_.inside(name);
            } else {
                expected = found + 1;
                if (!read_field(message, found, Indices<M>{})) return false;
            }
            if (!in_.next_or_close('}', closed)) return false;
        }
        return true;
    }

    template <typename M>
    static constexpr std::size_t kFieldCount =
        std::tuple_size_v<std::remove_cvref_t<decltype(Schema<M>::kFields)>>;
    template <typename M>
    using Indices = std::make_index_sequence<kFieldCount<M>>;
    static constexpr std::size_t kUnknown = std::numeric_limits<std::size_t>::max();

    static bool same_folded(std::string_view a, std::string_view b) noexcept {
        if (a.size() != b.size()) return false;
        for (std::size_t i = 0; i < a.size(); ++i) {
            const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] - 'A' + 'a') : a[i];
            if (c != b[i]) return false;  // field names are lower-case
        }
        return true;
    }

    template <typename M>
    static std::size_t find_field(std::string_view key, std::size_t expected) noexcept {
        static constexpr auto kNames = std::apply(
            [](const auto&... specs) { return std::array<std::string_view, sizeof...(specs)>{specs.name...}; },
            Schema<M>::kFields);
        if (expected < kNames.size() && kNames[expected] == key) return expected;
        for (std::size_t i = 0; i < kNames.size(); ++i) {
            if (same_folded(key, kNames[i])) return i;
        }
        return kUnknown;
    }

    template <typename M, std::size_t... I>
    bool read_field(M& message, std::size_t index, std::index_sequence<I...>) {
        bool good = false;
        const auto one = [&](const auto& spec) {
            good = read_member(message.*spec.member, spec.max_count) || fault_.inside(spec.name);
            return true;
        };
        static_cast<void>(((I == index && one(std::get<I>(Schema<M>::kFields))) || ...));
        return good;
    }

    template <typename T>
    bool read_member(T& value, std::uint32_t max_count) {
        value = T{};
        if (in_.take_null()) return true;
        if constexpr (kIsOptional<T>) {
            return read(value.emplace());
        } else if constexpr (kIsList<T>) {
            return read_list(value, max_count);
        } else {
            return read(value);
        }
    }

    template <typename T>
    bool read_list(std::vector<T>& list, std::uint32_t max_count) {
        if (!in_.open('[')) return false;
        if (in_.take(']')) return in_.left_empty();
        for (bool closed = false; !closed;) {
            if (list.size() == max_count) return fault_.set(fmt::format("over {} elements", max_count));
            if (!budget_.take(sizeof(T))) return fault_.set(kOverBudget);
            if (in_.take_null()) {
                fault_.set("null where an element must be");
                return fault_.inside(list.size());
            }
            if (!read(list.emplace_back())) return fault_.inside(list.size() - 1);
            if (!in_.next_or_close(']', closed)) return false;
        }
        return true;
    }

    template <typename V>
    bool read(std::map<std::string, V>& map) {
        if (!in_.open('{')) return false;
        if (in_.take('}')) return in_.left_empty();
        for (bool closed = false; !closed;) {
            std::string_view key;
            if (!in_.read_key(key)) return false;
            constexpr std::size_t kNodeOverhead = 32;  // libstdc++'s red-black tree node
            if (!budget_.take(kNodeOverhead + sizeof(std::pair<const std::string, V>)))
                return fault_.set(kOverBudget);
            const auto entry = map.try_emplace(std::string(key)).first;
            if (!read_member(entry->second, kNoCountLimit)) return fault_.inside_key(entry->first);
            if (!in_.next_or_close('}', closed)) return false;
        }
        return true;
    }

    bool read(std::string& value) {
        std::string_view text;
        if (!in_.read_string(text)) return false;
        value = text;
        return true;
    }
    bool read(Bytes& value) { return in_.read_base64(value); }
    bool read(bool& value) { return in_.read_bool(value); }
    bool read(double& value) { return in_.read_double(value); }
    bool read(std::uint64_t& value) { return in_.read_uint(std::numeric_limits<std::uint64_t>::max(), value); }
    bool read(std::uint32_t& value) {
        std::uint64_t wide = 0;
        if (!in_.read_uint(std::numeric_limits<std::uint32_t>::max(), wide)) return false;
        value = static_cast<std::uint32_t>(wide);
        return true;
    }
    bool read(std::int32_t& value) {
        using Limits = std::numeric_limits<std::int32_t>;
        std::int64_t wide = 0;
        if (!in_.read_int(Limits::min(), Limits::max(), wide)) return false;
        value = static_cast<std::int32_t>(wide);
        return true;
    }
    bool read(TaskLevel& value) {
        std::uint64_t wide = 0;
        if (!in_.read_uint(kMaxTaskLevel, wide)) return false;
        value = static_cast<TaskLevel>(wide);
        return true;
    }

    JsonReader in_;
    Fault& fault_;
    Budget budget_;
};

/// Number of bytes of the JSON. It is exact if no string needs escapes and no double is written.
struct JsonSize {
    template <Message M>
    static std::size_t of(const M& message) {
        std::size_t size = 2;
        each_field<M>([&](const auto& spec) {
            const auto& value = message.*spec.member;
            if (spec.when_empty == WhenEmpty::leave_out && is_empty(value)) return;
            size += spec.name.size() + 4 + of(value);
        });
        return size;
    }
    template <typename T>
    static std::size_t of(const std::optional<T>& value) {
        return value ? of(*value) : 4;
    }
    template <typename T>
    requires kIsList<std::vector<T>>
    static std::size_t of(const std::vector<T>& list) {
        std::size_t size = list.empty() ? 4 : 1;
        for (const T& element : list)
            size += 1 + of(element);
        return size;
    }
    template <typename V>
    static std::size_t of(const std::map<std::string, V>& map) {
        std::size_t size = 2;
        for (const auto& [key, value] : map)
            size += key.size() + 4 + of(value);
        return size;
    }
    static std::size_t of(const std::string& value) { return value.size() + 2; }
    static std::size_t of(const Bytes& value) { return base64_size(value.size()) + (value.empty() ? 4 : 2); }
    static std::size_t of(bool) { return 5; }
    static std::size_t of(double) { return 25; }
    static std::size_t of(std::uint64_t value) { return json_integer_size(value); }
    static std::size_t of(std::uint32_t value) { return json_integer_size(value); }
    static std::size_t of(std::int32_t) { return 11; }
    static std::size_t of(TaskLevel) { return 1; }
};

/// Writes one message.
class JsonEncoder {
  public:
    explicit JsonEncoder(JsonWriter& out) : out_(out) {}

    template <Message M>
    void write(const M& message) {
        out_.put('{');
        bool first = true;
        each_field<M>([&](const auto& spec) {
            const auto& value = message.*spec.member;
            if (spec.when_empty == WhenEmpty::leave_out && is_empty(value)) return;
            out_.key(spec.name, std::exchange(first, false));
            write(value);
        });
        out_.put('}');
    }

  private:
    template <typename T>
    void write(const std::optional<T>& value) {
        if (value) {
            write(*value);
        } else {
            out_.put("null");
        }
    }
    template <typename T>
    requires kIsList<std::vector<T>>
    void write(const std::vector<T>& list) {
        if (list.empty()) return out_.put("null");
        char before = '[';
        for (const T& element : list) {
            out_.put(std::exchange(before, ','));
            write(element);
        }
        out_.put(']');
    }
    template <typename V>
    void write(const std::map<std::string, V>& map) {
        out_.put('{');
        bool first = true;
        for (const auto& [key, value] : map) {
            if (!std::exchange(first, false)) out_.put(',');
            out_.string(key);
            out_.put(':');
            write(value);
        }
        out_.put('}');
    }
    void write(const Bytes& value) {
        if (value.empty()) return out_.put("null");
        out_.bytes(value);
    }
    void write(const std::string& value) { out_.string(value); }
    void write(bool value) { out_.put(value ? "true" : "false"); }
    void write(double value) { out_.number(value); }
    void write(std::uint64_t value) { out_.integer(value); }
    void write(std::uint32_t value) { out_.integer(std::uint64_t{value}); }
    void write(std::int32_t value) { out_.integer(std::int64_t{value}); }
    void write(TaskLevel value) { out_.integer(static_cast<std::uint64_t>(value)); }

    JsonWriter& out_;
};

}  // namespace ioswarm::proto
