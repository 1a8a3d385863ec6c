# The few functions that every folder's CMakeLists uses, so that warnings and sanitizers are set in one place.

add_library(ioswarm_options INTERFACE)
target_include_directories(ioswarm_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(ioswarm_options INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
    -Woverloaded-virtual -Wnull-dereference -Werror
    -fstack-protector-strong -fno-omit-frame-pointer
    # Without these two GCC 12 reports false positives out of libstdc++ and Boost at -O2.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-null-dereference -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-maybe-uninitialized>)
target_link_options(ioswarm_options INTERFACE -Wl,-z,relro,-z,now)

if(IOSWARM_SANITIZE STREQUAL "address")
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
elseif(IOSWARM_SANITIZE STREQUAL "thread")
    add_compile_options(-fsanitize=thread)
    add_link_options(-fsanitize=thread)
elseif(NOT IOSWARM_SANITIZE STREQUAL "")
    message(FATAL_ERROR "IOSWARM_SANITIZE is '${IOSWARM_SANITIZE}': empty, address or thread")
endif()
if(IOSWARM_FUZZ)
    # What libFuzzer steers by; the runtime itself is linked into the fuzz targets alone (test/fuzz).
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(NOT IOSWARM_SANITIZE AND CMAKE_BUILD_TYPE MATCHES "Rel")
    add_compile_definitions(_FORTIFY_SOURCE=2)
endif()

# ioswarm_library(name SOURCES a.cpp … [PUBLIC libs…] [PRIVATE libs…]): one folder, one target.
function(ioswarm_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC ioswarm_options ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# ioswarm_interface(name libs…): a folder of headers only.
function(ioswarm_interface name)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ioswarm_options ${ARGN})
endfunction()

# ioswarm_test(name SOURCES … LIBS … [LABELS …] [TIMEOUT seconds]): one Catch2 binary, one ctest.
# Labels: thread (starts threads: run under TSan), grpc, e2e.
function(ioswarm_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE ioswarm_test_main ${ARG_LIBS})
    # Relative to the build folder, where the tests' main() goes: an absolute path would keep the compiler's cache of one
    # checkout from serving another.
    file(RELATIVE_PATH data ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR}/test/data)
    target_compile_definitions(${name} PRIVATE IOSWARM_TEST_DATA="${data}")
    if("e2e" IN_LIST ARG_LABELS)
        target_compile_definitions(${name} PRIVATE IOSWARM_BINARY="${CMAKE_BINARY_DIR}/ioswarm")
    endif()
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
