# The library. Sources come from globs over the layers, so that a new file needs no entry here.
#
#   sluice_objects   all layers but the x64 back end: no RTTI, and exceptions for std::bad_alloc alone
#   sluice_x64       the x64 back end, on x86-64 only; xbyak throws, so exceptions are on inside
#   sluice           both, as the static library that embedders link: the public headers alone
#   sluice_shared    both, as a shared library of the C interface
#   sluice_internal  both, with the repository root to include from: for tools, tests, benchmarks
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
  set(SLUICE_X86_64 ON)
else()
  set(SLUICE_X86_64 OFF)
endif()

set(interpreter_folder ${PROJECT_SOURCE_DIR}/compiler/backend/interpreter)
set(x64_folder ${PROJECT_SOURCE_DIR}/compiler/backend/x64)
set(llvm_folder ${PROJECT_SOURCE_DIR}/compiler/backend/llvm)
file(GLOB_RECURSE sluice_sources CONFIGURE_DEPENDS
     ${PROJECT_SOURCE_DIR}/support/*.cpp ${PROJECT_SOURCE_DIR}/dsl/*.cpp
     ${PROJECT_SOURCE_DIR}/compiler/*.cpp ${PROJECT_SOURCE_DIR}/runtime/*.cpp)
file(GLOB_RECURSE x64_sources CONFIGURE_DEPENDS ${x64_folder}/*.cpp)
file(GLOB_RECURSE llvm_sources CONFIGURE_DEPENDS ${llvm_folder}/*.cpp)
file(GLOB interpreter_kernels CONFIGURE_DEPENDS ${interpreter_folder}/kernels*.cpp)
file(GLOB interpreter_v3 CONFIGURE_DEPENDS ${interpreter_folder}/*_v3.cpp)
file(GLOB interpreter_v4 CONFIGURE_DEPENDS ${interpreter_folder}/*_v4.cpp)
list(REMOVE_ITEM sluice_sources ${x64_sources} ${llvm_sources})
if(NOT SLUICE_X86_64)
  set(x64_sources)
  list(REMOVE_ITEM sluice_sources ${interpreter_v3} ${interpreter_v4})
endif()

# The interpreter's loops over blocks of lanes are meant for the vectoriser. Neither option changes
# a value: they only give up errno and the exact set of exception flags, which Sluice never
# promises, and without them a compare-and-select loop stays scalar.
set_source_files_properties(${interpreter_kernels} PROPERTIES COMPILE_OPTIONS
                            "-O3;-fno-math-errno;-fno-trapping-math")
# One file an instruction set, chosen at run time by CPUID. Such a file keeps everything it defines
# in an unnamed namespace or behind its own names: an inline function shared with other files could
# be linked from here and would then run on processors without these instructions.
set_property(SOURCE ${interpreter_v3} APPEND PROPERTY COMPILE_OPTIONS -march=x86-64-v3)
set_property(SOURCE ${interpreter_v4} APPEND PROPERTY COMPILE_OPTIONS -march=x86-64-v4
                                                      -mprefer-vector-width=512)

set(have_x64 0)
if(x64_sources)
  set(have_x64 1)
endif()

include(${CMAKE_CURRENT_LIST_DIR}/embed.cmake)
sluice_embed_library(library_sources_cpp)

set(generated_include ${PROJECT_BINARY_DIR}/include)
configure_file(${CMAKE_CURRENT_LIST_DIR}/version.h.in ${generated_include}/sluice/version.h @ONLY)
set(public_include ${PROJECT_SOURCE_DIR}/support/include ${PROJECT_SOURCE_DIR}/runtime/include
                   ${generated_include})

# Whether the compiler's unwinder takes .eh_frame sections at run time, as libgcc's does. That of LLVM
# has functions of these names that do nothing, and one of its own by which it is known.
include(CheckCXXSourceCompiles)
check_cxx_source_compiles(
  "extern \"C\" { void __register_frame_info(const void*, void*); void* __deregister_frame_info(const void*); }
   int main() { __register_frame_info(0, 0); return __deregister_frame_info(0) != 0; }"
  SLUICE_HAS_REGISTER_FRAME)
check_cxx_source_compiles(
  "extern \"C\" void __unw_add_dynamic_fde(unsigned long);
   int main() { __unw_add_dynamic_fde(0); }"
  SLUICE_HAS_LLVM_UNWIND)
set(have_register_frame 0)
if(SLUICE_HAS_REGISTER_FRAME AND NOT SLUICE_HAS_LLVM_UNWIND)
  set(have_register_frame 1)
endif()

find_package(Threads REQUIRED)
find_path(SLUICE_DLPACK_INCLUDE dlpack/dlpack.h REQUIRED
          DOC "Folder that holds dlpack/dlpack.h (Debian: libdlpack-dev)")
find_path(SLUICE_XXHASH_INCLUDE xxhash.h REQUIRED
          DOC "Folder that holds xxhash.h (Debian: libxxhash-dev)")

# All that a kernel's code depends on.
file(GLOB_RECURSE digested CONFIGURE_DEPENDS
     ${PROJECT_SOURCE_DIR}/support/*.?pp ${PROJECT_SOURCE_DIR}/dsl/*.?pp
     ${PROJECT_SOURCE_DIR}/dsl/*.def ${PROJECT_SOURCE_DIR}/compiler/*.?pp
     ${PROJECT_SOURCE_DIR}/compiler/*.def ${PROJECT_SOURCE_DIR}/compiler/*.inc
     ${PROJECT_SOURCE_DIR}/runtime/*.?pp)
if(x64_sources)
  find_path(SLUICE_XBYAK_INCLUDE xbyak/xbyak.h REQUIRED
            DOC "Folder that holds xbyak/xbyak.h (Debian: libxbyak-dev)")
  list(APPEND digested ${SLUICE_XBYAK_INCLUDE}/xbyak/xbyak.h)
endif()
sluice_digest_sources(build_digest_cpp ${digested})

function(sluice_add_objects name)
  add_library(${name} OBJECT ${ARGN})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${public_include})
  target_link_libraries(${name} PRIVATE sluice_options sluice_warnings Threads::Threads)
  # The library is branches, calls and texts, of which more than -O2 makes a third more code and none
  # that is faster; loops over numbers have their own options.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O2>)
  # What the shared library does not show or use is left out of it.
  target_compile_options(${name} PRIVATE -ffunction-sections -fdata-sections)
  # 1 where the x64 back end is part of the library, else 0; likewise.
  target_compile_definitions(${name} PRIVATE SLUICE_HAVE_X64=${have_x64}
                                             SLUICE_HAVE_REGISTER_FRAME=${have_register_frame})
  set_target_properties(
    ${name} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
                       POSITION_INDEPENDENT_CODE ON)
endfunction()

sluice_add_objects(sluice_objects ${sluice_sources} ${library_sources_cpp} ${build_digest_cpp})
target_compile_options(sluice_objects PRIVATE -fno-rtti)
target_include_directories(sluice_objects SYSTEM PRIVATE ${SLUICE_DLPACK_INCLUDE}
                                                         ${SLUICE_XXHASH_INCLUDE})
# Sums of any number of lanes: loops that -O2 makes no vectors of.
set_property(
  SOURCE ${PROJECT_SOURCE_DIR}/runtime/sum_rows.cpp
         ${PROJECT_SOURCE_DIR}/compiler/backend/composed/fold.cpp
  APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Release>:-O3>)
set(all_objects $<TARGET_OBJECTS:sluice_objects>)

if(x64_sources)
  sluice_add_objects(sluice_x64 ${x64_sources})
  target_include_directories(sluice_x64 SYSTEM PRIVATE ${SLUICE_XBYAK_INCLUDE})
  list(APPEND all_objects $<TARGET_OBJECTS:sluice_x64>)
endif()

# The static library has the C++ interface and the C one. The shared library shows the C interface
# alone, whose symbols stay from version to version; tests/c_api/abi.txt lists them.
add_library(sluice STATIC ${all_objects})
set_target_properties(sluice PROPERTIES LINKER_LANGUAGE CXX)
target_compile_features(sluice INTERFACE cxx_std_20)
set(sluice_libraries sluice)
if(SLUICE_BUILD_SHARED)
  add_library(sluice_shared SHARED ${all_objects})
  set(exports ${CMAKE_CURRENT_LIST_DIR}/exports.map)
  set_target_properties(
    sluice_shared PROPERTIES LINKER_LANGUAGE CXX OUTPUT_NAME sluice EXPORT_NAME shared
                             VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                             LINK_DEPENDS ${exports})
  target_link_options(sluice_shared PRIVATE LINKER:--version-script=${exports} LINKER:--gc-sections)
  add_library(sluice::shared ALIAS sluice_shared)
  list(APPEND sluice_libraries sluice_shared)
endif()
add_library(sluice::sluice ALIAS sluice)
foreach(library IN LISTS sluice_libraries)
  foreach(folder IN LISTS public_include)
    target_include_directories(${library} INTERFACE $<BUILD_INTERFACE:${folder}>)
  endforeach()
  target_link_libraries(${library} PRIVATE $<BUILD_INTERFACE:sluice_options> Threads::Threads)
endforeach()

# Programs of this repository may look inside.
add_library(sluice_internal INTERFACE)
target_include_directories(sluice_internal INTERFACE ${PROJECT_SOURCE_DIR} ${public_include})
target_compile_definitions(sluice_internal INTERFACE SLUICE_HAVE_X64=${have_x64})
target_link_libraries(sluice_internal INTERFACE sluice sluice_options sluice_warnings
                                                Threads::Threads)

# The LLVM back end, a module of its own that the runtime loads when it is asked to: the library
# itself neither includes nor links LLVM.
if(SLUICE_LLVM)
  add_library(sluice_llvm MODULE ${llvm_sources})
  target_include_directories(sluice_llvm SYSTEM PRIVATE ${LLVM_INCLUDE_DIRS})
  target_link_libraries(sluice_llvm PRIVATE sluice_internal LLVM)
  target_compile_options(sluice_llvm PRIVATE -fno-rtti)
  target_link_options(sluice_llvm PRIVATE LINKER:--version-script=${CMAKE_CURRENT_LIST_DIR}/llvm_exports.map)
  set_target_properties(sluice_llvm PROPERTIES CXX_VISIBILITY_PRESET hidden
                                               VISIBILITY_INLINES_HIDDEN ON)
endif()
