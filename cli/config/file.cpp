// SPDX-License-Identifier: Apache-2.0
#include "cli/config/file.hpp"

// Variables are replaced in each value after parsing. iotex-core replaces them in the file's text before
// parsing. This program's order has three advantages. A secret with a '#', a quote or a colon stays intact.
// Comments may contain dollars. A variable that is used in another section need not be set.

#include <cerrno>
#include <set>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "cli/config/suggest.hpp"
#include "core/base/try.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::string_view kSection = "ioswarm";
// Maximum nesting. Real keys have two levels; a misplaced block may have one or two more, and each of its keys
// is still reported by name. The limit also stops an alias that contains itself.
constexpr int kMaxDepth = 4;
// Maximum number of keys. The program knows far fewer. The limit stops YAML aliases that expand to millions of
// keys.
constexpr std::size_t kMaxKeys = 1'000;
constexpr std::size_t kMaxProblems = 20;  // if a whole file is wrong, the first problems are enough

bool is_name_start(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}
bool is_name_character(char c) {
    return is_name_start(c) || (c >= '0' && c <= '9');
}

/// `inside` is "NAME" or "NAME:default".
Result<std::string> value_in_braces(std::string_view inside, const Environment& environment) {
    const std::size_t colon = inside.find(':');
    const std::string name(inside.substr(0, colon));
    if (auto value = environment(name)) return *std::move(value);
    if (colon == std::string_view::npos) {
        return fail(ErrorCode::config, "", "", fmt::format("${{{}}} is not set and has no default", name));
    }
    const std::string_view fallback = inside.substr(colon + 1);
    return std::string(fallback == "\"\"" || fallback == "''" ? std::string_view() : fallback);
}

class SectionReader {
  public:
    SectionReader(const std::string& file, const Environment& environment)
        : file_(file), environment_(environment) {}

    void read_document(const YAML::Node& document) {
        if (document.IsNull()) {
            no_section("the file is empty");
            return;
        }
        if (!document.IsMap()) {
            problem(document, "", "the file is not a map of keys");
            return;
        }
        bool seen = false;
        for (const auto& pair : document) {
            if (!pair.first.IsScalar() || pair.first.Scalar() != kSection) continue;
            if (seen) {
                problem(pair.first, std::string(kSection), "is given twice");
                return;
            }
            seen = true;
            if (pair.second.IsNull()) {
                problem(pair.first, std::string(kSection), "is empty, so this file sets no keys");
                continue;
            }
            if (!pair.second.IsMap()) {
                problem(pair.second, std::string(kSection), "is not a map of keys");
                continue;
            }
            read_map(pair.second, "", 0);
        }
        if (!seen) report_missing_section(document);
    }

    FileSection take() { return std::move(section_); }

  private:
    void no_section(std::string why, std::string hint = {}) {
        if (hint.empty()) hint = "put the keys under a line 'ioswarm:', indented by two spaces";
        section_.problems.push_back(Error{ErrorCode::config, "configuration", file_,
                                          fmt::format("section 'ioswarm:' is missing ({})", why),
                                          std::move(hint)});
    }

    /// Describes the top level of a file without our section: a misspelt section name, or keys outside the
    /// section.
    void report_missing_section(const YAML::Node& document) {
        constexpr std::size_t kMaxEdits = 3;  // edit distance up to which a name counts as misspelt
        constexpr std::string_view kSectionOnly[] = {kSection};
        constexpr std::size_t kMaxListedNames = 5;
        std::string names;
        std::size_t count = 0;
        for (const auto& pair : document) {
            if (!pair.first.IsScalar()) continue;
            const std::string& name = pair.first.Scalar();
            if (!nearest(name, kSectionOnly, kMaxEdits).empty()) {
                no_section(fmt::format("line {} has '{}:'", pair.first.Mark().line + 1, name),
                           "did you mean 'ioswarm:'?");
                return;
            }
            if (count++ < kMaxListedNames) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
        }
        if (count > kMaxListedNames) names += " and more";
        no_section(names.empty() ? "the file has no keys" : fmt::format("top-level keys are {}", names));
    }

    void read_map(const YAML::Node& map, const std::string& prefix, int depth) {
        if (depth >= kMaxDepth) {
            problem(map, prefix, "is nested too deeply");
            return;
        }
        for (const auto& pair : map) {
            if (section_.problems.size() >= kMaxProblems || names_.size() > kMaxKeys) return;
            if (!pair.first.IsScalar()) {
                problem(pair.first, prefix, "a key is not a single value");
                continue;
            }
            const std::string name = prefix.empty() ? pair.first.Scalar() : prefix + "." + pair.first.Scalar();
            if (!names_.insert(name).second) {
                problem(pair.first, name, "is given twice");
            } else if (names_.size() > kMaxKeys) {
                problem(pair.first, name, fmt::format("is more than the {} keys that are read", kMaxKeys));
            } else if (pair.second.IsMap()) {
                read_map(pair.second, name, depth + 1);
            } else if (pair.second.IsSequence()) {
                read_list(pair.first, pair.second, name);
            } else if (pair.second.IsScalar()) {
                read_scalar(pair.first, pair.second, name);
            }
        }
    }

    void read_list(const YAML::Node& key, const YAML::Node& list, const std::string& name) {
        if (list.size() == 0 || list.size() > kMaxListItems) {
            problem(key, name,
                    fmt::format("has {} list items; 1 to {} are allowed", list.size(), kMaxListItems));
            return;
        }
        std::string all;
        bool is_first = true;
        for (const auto& item : list) {
            if (!item.IsScalar()) {
                problem(key, name, "a list item is itself a list or a map");
                return;
            }
            Result<std::string> text = expand_variables(item.Scalar(), environment_);
            if (!text) {
                problem(item, name, text.error().why, text.error().hint);
                return;
            }
            if (!std::exchange(is_first, false)) all += ',';
            all += *text;
        }
        section_.entries.push_back(
            FileEntry{name, std::move(all), true, true, key.Mark().line + 1, key.Mark().column + 1});
    }

    void read_scalar(const YAML::Node& key, const YAML::Node& value, const std::string& name) {
        // yaml-cpp tags quoted and block scalars "!", and plain scalars "?".
        const bool quoted = value.Tag() != "?";
        Result<std::string> text = expand_variables(value.Scalar(), environment_);
        if (!text) {
            problem(value, name, text.error().why, text.error().hint);
            return;
        }
        if (!quoted && text->empty()) return;  // "${NAME:}" expanded to nothing; treat it like null
        section_.entries.push_back(
            FileEntry{name, *std::move(text), quoted, false, key.Mark().line + 1, key.Mark().column + 1});
    }

    void problem(const YAML::Node& node, const std::string& name, std::string why, std::string hint = {}) {
        const std::string key = name.empty() || name == kSection ? name : fmt::format("{}.{}", kSection, name);
        section_.problems.push_back(Error{ErrorCode::config, "configuration",
                                          fmt::format("{}:{}:{}{}{}", file_, node.Mark().line + 1,
                                                      node.Mark().column + 1, key.empty() ? "" : ": ", key),
                                          std::move(why), std::move(hint)});
    }

    const std::string& file_;
    const Environment& environment_;
    std::set<std::string> names_;
    FileSection section_;
};

}  // namespace

Result<std::string> read_config_file(const std::string& path) {
    constexpr std::string_view kWhat = "cannot read the configuration";
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(errno_error(errno, std::string(kWhat), path));
    std::string text(kMaxConfigBytes + 1, '\0');
    std::size_t size = 0;
    int failure = 0;
    while (size < text.size()) {
        const ssize_t got = read(fd, text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) failure = errno;
        if (got <= 0) break;
        size += static_cast<std::size_t>(got);
    }
    close(fd);
    if (failure != 0) return fail(errno_error(failure, std::string(kWhat), path));
    if (size > kMaxConfigBytes) {
        return fail(ErrorCode::config, std::string(kWhat), path,
                    fmt::format("larger than {} bytes", kMaxConfigBytes));
    }
    text.resize(size);
    return text;
}

FileSection parse_config_text(const std::string& text, const std::string& file,
                              const Environment& environment) {
    SectionReader reader(file, environment);
    try {
        reader.read_document(YAML::Load(text));
        return reader.take();
    } catch (const YAML::Exception& error) {
        FileSection broken;
        const std::string where =
            error.mark.is_null() ? file
                                 : fmt::format("{}:{}:{}", file, error.mark.line + 1, error.mark.column + 1);
        broken.problems.push_back(
            Error{ErrorCode::config, "configuration", where, fmt::format("not YAML: {}", error.msg), ""});
        return broken;
    }
}

Result<std::string> expand_variables(std::string_view text, const Environment& environment) {
    std::string out;
    while (!text.empty()) {
        const std::size_t dollar = text.find('$');
        out += text.substr(0, dollar);
        if (dollar == std::string_view::npos) break;
        text.remove_prefix(dollar + 1);
        if (text.starts_with('$')) {
            out += '$';
            text.remove_prefix(1);
        } else if (text.starts_with('{')) {
            const std::size_t end = text.find('}');
            if (end == std::string_view::npos) {
                return fail(ErrorCode::config, "", "", "'${' without its '}'", "write $$ for a dollar");
            }
            IOSWARM_TRY(const auto value, value_in_braces(text.substr(1, end - 1), environment));
            out += value;
            text.remove_prefix(end + 1);
        } else if (!text.empty() && is_name_start(text.front())) {
            std::size_t length = 1;
            while (length < text.size() && is_name_character(text[length]))
                ++length;
            const std::string name(text.substr(0, length));
            const auto value = environment(name);
            if (!value) {
                return fail(ErrorCode::config, "", "", fmt::format("${} is not set", name),
                            "write $$ for a dollar");
            }
            out += *value;
            text.remove_prefix(length);
        } else {
            out += '$';
        }
    }
    return out;
}

}  // namespace ioswarm::cli
