// SPDX-License-Identifier: Apache-2.0
#include "snapshot/store/reference_diff.hpp"

#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/base/text.hpp"
#include "core/base/try.hpp"
#include "core/diffs/diff_record.hpp"
#include "snapshot/gzip/gunzip.hpp"
#include "snapshot/store/state_database.hpp"

namespace ioswarm::snapshot {
namespace {

using nlohmann::json;

/// Base64 makes four bytes out of three. Names and punctuation are added to that.
constexpr std::size_t kMaxJsonBytes = 2 * kMaxDiffRecordBytes;

/// Accepts exactly the one valid form, event by event, so that hostile JSON never becomes a tree in memory.
class DiffHandler final : public nlohmann::json_sax<json> {
  public:
    bool null() override {
        // Go writes a nil slice as null.
        if (level_ == Level::diff && key_ == "Entries") return once(has_entries_);
        return bytes_value({});
    }
    bool boolean(bool) override { return refuse("a boolean where none belongs"); }
    bool number_integer(number_integer_t) override { return refuse("a negative number"); }
    bool number_unsigned(number_unsigned_t value) override {
        if (level_ == Level::diff && key_ == "Height") {
            diff_.height = value;
            return once(has_height_);
        }
        if (level_ == Level::entry && key_ == "Type") {
            if (value > 1) return refuse(fmt::format("a write type {}: neither put (0) nor delete (1)", value));
            entry_.write_type = static_cast<std::uint32_t>(value);
            return once(has_type_);
        }
        return refuse(fmt::format("a number in '{}'", escape_for_display(key_)));
    }
    bool number_float(number_float_t, const string_t&) override { return refuse("a fraction"); }
    bool string(string_t& value) override {
        if (level_ == Level::entry && key_ == "Namespace") {
            if (value.empty() || value.size() > kMaxNamespaceBytes)
                return refuse(fmt::format("a namespace of {} bytes", value.size()));
            entry_.ns = std::move(value);
            return once(has_namespace_);
        }
        auto bytes = from_base64(value);
        if (!bytes) return refuse(fmt::format("'{}' is no base64", escape_for_display(key_)));
        return bytes_value(*std::move(bytes));
    }
    bool binary(binary_t&) override { return refuse("binary"); }
    bool start_object(std::size_t) override {
        if (level_ == Level::top) {
            level_ = Level::diff;
            return true;
        }
        if (level_ != Level::entries) return refuse("an object where none belongs");
        level_ = Level::entry;
        entry_ = StateDiffEntry();
        has_type_ = has_namespace_ = has_key_ = has_value_ = false;
        return true;
    }
    bool key(string_t& name) override {
        key_ = std::move(name);
        return true;
    }
    bool end_object() override {
        if (level_ == Level::diff) {
            level_ = Level::end;
            return has_height_ && has_entries_ && has_digest_ ? true : refuse("a field of the diff is missing");
        }
        level_ = Level::entries;
        if (!has_type_ || !has_namespace_ || !has_key_ || !has_value_)
            return refuse("a field of an entry is missing");
        if (diff_.entries.size() == kMaxDiffEntries) return refuse("more entries than a diff may have");
        diff_.entries.push_back(std::move(entry_));
        return true;
    }
    bool start_array(std::size_t) override {
        if (level_ != Level::diff || key_ != "Entries") return refuse("a list where none belongs");
        level_ = Level::entries;
        return once(has_entries_);
    }
    bool end_array() override {
        level_ = Level::diff;
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
        return refuse(fmt::format("no JSON at byte {}", position));
    }

    [[nodiscard]] std::string& why() noexcept { return why_; }
    [[nodiscard]] StateDiff& diff() noexcept { return diff_; }

  private:
    enum class Level { top, diff, entries, entry, end };

    bool refuse(std::string why) {
        if (why_.empty()) why_ = std::move(why);
        return false;
    }
    bool once(bool& seen) {
        if (std::exchange(seen, true)) return refuse(fmt::format("'{}' comes twice", escape_for_display(key_)));
        return true;
    }
    bool bytes_value(Bytes bytes) {
        if (level_ == Level::diff && key_ == "DigestBytes") {
            diff_.digest = std::move(bytes);
            return once(has_digest_);
        }
        const bool is_key = key_ == "Key";
        if (level_ != Level::entry || (!is_key && key_ != "Value"))
            return refuse(fmt::format("an unexpected field '{}'", escape_for_display(key_.substr(0, 40))));
        if (bytes.size() > (is_key ? kMaxKeyBytes : kMaxValueBytes))
            return refuse(fmt::format("a {} of {} bytes", is_key ? "key" : "value", bytes.size()));
        (is_key ? entry_.key : entry_.value) = std::move(bytes);
        return once(is_key ? has_key_ : has_value_);
    }

    Level level_ = Level::top;
    std::string key_;
    std::string why_;
    StateDiff diff_;
    StateDiffEntry entry_;
    bool has_height_ = false, has_entries_ = false, has_digest_ = false;
    bool has_type_ = false, has_namespace_ = false, has_key_ = false, has_value_ = false;
};

tl::unexpected<Error> refuse(std::string why) {
    return fail(ErrorCode::bad_data, {}, {}, std::move(why));
}

}  // namespace

Result<StateDiff> parse_reference_diff(BytesView json_text) {
    if (json_text.size() > kMaxJsonBytes) return refuse("its JSON is larger than a diff may be");
    DiffHandler handler;
    const std::string_view text = as_text(json_text);
    if (!json::sax_parse(text.begin(), text.end(), &handler))
        return refuse(handler.why().empty() ? "it is no JSON" : "its JSON has " + handler.why());
    return std::move(handler.diff());
}

Result<StateDiff> read_reference_diff(BytesView value) {
    Bytes text;
    IOSWARM_DO(gunzip(value, kMaxJsonBytes, text));
    return parse_reference_diff(text);
}

}  // namespace ioswarm::snapshot
