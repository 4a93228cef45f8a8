# SLUICE_LLVM becomes ON or OFF: whether the LLVM back end is built, which needs LLVM 19 as a shared
# library (Debian: llvm-19-dev).
if(NOT SLUICE_LLVM STREQUAL "OFF")
  find_package(LLVM 19.1 CONFIG QUIET HINTS /usr/lib/llvm-19)
  if(LLVM_FOUND AND TARGET LLVM)
    set(SLUICE_LLVM ON)
  elseif(SLUICE_LLVM STREQUAL "ON")
    message(FATAL_ERROR "SLUICE_LLVM=ON needs LLVM 19 as a shared library (Debian: llvm-19-dev)")
  else()
    set(SLUICE_LLVM OFF)
  endif()
endif()
message(STATUS "LLVM back end: ${SLUICE_LLVM}")
