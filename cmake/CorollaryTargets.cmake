# One static library per folder of src/, warnings on one interface target, a unit test beside each source.

add_library(corollary_warnings INTERFACE)
target_compile_options(corollary_warnings INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow=compatible-local;-Wnon-virtual-dtor;-Woverloaded-virtual;-Wimplicit-fallthrough;-Werror>"
  "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra;-Werror=all-warnings>")
# gcc 12 sees overlap where strings are concatenated (its bug 105651).
target_compile_options(corollary_warnings INTERFACE "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-restrict>")

# corollary_library(NAME SOURCES a.cpp b.cpp LINKS corollary_base PRIVATE_LINKS zstd)
# Makes corollary_<NAME>; others include its headers as "<NAME>/header.h".
function(corollary_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(corollary_${name} STATIC ${arg_SOURCES})
  target_include_directories(corollary_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(corollary_${name} PUBLIC ${arg_LINKS} PRIVATE ${arg_PRIVATE_LINKS} corollary_warnings)
endfunction()

# corollary_test(NAME SOURCES a_test.cpp LINKS corollary_x [LABELS slow] [TIMEOUT 600]): one GoogleTest program, each of its tests known to ctest.
function(corollary_test name)
  if(NOT COROLLARY_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LINKS;LABELS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} GTest::gmock GTest::gtest_main corollary_warnings)
  target_compile_definitions(${name} PRIVATE COROLLARY_SOURCE_DIR="${PROJECT_SOURCE_DIR}" COROLLARY_BUILD_DIR="${PROJECT_BINARY_DIR}")
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  set(properties TIMEOUT 600)
  if(arg_TIMEOUT)
    set(properties TIMEOUT ${arg_TIMEOUT})
  endif()
  if(arg_LABELS)
    list(APPEND properties LABELS "${arg_LABELS}")
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 120 PROPERTIES ${properties})
endfunction()

# corollary_fuzzer(NAME SOURCES x_fuzz.cpp LINKS corollary_x): with clang (-DCOROLLARY_FUZZ=ON) a libFuzzer program; otherwise the same
# entry point driven by tests/fuzz_replay.cpp over generated mutations, run briefly by ctest.
option(COROLLARY_FUZZ "Build fuzz targets with libFuzzer (needs clang)" OFF)
function(corollary_fuzzer name)
  if(NOT COROLLARY_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  if(COROLLARY_FUZZ)
    add_executable(${name} ${arg_SOURCES})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${arg_SOURCES} ${PROJECT_SOURCE_DIR}/tests/fuzz_replay.cpp)
    add_test(NAME ${name} COMMAND ${name} --seconds 3)
    set_tests_properties(${name} PROPERTIES TIMEOUT 120 LABELS fuzz)
  endif()
  target_link_libraries(${name} PRIVATE ${arg_LINKS} corollary_warnings)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
endfunction()
