// SPDX-License-Identifier: Apache-2.0
#include "cli/io.hpp"

#include <cstdlib>
#include <iostream>
#include <string_view>

#include <unistd.h>
#include <nlohmann/json.hpp>

#include "cli/log_style.hpp"
#include "core/base/text.hpp"

namespace ioswarm::cli {
namespace {

constexpr std::string_view kRed = "\033[1;31m";
constexpr std::string_view kYellow = "\033[1;33m";
constexpr std::string_view kReset = "\033[0m";

void print_name(Io& io, std::string_view colour) {
    if (io.colour) {
        io.err << colour << "ioswarm:" << kReset << ' ';
    } else {
        io.err << "ioswarm: ";
    }
}

}  // namespace

Io standard_io() {
    const bool colour =
        wants_colour("auto", ::isatty(STDERR_FILENO) == 1, std::getenv("NO_COLOR"), std::getenv("TERM"));
    return Io{std::cin, std::cout, std::cerr, colour, isatty(STDIN_FILENO) == 1};
}

void print_error(Io& io, const Error& error) {
    if (io.json_errors) {
        using Json = nlohmann::ordered_json;
        const Json document{
            {"error", {{"code", to_string(error.code)}, {"message", error.text()}, {"hint", error.hint}}}};
        // Text from outside may hold bytes that are no UTF-8: they are replaced.
        io.err << document.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
        return;
    }
    print_name(io, kRed);
    io.err << escape_for_display(error.text()) << '\n';
    if (!error.hint.empty()) io.err << "hint: " << escape_for_display(error.hint) << '\n';
}

ExitCode report_error(Io& io, const Error& error, Concerns concerns) {
    print_error(io, error);
    return exit_code_for(error.code, concerns);
}

void print_warning(Io& io, std::string_view text) {
    if (io.json_errors) {
        const nlohmann::ordered_json document{{"warning", {{"message", text}}}};
        io.err << document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
        return;
    }
    print_name(io, kYellow);
    io.err << "warning: " << escape_for_display(text) << '\n';
}

}  // namespace ioswarm::cli
