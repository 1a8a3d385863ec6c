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

/// Base64 adds a third; field names and punctuation add about 60 bytes per entry. Only a diff that is at both
/// of its limits, in bytes and in entries, could need more.
constexpr std::size_t kMaxJsonBytes = 2 * kMaxDiffRecordBytes;

/// Accepts exactly the one valid form, event by event, so that hostile JSON never becomes a tree in memory.
class DiffHandler final : public nlohmann::json_sax<json> {
  public:
    bool null() override {
        // Go writes a nil slice as null.
        if (level_ == Level::diff && key_ == "Entries") return once(has_entries_);
        return bytes_value({});
    }
    bool boolean(bool) override { return refuse("a boolean is not allowed here"); }
    bool number_integer(number_integer_t) override { return refuse(field() + " is negative"); }
    bool number_unsigned(number_unsigned_t value) override {
        if (level_ == Level::diff && key_ == "Height") {
            diff_.height = value;
            return once(has_height_);
        }
        if (level_ == Level::entry && key_ == "Type") {
            if (value > 1) return refuse(fmt::format("'Type' is {}: neither put (0) nor delete (1)", value));
            entry_.write_type = static_cast<std::uint32_t>(value);
            return once(has_type_);
        }
        return refuse(field() + " is a number");
    }
    bool number_float(number_float_t, const string_t&) override { return refuse(field() + " is a fraction"); }
    bool string(string_t& value) override {
        if (level_ == Level::entry && key_ == "Namespace") {
            if (value.empty() || value.size() > kMaxNamespaceBytes)
                return refuse(fmt::format("'Namespace' has {} bytes; 1 to {} are allowed", value.size(),
                                          kMaxNamespaceBytes));
            entry_.ns = std::move(value);
            return once(has_namespace_);
        }
        auto bytes = from_base64(value);
        if (!bytes) return refuse(field() + " is not base64");
        return bytes_value(*std::move(bytes));
    }
    bool binary(binary_t&) override { return refuse("binary data is not allowed"); }
    bool start_object(std::size_t) override {
        if (level_ == Level::top) {
            level_ = Level::diff;
            return true;
        }
        if (level_ != Level::entries) return refuse("an object is not allowed here");
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
        if (diff_.entries.size() == kMaxDiffEntries)
            return refuse(fmt::format("there are more than {} entries", kMaxDiffEntries));
        diff_.entries.push_back(std::move(entry_));
        return true;
    }
    bool start_array(std::size_t) override {
        if (level_ != Level::diff || key_ != "Entries") return refuse("a list is not allowed here");
        level_ = Level::entries;
        return once(has_entries_);
    }
    bool end_array() override {
        level_ = Level::diff;
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
        return refuse(fmt::format("syntax error at byte {}", position));
    }

    [[nodiscard]] std::string& why() noexcept { return why_; }
    [[nodiscard]] StateDiff& diff() noexcept { return diff_; }

  private:
    enum class Level { top, diff, entries, entry, end };

    /// The current field for a message, quoted and cut.
    [[nodiscard]] std::string field() const {
        constexpr std::size_t kMaxNameBytes = 40;
        return fmt::format("'{}'", escape_for_display(key_.substr(0, kMaxNameBytes)));
    }
    bool refuse(std::string why) {
        if (why_.empty()) why_ = std::move(why);
        return false;
    }
    bool once(bool& seen) {
        if (std::exchange(seen, true)) return refuse(field() + " is given twice");
        return true;
    }
    bool bytes_value(Bytes bytes) {
        if (level_ == Level::diff && key_ == "DigestBytes") {
            diff_.digest = std::move(bytes);
            return once(has_digest_);
        }
        const bool is_key = key_ == "Key";
        if (level_ != Level::entry || (!is_key && key_ != "Value"))
            return refuse(fmt::format("field {} is not expected", field()));
        const std::size_t limit = is_key ? kMaxKeyBytes : kMaxValueBytes;
        if (bytes.size() > limit)
            return refuse(fmt::format("{} has {} bytes; at most {} are allowed", field(), bytes.size(), limit));
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
        return refuse(handler.why().empty() ? "it is not JSON" : "bad JSON: " + handler.why());
    return std::move(handler.diff());
}

Result<StateDiff> read_reference_diff(BytesView value) {
    Bytes text;
    IOSWARM_DO(gunzip(value, kMaxJsonBytes, text));
    return parse_reference_diff(text);
}

}  // namespace ioswarm::snapshot
