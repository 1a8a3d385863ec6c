// SPDX-License-Identifier: Apache-2.0
#include "cli/library_versions.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <google/protobuf/stubs/common.h>
#include <grpcpp/version_info.h>
#include <libdeflate.h>
#include <nghttp2/nghttp2.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <zlib.h>
#include <zstd.h>
#include <CLI/Version.hpp>
#include <boost/version.hpp>
#include <nlohmann/json.hpp>

namespace ioswarm::cli {
namespace {

/// The number alone, such as "3.0.11". (OPENSSL_VERSION would be "OpenSSL 3.0.11 19 Sep 2023".)
std::string openssl_version() {
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> library_versions() {
    return {
        {"boost",
         fmt::format("{}.{}.{}", BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)},
        {"cli11", CLI11_VERSION},
        {"curl", curl_version_info(CURLVERSION_NOW)->version},
        {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100)},
        {"grpc", GRPC_CPP_VERSION_STRING},
        {"libdeflate", LIBDEFLATE_VERSION_STRING},
        {"nghttp2", nghttp2_version(0)->version_str},
        {"nlohmann-json", fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                                      NLOHMANN_JSON_VERSION_PATCH)},
        {"openssl", openssl_version()},
        {"protobuf", fmt::format("{}.{}.{}", GOOGLE_PROTOBUF_VERSION / 1000000,
                                 GOOGLE_PROTOBUF_VERSION / 1000 % 1000, GOOGLE_PROTOBUF_VERSION % 1000)},
        {"sqlite", sqlite3_libversion()},
        {"zlib", zlibVersion()},
        {"zstd", ZSTD_versionString()},
    };
}

}  // namespace ioswarm::cli
