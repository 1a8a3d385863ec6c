// SPDX-License-Identifier: Apache-2.0
#pragma once

// Converts any message of proto/codec/schema.hpp from and to protobuf. Only codec.cpp includes this file; it
// instantiates the templates.
//
// The rules are those of proto3. Unknown fields are skipped. If a scalar occurs twice, the last value counts.
// If a message occurs twice, the two are merged. If a map key occurs twice, the last entry counts. Four things
// that generated code accepts are refused here, because only a faulty sender produces them: a known field with
// another wire type, a number outside the range of its type, an unknown enum value, and a double that is not
// finite. storage_slots is a map of maps; protobuf has none, so it is a map of messages that contain one map
// (SlotMap in proto/ioswarm.proto).

#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "core/base/text.hpp"
#include "core/base/wire.hpp"
#include "proto/codec/fault.hpp"
#include "proto/codec/schema.hpp"

namespace ioswarm::proto {

/// Reads one message. Every function returns false after a fault, which it has set.
class ProtobufDecoder {
  public:
    ProtobufDecoder(std::size_t payload_size, Fault& fault) : fault_(fault), budget_(payload_size) {}

    /// The recursion always ends, because no message of the schema contains itself.
    template <Message M>
    [[nodiscard]] bool read_message(BytesView payload, M& message) {
        wire::Reader reader(payload);
        while (const auto field = reader.next()) {
            bool good = true;
            const auto one = [&](const auto& spec) {
                if (spec.number != field->number) return false;
                good = read_member(*field, message.*spec.member, spec.max_count) || fault_.inside(spec.name);
                return true;
            };
            std::apply([&](const auto&... specs) { static_cast<void>((one(specs) || ...)); },
                       Schema<M>::kFields);
            if (!good) return false;
        }
        return reader.ok() || fault_.set("malformed protobuf");
    }

  private:
    template <typename T>
    bool read_member(const wire::Field& field, T& value, std::uint32_t max_count) {
        if constexpr (kIsOptional<T>) {
            if (!value) value.emplace();
            return read(field, *value);
        } else if constexpr (kIsList<T>) {
            if (value.size() == max_count) return fault_.set(fmt::format("over {} elements", max_count));
            if (!budget_.take(sizeof(typename T::value_type))) return fault_.set(kOverBudget);
            return read(field, value.emplace_back()) || fault_.inside(value.size() - 1);
        } else {
            return read(field, value);
        }
    }

    bool expect(const wire::Field& field, wire::WireType type) {
        return field.type == type ||
               fault_.set(fmt::format("wire type {}, expected {}", static_cast<int>(field.type),
                                      static_cast<int>(type)));
    }

    template <Message M>
    bool read(const wire::Field& field, M& message) {
        return expect(field, wire::WireType::length_delimited) && read_message(field.bytes, message);
    }

    /// Reads one map entry: a message whose field 1 is the key and field 2 the value. Either may be missing.
    template <typename V>
    bool read(const wire::Field& field, std::map<std::string, V>& map) {
        if (!expect(field, wire::WireType::length_delimited)) return false;
        constexpr std::size_t kNodeOverhead = 32;  // libstdc++'s red-black tree node
        if (!budget_.take(kNodeOverhead + sizeof(std::pair<const std::string, V>)))
            return fault_.set(kOverBudget);
        std::string key;
        V value{};
        wire::Reader reader(field.bytes);
        while (const auto part = reader.next()) {
            if (part->number == 1 && !read(*part, key)) return false;
            if (part->number == 2 && !read_map_value(*part, value)) return fault_.inside_key(key);
        }
        if (!reader.ok()) return fault_.set("malformed protobuf");
        map.insert_or_assign(std::move(key), std::move(value));
        return true;
    }
    bool read_map_value(const wire::Field& field, Bytes& value) { return read(field, value); }
    bool read_map_value(const wire::Field& field, std::string& value) { return read(field, value); }
    /// Reads a SlotMap, whose field 1 is the inner map.
    bool read_map_value(const wire::Field& field, std::map<std::string, std::string>& value) {
        if (!expect(field, wire::WireType::length_delimited)) return false;
        wire::Reader reader(field.bytes);
        while (const auto part = reader.next()) {
            if (part->number == 1 && !read(*part, value)) return false;
        }
        return reader.ok() || fault_.set("malformed protobuf");
    }

    bool read(const wire::Field& field, std::string& value) {
        if (!expect(field, wire::WireType::length_delimited)) return false;
        const std::string_view text = as_text(field.bytes);
        if (!is_valid_utf8(text)) return fault_.set("not valid UTF-8");
        value = text;
        return true;
    }
    bool read(const wire::Field& field, Bytes& value) {
        if (!expect(field, wire::WireType::length_delimited)) return false;
        value.assign(field.bytes.begin(), field.bytes.end());
        return true;
    }
    bool read(const wire::Field& field, bool& value) {
        value = field.scalar != 0;
        return expect(field, wire::WireType::varint);
    }
    bool read(const wire::Field& field, double& value) {
        value = std::bit_cast<double>(field.scalar);
        if (!expect(field, wire::WireType::fixed64)) return false;
        return std::isfinite(value) || fault_.set("not a finite number");
    }
    bool read(const wire::Field& field, std::uint64_t& value) {
        value = field.scalar;
        return expect(field, wire::WireType::varint);
    }
    bool read(const wire::Field& field, std::uint32_t& value) {
        return read_up_to(field, std::numeric_limits<std::uint32_t>::max(), value);
    }
    bool read(const wire::Field& field, TaskLevel& value) { return read_up_to(field, kMaxTaskLevel, value); }
    bool read(const wire::Field& field, std::int32_t& value) {
        using Limits = std::numeric_limits<std::int32_t>;
        if (!expect(field, wire::WireType::varint)) return false;
        const auto wide =
            static_cast<std::int64_t>(field.scalar);  // negative numbers are sign-extended to 64 bits
        if (wide < Limits::min() || wide > Limits::max()) {
            return fault_.set(fmt::format("{} is outside {} to {}", wide, Limits::min(), Limits::max()));
        }
        value = static_cast<std::int32_t>(wide);
        return true;
    }
    template <typename T>
    bool read_up_to(const wire::Field& field, std::uint64_t max, T& value) {
        if (!expect(field, wire::WireType::varint)) return false;
        if (field.scalar > max) return fault_.set(fmt::format("{} is over {}", field.scalar, max));
        value = static_cast<T>(field.scalar);
        return true;
    }

    Fault& fault_;
    Budget budget_;
};

/// Encodes in two passes over the same tables: the first computes the size, the second writes. The size of a
/// nested message is computed again at each level; there are at most three levels.
class ProtobufEncoder {
  public:
    template <Message M>
    [[nodiscard]] static Bytes whole(const M& message) {
        Bytes out;
        out.reserve(size(message));
        wire::Writer writer(out);
        write(writer, message);
        return out;
    }

  private:
    static std::size_t varint_size(std::uint64_t value) noexcept {
        return static_cast<std::size_t>(std::bit_width(value | 1) + 6) / 7;
    }
    static std::size_t tag_size(std::uint32_t number) noexcept {
        return varint_size(std::uint64_t{number} << 3);
    }
    static std::size_t delimited(std::uint32_t number, std::size_t length) noexcept {
        return tag_size(number) + varint_size(length) + length;
    }

    template <Message M>
    static std::size_t size(const M& message) {
        std::size_t total = 0;
        each_field<M>([&](const auto& spec) { total += member_size(spec.number, message.*spec.member); });
        return total;
    }
    static std::size_t size(const std::map<std::string, std::string>& slots) { return member_size(1, slots); }
    static std::size_t size(const std::string& text) { return text.size(); }
    static std::size_t size(const Bytes& bytes) { return bytes.size(); }
    template <typename V>
    static std::size_t entry_size(const std::string& key, const V& value) {
        return delimited(1, key.size()) + delimited(2, size(value));
    }

    template <typename T>
    static std::size_t member_size(std::uint32_t number, const T& value) {
        std::size_t total = 0;
        if constexpr (kIsOptional<T>) {
            if (value) total = delimited(number, size(*value));
        } else if constexpr (kIsList<T>) {
            for (const auto& element : value)
                total += delimited(number, size(element));
        } else if constexpr (kIsMap<T>) {
            for (const auto& [key, entry] : value)
                total += delimited(number, entry_size(key, entry));
        } else if constexpr (std::same_as<T, double>) {
            if (std::bit_cast<std::uint64_t>(value) != 0) total = tag_size(number) + 8;
        } else if constexpr (std::same_as<T, std::string> || std::same_as<T, Bytes>) {
            if (!value.empty()) total = delimited(number, value.size());
        } else {
            if (scalar(value) != 0) total = tag_size(number) + varint_size(scalar(value));
        }
        return total;
    }

    static std::uint64_t scalar(std::int32_t value) noexcept {
        return static_cast<std::uint64_t>(std::int64_t{value});  // an int32 is written sign-extended
    }
    template <typename T>
    static std::uint64_t scalar(T value) noexcept {
        return static_cast<std::uint64_t>(value);
    }

    template <Message M>
    static void write(wire::Writer& out, const M& message) {
        each_field<M>([&](const auto& spec) { write_member(out, spec.number, message.*spec.member); });
    }
    static void write(wire::Writer& out, const std::map<std::string, std::string>& slots) {
        write_member(out, 1, slots);
    }
    static void write(wire::Writer& out, const std::string& text) { out.raw(as_bytes(text)); }
    static void write(wire::Writer& out, const Bytes& bytes) { out.raw(bytes); }

    template <typename V>
    static void write_delimited(wire::Writer& out, std::uint32_t number, const V& value) {
        out.open(number, size(value));
        write(out, value);
    }

    template <typename T>
    static void write_member(wire::Writer& out, std::uint32_t number, const T& value) {
        if constexpr (kIsOptional<T>) {
            if (value) write_delimited(out, number, *value);
        } else if constexpr (kIsList<T>) {
            for (const auto& element : value)
                write_delimited(out, number, element);
        } else if constexpr (kIsMap<T>) {
            for (const auto& [key, entry] : value) {
                out.open(number, entry_size(key, entry));
                write_delimited(out, 1, key);
                write_delimited(out, 2, entry);
            }
        } else if constexpr (std::same_as<T, double>) {
            out.put_double(number, value);
        } else if constexpr (std::same_as<T, std::string>) {
            out.put_text(number, value);
        } else if constexpr (std::same_as<T, Bytes>) {
            out.put_bytes(number, value);
        } else {
            out.put_uint(number, scalar(value));
        }
    }
};

}  // namespace ioswarm::proto
