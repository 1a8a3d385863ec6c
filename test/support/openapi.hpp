// SPDX-License-Identifier: Apache-2.0
#pragma once

// Compares answers of the HTTP API with the OpenAPI file that is shipped.
#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

namespace ioswarm::test {

/// The OpenAPI file. It reads the parts of the schema language that the file uses.
class OpenApi {
  public:
    explicit OpenApi(const std::string& file) : document_(YAML::LoadFile(file)) {}

    [[nodiscard]] std::vector<std::string> paths() const {
        std::vector<std::string> out;
        for (const auto& path : document_["paths"])
            out.push_back(path.first.as<std::string>());
        return out;
    }
    /// Whether the path needs no key.
    [[nodiscard]] bool is_open(const std::string& path) const {
        const YAML::Node security = operation(path)["security"];
        return security.IsDefined() && security.size() == 0;
    }
    [[nodiscard]] bool is_changing(const std::string& path) const {
        return document_["paths"][path]["post"].IsDefined();
    }
    /// The paths whose answer with this status is a JSON document.
    [[nodiscard]] std::vector<std::string> json_paths(const std::string& status = "200") const {
        std::vector<std::string> out = paths();
        std::erase_if(out, [&](const std::string& path) { return !schema_of(path, status).IsDefined(); });
        return out;
    }
    /// What is wrong with an answer; empty when the file describes it.
    [[nodiscard]] std::vector<std::string> faults(const std::string& path, const std::string& status,
                                                  const nlohmann::json& answer) const {
        std::vector<std::string> out;
        const YAML::Node schema = schema_of(path, status);
        if (!schema.IsDefined()) return {path + " has no answer " + status};
        check(schema, answer, path, out);
        return out;
    }

  private:
    using Faults = std::vector<std::string>;
    using Json = nlohmann::json;

    [[nodiscard]] YAML::Node operation(const std::string& path) const {
        const YAML::Node methods = document_["paths"][path];
        return methods["get"].IsDefined() ? methods["get"] : methods["post"];
    }
    [[nodiscard]] YAML::Node schema_of(const std::string& path, const std::string& status) const {
        const YAML::Node response = resolved(operation(path)["responses"][status]);
        if (!response.IsDefined()) return YAML::Node(YAML::NodeType::Undefined);
        const YAML::Node json = response["content"]["application/json"];
        return json.IsDefined() ? json["schema"] : YAML::Node(YAML::NodeType::Undefined);
    }
    /// Follows "#/components/KIND/NAME".
    [[nodiscard]] YAML::Node resolved(const YAML::Node& node) const {
        if (!node.IsDefined() || !node.IsMap() || !node["$ref"].IsDefined()) return node;
        const std::string name = node["$ref"].as<std::string>();
        const std::size_t slash = name.rfind('/');
        const std::size_t before = name.rfind('/', slash - 1);
        return document_["components"][name.substr(before + 1, slash - before - 1)][name.substr(slash + 1)];
    }

    void check(const YAML::Node& written, const Json& value, const std::string& where, Faults& out) const {
        const YAML::Node schema = resolved(written);
        if (!schema.IsDefined()) {
            out.push_back(where + ": the file has no such schema");
            return;
        }
        if (value.is_null() && schema["nullable"].IsDefined()) return;
        if (schema["allOf"].IsDefined()) {
            for (const YAML::Node& part : schema["allOf"])
                check(part, value, where, out);
            return;
        }
        if (schema["anyOf"].IsDefined()) {
            for (const YAML::Node& part : schema["anyOf"]) {
                Faults faults;
                check(part, value, where, faults);
                if (faults.empty()) return;
            }
            out.push_back(where + ": none of the possible schemas fits");
            return;
        }
        const std::string type = schema["type"].as<std::string>();
        if (!has_type(value, type)) {
            out.push_back(where + ": is no " + type + " but " + value.dump());
        } else if (type == "object") {
            check_object(schema, value, where, out);
        } else if (type == "array") {
            for (std::size_t i = 0; i < value.size(); ++i)
                check(schema["items"], value[i], where + "[" + std::to_string(i) + "]", out);
        } else if (type == "string") {
            check_text(schema, value.get<std::string>(), where, out);
        }
    }
    void check_object(const YAML::Node& schema, const Json& value, const std::string& where,
                      Faults& out) const {
        for (const YAML::Node& name : schema["required"]) {
            if (!value.contains(name.as<std::string>()))
                out.push_back(where + " lacks " + name.as<std::string>());
        }
        const YAML::Node others = schema["additionalProperties"];
        const YAML::Node properties = schema["properties"];
        for (const auto& [name, field] : value.items()) {
            if (properties.IsDefined() && properties[name].IsDefined()) {
                check(properties[name], field, where + "." + name, out);
            } else if (others.IsDefined() && others.IsMap()) {
                check(others, field, where + "." + name, out);
            } else {
                out.push_back(where + "." + name + " is not described");
            }
        }
    }
    static void check_text(const YAML::Node& schema, const std::string& text, const std::string& where,
                           Faults& out) {
        if (schema["pattern"].IsDefined() &&
            !std::regex_search(text, std::regex(schema["pattern"].as<std::string>())))
            out.push_back(where + ": '" + text + "' has not the form that is described");
        const YAML::Node words = schema["enum"];
        if (words.IsDefined() && std::none_of(words.begin(), words.end(), [&](const YAML::Node& word) {
                return word.as<std::string>() == text;
            }))
            out.push_back(where + ": '" + text + "' is not described");
    }
    static bool has_type(const Json& value, const std::string& type) {
        if (type == "object") return value.is_object();
        if (type == "array") return value.is_array();
        if (type == "string") return value.is_string();
        if (type == "boolean") return value.is_boolean();
        if (type == "integer") return value.is_number_integer();
        return type == "number" && value.is_number();
    }

    const YAML::Node document_;
};

}  // namespace ioswarm::test
