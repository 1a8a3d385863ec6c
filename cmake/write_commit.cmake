# Writes FILE with the commit of SOURCE, if the content has changed. Without git, or in a source archive, the commit is empty.
set(commit "")
set(modified false)
find_program(git git)
if(git AND EXISTS "${SOURCE}/.git")
    execute_process(COMMAND ${git} -C ${SOURCE} rev-parse HEAD
        OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
    if(failed)
        set(commit "")
    else()
        execute_process(COMMAND ${git} -C ${SOURCE} diff-index --quiet HEAD -- ERROR_QUIET RESULT_VARIABLE changed)
        if(changed)
            set(modified true)
        endif()
    endif()
endif()
set(text "// Made by cmake/write_commit.cmake.
#include \"cli/version/build_info.hpp\"

namespace ioswarm::cli {
const CommitInfo kCommit{\"${commit}\", ${modified}};
}  // namespace ioswarm::cli
")
set(old "")
if(EXISTS "${FILE}")
    file(READ "${FILE}" old)
endif()
if(NOT old STREQUAL text)
    file(WRITE "${FILE}" "${text}")
endif()
