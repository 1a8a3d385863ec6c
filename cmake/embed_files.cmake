# Writes a C++ source that holds files as byte arrays, each with the ETag under which it is served.
# cmake -D FILES="a/index.html;a/style.css" -D OUT=file.cpp -P embed_files.cmake

set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS FILES)
    file(READ ${file} hex HEX)
    file(SHA256 ${file} digest)
    string(SUBSTRING ${digest} 0 32 tag)
    cmake_path(GET file FILENAME name)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "((0x..,)(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?)" "\\1\n" bytes "${bytes}")
    string(APPEND arrays "constexpr unsigned char kFile${number}[] = {\n${bytes}};\n")
    string(APPEND rows "    {\"${name}\", R\"(\"${tag}\")\", kFile${number}},\n")
    math(EXPR number "${number} + 1")
endforeach()

file(WRITE ${OUT} "// Made by cmake/embed_files.cmake.
#include \"cli/page/embedded_file.hpp\"

namespace ioswarm::cli {
namespace {
${arrays}
constexpr EmbeddedFile kFiles[] = {
${rows}};
}  // namespace

std::span<const EmbeddedFile> embedded_files() noexcept {
    return kFiles;
}

}  // namespace ioswarm::cli
")
