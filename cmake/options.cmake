# Compiler options. `sluice_options` holds what may change a result and so holds for every target;
# `sluice_warnings` holds the warnings, kept clean with g++ 12 and clang 14.
add_library(sluice_options INTERFACE)
# A product and a sum are rounded separately unless the IR says fma: all back ends must give the
# interpreter's bits, so no compiler may contract on its own.
target_compile_options(sluice_options INTERFACE -ffp-contract=off)
if(SLUICE_SANITIZE)
  # The library has no RTTI, by which the vptr check tells the objects that it makes from others.
  target_compile_options(
    sluice_options INTERFACE -fsanitize=${SLUICE_SANITIZE} -fno-sanitize=vptr
                             -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sluice_options INTERFACE -fsanitize=${SLUICE_SANITIZE})
endif()
if(SLUICE_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "SLUICE_FUZZ needs clang, whose libFuzzer the fuzz targets are linked with")
  endif()
  # What tells the fuzzer which branches an input reached.
  target_compile_options(sluice_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

add_library(sluice_warnings INTERFACE)
target_compile_options(
  sluice_warnings
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wsign-conversion
            $<$<COMPILE_LANGUAGE:CXX>:-Wold-style-cast>
            $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
            $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>
            -Wcast-qual
            -Wformat=2
            -Wundef
            $<$<BOOL:${SLUICE_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False where g++ has inlined the standard library: `"text" + std::string` overlaps nothing
  # (https://gcc.gnu.org/PR105651), and std::sort over part of an array does not leave it.
  target_compile_options(sluice_warnings INTERFACE -Wno-restrict -Wno-array-bounds)
endif()
if(SLUICE_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Instrumented library code looks uninitialised to g++ (its manual says so under -fsanitize).
  target_compile_options(sluice_warnings INTERFACE -Wno-maybe-uninitialized)
endif()
