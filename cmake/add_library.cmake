# sluice_add_library(NAME SOURCES FILE... [FUNCTIONS NAME...] [PASSES PASS...] [DTYPES DTYPE...]
#                    [INPUTS NAME...] [TARGETS TARGET...] [PREFIX PREFIX] [NAMESPACE NAMESPACE] [BAKED])
#
# A library NAME of kernels made at build time, and its header <NAME.h>: neither needs Sluice where it
# runs. Made by `sluice compile`, whose options these are (docs/command.md), and again when a source or
# the command changes. TARGETS, of one architecture, left out: those there are for the processor that
# is built for. A source FILE.cpp is a program that prints definitions, as <sluice/expr.hpp> makes them
# of C++ expressions; the build runs it, elsewhere than it is made for by CMAKE_CROSSCOMPILING_EMULATOR.
# The command is the variable SLUICE_COMMAND where that is set, which a build for
# another machine needs, else the installation's own.
function(sluice_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "BAKED" "PREFIX;NAMESPACE"
                        "SOURCES;FUNCTIONS;PASSES;DTYPES;INPUTS;TARGETS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "sluice_add_library: what is '${arg_UNPARSED_ARGUMENTS}'?")
  endif()
  if(NOT arg_SOURCES AND NOT arg_FUNCTIONS)
    message(FATAL_ERROR "sluice_add_library: ${name} has neither SOURCES nor FUNCTIONS")
  endif()
  if(NOT arg_TARGETS)
    string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
    if(processor MATCHES "^(x86_64|amd64)$")
      set(arg_TARGETS x86-64-v3 x86-64-v4)
    elseif(processor MATCHES "^(aarch64|arm64)$")
      set(arg_TARGETS aarch64)
    elseif(processor STREQUAL "riscv64")
      set(arg_TARGETS riscv64+v)
    elseif(processor STREQUAL "ppc64le")
      set(arg_TARGETS ppc64le)
    elseif(processor STREQUAL "wasm32")
      set(arg_TARGETS wasm32+simd128)
    else()
      message(FATAL_ERROR "sluice_add_library: name TARGETS, for '${CMAKE_SYSTEM_PROCESSOR}' is unknown")
    endif()
  endif()
  if("nvptx64" IN_LIST arg_TARGETS)
    message(FATAL_ERROR "sluice_add_library: for nvptx64 there is PTX, and no library to link")
  endif()
  set(command ${SLUICE_COMMAND})
  if(NOT command)
    set(command sluice::command)
    if(NOT TARGET sluice::command)
      message(FATAL_ERROR "sluice_add_library: this Sluice has no command; set SLUICE_COMMAND to one")
    endif()
  endif()
  set(module)
  if(TARGET sluice_llvm)
    set(module sluice_llvm)  # in Sluice's own build
  endif()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name})
  set(header ${folder}/${name}.h)
  set(library ${folder}/lib${name}.a)
  set(sources)
  foreach(source IN LISTS arg_SOURCES)
    get_filename_component(source ${source} ABSOLUTE)
    if(source MATCHES "\\.(cpp|cc|cxx)$")
      get_filename_component(stem ${source} NAME_WE)
      sluice_definitions(${name}_${stem} ${source} ${folder}/${stem}.slu)
      set(source ${folder}/${stem}.slu)
    endif()
    list(APPEND sources ${source})
  endforeach()
  set(options)
  foreach(option FUNCTIONS PASSES DTYPES INPUTS TARGETS)
    if(arg_${option})
      string(TOLOWER --${option} flag)
      list(JOIN arg_${option} "," value)
      list(APPEND options ${flag} ${value})
    endif()
  endforeach()
  foreach(option PREFIX NAMESPACE)
    if(arg_${option})
      string(TOLOWER --${option} flag)
      list(APPEND options ${flag} ${arg_${option}})
    endif()
  endforeach()
  if(arg_BAKED)
    list(APPEND options --baked)
  endif()
  add_custom_command(
    OUTPUT ${header} ${library}
    COMMAND ${command} compile ${sources} -o ${folder}/${name} ${options}
    DEPENDS ${sources} ${command} ${module}
    COMMENT "Compiling ${name}"
    VERBATIM)
  add_custom_target(${name}_files DEPENDS ${header} ${library})
  add_library(${name} INTERFACE)
  add_dependencies(${name} ${name}_files)
  target_include_directories(${name} INTERFACE ${folder})
  target_link_libraries(${name} INTERFACE ${library})
endfunction()

# What a program prints, as a file. The header that it includes needs nothing of the library.
function(sluice_definitions program source file)
  add_executable(${program} ${source})
  target_compile_features(${program} PRIVATE cxx_std_20)
  target_include_directories(
    ${program} PRIVATE $<TARGET_PROPERTY:sluice::sluice,INTERFACE_INCLUDE_DIRECTORIES>)
  get_filename_component(folder ${file} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(
    OUTPUT ${file}
    COMMAND ${program} > ${file}
    DEPENDS ${program}
    COMMENT "Writing the definitions of ${program}"
    VERBATIM)
endfunction()
