# The CMakeLists.txt of every folder uses these functions, so warnings and sanitizers are set in one place.

add_library(ioswarm_options INTERFACE)
target_include_directories(ioswarm_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(ioswarm_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
    -Woverloaded-virtual -Wnull-dereference -Werror
    -fstack-protector-strong -fno-omit-frame-pointer
    # At -O2 these warnings of GCC 12 are false positives in libstdc++ and Boost.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-null-dereference -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-maybe-uninitialized>
    # In a unity build GCC treats each source file as a header that others may include, and warns about its local types.
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-subobject-linkage>)
target_link_options(ioswarm_options INTERFACE -Wl,-z,relro,-z,now)
# With its default parameters g++ spends up to a sixth of the compile time on collecting garbage. With these it uses up
# to 1.8 GB for one unit instead of 1.4 GB.
target_compile_options(ioswarm_options INTERFACE
    "$<$<CXX_COMPILER_ID:GNU>:SHELL:--param ggc-min-expand=400 --param ggc-min-heapsize=1000000>")

if(IOSWARM_SANITIZE STREQUAL "address")
    # The vptr check opens a pipe to find out whether an address can be read. In a process without a free descriptor, as
    # in proto_abuse_connections_test, it then calls a good object bad and ends the process.
    add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
elseif(IOSWARM_SANITIZE STREQUAL "thread")
    add_compile_options(-fsanitize=thread)
    add_link_options(-fsanitize=thread)
elseif(NOT IOSWARM_SANITIZE STREQUAL "")
    message(FATAL_ERROR "IOSWARM_SANITIZE is '${IOSWARM_SANITIZE}': empty, address or thread")
endif()
if(IOSWARM_FUZZ)
    # Adds the coverage data that libFuzzer needs. Only the fuzz targets link the libFuzzer runtime (test/fuzz).
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(NOT IOSWARM_SANITIZE AND CMAKE_BUILD_TYPE MATCHES "Rel")
    add_compile_definitions(_FORTIFY_SOURCE=2)
endif()

# For code in which the program spends little time: g++ compiles it a quarter to a third faster at -Og than at -O2. It is
# still optimized under sanitizers, because long tests run it.
set(ioswarm_cold_options $<$<CONFIG:RelWithDebInfo>:-Og>)
# For code that no long test runs either: clang with sanitizers compiles it twice as fast at -O0.
set(ioswarm_command_options ${ioswarm_cold_options} $<$<BOOL:${IOSWARM_SANITIZE}>:-O0>)

# All presets except dev and fuzz compile several files of a target as one (CMAKE_UNITY_BUILD), which halves the time of
# a full build. So the local names of all files of a target must differ. dev compiles file by file, which is faster when
# only a few files change.

# ioswarm_library(name SOURCES a.cpp … [PUBLIC libs…] [PRIVATE libs…]): the target of one folder.
function(ioswarm_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC ioswarm_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# ioswarm_interface(name libs…): the target of a folder that has only headers.
function(ioswarm_interface name)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ioswarm_options ${ARGN})
endfunction()

# Test files take more than half of the time of a first build. (g++ compiles them no faster at -O0 than at -Og.)
set(ioswarm_test_options ${ioswarm_command_options})

# Builds all tests that run under TSan.
add_custom_target(thread_tests)

# ioswarm_test(name SOURCES … LIBS … [HIDDEN …] [IN program] [LABELS …] [TIMEOUT seconds] [COST seconds] [ARGS filter]
# [OPTIMIZED]): one test of ctest, which runs the Catch2 cases of its SOURCES in a process of its own, except for those
# that ARGS filters out. The sources in HIDDEN have only hidden cases, for ioswarm_test_entry. COST is the length of a
# long test in seconds: ctest starts it before the others, so that it does not run alone at the end. OPTIMIZED is for a
# test that runs so long under sanitizers that it is optimized there, like the code that it tests.
# Labels: thread (it starts threads, so it also runs under TSan), grpc, e2e.
#
# A unity build compiles all tests with the same IN as one program, because half of the time of a small test program is
# spent on the headers. Its name is then also a target, which builds that program. Without a unity build each test is a
# program, so that a developer can build one test alone.
function(ioswarm_test name)
    cmake_parse_arguments(ARG "OPTIMIZED" "IN;TIMEOUT;COST;ARGS" "SOURCES;HIDDEN;LIBS;LABELS" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 300)
    endif()
    set(program ${name})
    if(ARG_IN AND CMAKE_UNITY_BUILD)
        set(program ${ARG_IN})
        add_custom_target(${name} DEPENDS ${program})
    endif()
    if(NOT TARGET ${program})
        ioswarm_test_program(${program} ${ARG_OPTIMIZED})
    endif()
    get_target_property(optimized ${program} IOSWARM_OPTIMIZED)
    if(NOT optimized STREQUAL ARG_OPTIMIZED)
        message(FATAL_ERROR "${name}: all tests in ${program} must be OPTIMIZED, or none")
    endif()
    foreach(source IN LISTS ARG_SOURCES ARG_HIDDEN)
        cmake_path(ABSOLUTE_PATH source NORMALIZE)
        target_sources(${program} PRIVATE ${source})
        cmake_path(GET source FILENAME file)
        get_property(known GLOBAL PROPERTY IOSWARM_SOURCES_${program})
        if(file IN_LIST known)
            message(FATAL_ERROR "${name}: ${program} has another ${file}, and ctest chooses cases by the file's name")
        endif()
        set_property(GLOBAL APPEND PROPERTY IOSWARM_SOURCES_${program} ${file})
    endforeach()
    target_link_libraries(${program} PRIVATE ${ARG_LIBS})
    if("e2e" IN_LIST ARG_LABELS)
        target_compile_definitions(${program} PRIVATE
            IOSWARM_BINARY="${CMAKE_BINARY_DIR}/ioswarm" IOSWARM_SOURCE="${CMAKE_SOURCE_DIR}")
        add_dependencies(${program} ioswarm)
    endif()

    set(files ${ARG_SOURCES})
    list(FILTER files INCLUDE REGEX "_(test|e2e)\\.cpp$")
    list(TRANSFORM files REPLACE "^.*/" "")
    list(TRANSFORM files REPLACE "\\.cpp$" "")
    set_property(GLOBAL PROPERTY IOSWARM_PROGRAM_${name} ${program})
    set_property(GLOBAL PROPERTY IOSWARM_FILES_${name} ${files})
    ioswarm_test_entry(${name} ${name} "~[.]${ARG_ARGS}")
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
    if(ARG_COST)
        set_tests_properties(${name} PROPERTIES COST ${ARG_COST})
    endif()
    if("thread" IN_LIST ARG_LABELS)
        add_dependencies(thread_tests ${program})
    endif()
endfunction()

# An executable for the sources of one or more tests. `optimized` is TRUE or FALSE.
function(ioswarm_test_program name optimized)
    add_executable(${name})
    set_target_properties(${name} PROPERTIES IOSWARM_OPTIMIZED ${optimized})
    target_link_libraries(${name} PRIVATE ioswarm_test_main)
    # These paths are relative to the build folder, because the tests' main() changes to that folder. With absolute
    # paths two checkouts could not share the compiler's cache.
    set(source ${CMAKE_SOURCE_DIR})
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_BINARY_DIR})
    target_compile_definitions(${name} PRIVATE
        IOSWARM_DIST="${source}/cli/dist" IOSWARM_TEST_DATA="${source}/test/data")
    if(optimized)
        target_compile_options(${name} PRIVATE ${ioswarm_cold_options})
    else()
        target_compile_options(${name} PRIVATE ${ioswarm_test_options})
    endif()
endfunction()

# ioswarm_test_entry(name test filter [file]): one more test of ctest, which runs those Catch2 cases of the ioswarm_test
# `test` that match `filter`. Without `file` (its name without .cpp) these are cases of all its files. The test fails
# when one of the files has no such case.
function(ioswarm_test_entry name test filter)
    get_property(program GLOBAL PROPERTY IOSWARM_PROGRAM_${test})
    get_property(files GLOBAL PROPERTY IOSWARM_FILES_${test})
    if(ARGN)
        set(files ${ARGN})
    endif()
    # In Catch2's filters a comma means "or". They are joined in a string, because CMake does not split a list at a ';'
    # inside square brackets.
    set(cases "")
    foreach(file IN LISTS files)
        string(APPEND cases ",[#${file}]${filter}")
    endforeach()
    string(SUBSTRING "${cases}" 1 -1 cases)
    add_test(NAME ${name} COMMAND ${program} --filenames-as-tags --warn NoTests "${cases}")
endfunction()

# ioswarm_test_definitions(test NAME="value" …): preprocessor definitions for the program of the ioswarm_test `test`.
function(ioswarm_test_definitions test)
    get_property(program GLOBAL PROPERTY IOSWARM_PROGRAM_${test})
    target_compile_definitions(${program} PRIVATE ${ARGN})
endfunction()

# ioswarm_test_needs(test targets…): builds the targets with the ioswarm_test `test`, which starts or loads them.
function(ioswarm_test_needs test)
    get_property(program GLOBAL PROPERTY IOSWARM_PROGRAM_${test})
    add_dependencies(${program} ${ARGN})
endfunction()

# ioswarm_full_disk_test(name test file): one more test of ctest, which runs the hidden cases [full-disk] in this file of
# `test`. They mount a tmpfs (test/support/small_disk.hpp). Where that is not allowed, ctest shows the test as skipped.
function(ioswarm_full_disk_test name test file)
    ioswarm_test_entry(${name} ${test} "[full-disk]" ${file})
    get_test_property(${test} LABELS labels)
    set_tests_properties(${name} PROPERTIES
        LABELS "${labels}" TIMEOUT 600 SKIP_REGULAR_EXPRESSION "cannot mount a small tmpfs here")
endfunction()

# ioswarm_anvil_test(…): like ioswarm_test, for tests that start anvil, an Ethereum development chain
# (test/support/anvil.hpp). ctest first installs the npm packages into the build folder. These tests do not exist under
# sanitizers: the chain is not our code, and the client that talks to it has other tests.
function(ioswarm_anvil_test name)
    if(IOSWARM_SANITIZE)
        return()
    endif()
    ioswarm_test(${name} ${ARGN} LIBS ioswarm_anvil)
    set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED contract_packages)
    set_property(TEST ${name} APPEND PROPERTY LABELS anvil)
endfunction()
