# The libraries whose threads a call can take, each as a target of headers alone, where it is found.
# For this build and for the installed package.
#
# sluice_find_adaptor(openmp|tbb): makes sluice::NAME, sets sluice_NAME_FOUND in the caller's scope.
function(sluice_find_adaptor name)
  if(name STREQUAL "openmp")
    find_package(OpenMP QUIET COMPONENTS CXX)
    set(threads OpenMP::OpenMP_CXX)
  else()
    find_package(TBB QUIET CONFIG)
    set(threads TBB::tbb)
  endif()
  set(sluice_${name}_FOUND FALSE PARENT_SCOPE)
  if(NOT TARGET ${threads})
    return()
  endif()
  set(sluice_${name}_FOUND TRUE PARENT_SCOPE)
  if(NOT TARGET sluice::${name})
    add_library(sluice::${name} INTERFACE IMPORTED)
    target_link_libraries(sluice::${name} INTERFACE sluice::sluice ${threads})
  endif()
endfunction()
