# Writes a C++ source that holds the reward contract's code and ABI.
# cmake -D ARTIFACT=contracts/AgentRewardPool.json -D OUT=file.cpp -P embed_contract.cmake

file(READ ${ARTIFACT} artifact)

# bytes_of(variable key): sets `variable` to the hex string under `key`, written as the elements of a C++ array.
function(bytes_of variable key)
    string(JSON hex GET "${artifact}" ${key})
    if(NOT hex MATCHES "^0x([0-9a-f][0-9a-f])+$")
        message(FATAL_ERROR "${ARTIFACT}: ${key} is not bytecode in lower-case hex with 0x in front")
    endif()
    string(SUBSTRING "${hex}" 2 -1 hex)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "((0x..,)(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?(0x..,)?)" "\\1\n" bytes "${bytes}")
    set(${variable} "${bytes}" PARENT_SCOPE)
endfunction()

bytes_of(creation bytecode)
bytes_of(code deployedBytecode)
string(JSON abi GET "${artifact}" abi)

file(WRITE ${OUT} "// Made from contracts/AgentRewardPool.json by cmake/embed_contract.cmake.
#include \"contracts/artifact.hpp\"

#include <array>

namespace ioswarm::embedded {

extern const BytesView kRewardPoolCreationCode;
extern const BytesView kRewardPoolCode;
extern const std::string_view kRewardPoolAbi;

namespace {
constexpr std::uint8_t kCreationBytes[] = {
${creation}};
constexpr std::uint8_t kCodeBytes[] = {
${code}};
}  // namespace

const BytesView kRewardPoolCreationCode{kCreationBytes};
const BytesView kRewardPoolCode{kCodeBytes};
const std::string_view kRewardPoolAbi{R\"abi(${abi})abi\"};

}  // namespace ioswarm::embedded
")
