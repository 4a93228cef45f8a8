# The libraries that a call can use, each as a target of headers alone, where it is found: threads of
# OpenMP and oneTBB, ranks of MPI. For this build and for the installed package.
#
# sluice_find_adaptor(openmp|tbb|mpi): makes sluice::NAME, sets sluice_NAME_FOUND in the caller's
# scope.
function(sluice_find_adaptor name)
  if(name STREQUAL "openmp")
    find_package(OpenMP QUIET COMPONENTS CXX)
    set(other OpenMP::OpenMP_CXX)
  elseif(name STREQUAL "tbb")
    find_package(TBB QUIET CONFIG)
    set(other TBB::tbb)
  else()
    find_package(MPI QUIET COMPONENTS CXX)
    set(other MPI::MPI_CXX)
  endif()
  set(sluice_${name}_FOUND FALSE PARENT_SCOPE)
  if(NOT TARGET ${other})
    return()
  endif()
  set(sluice_${name}_FOUND TRUE PARENT_SCOPE)
  if(NOT TARGET sluice::${name})
    add_library(sluice::${name} INTERFACE IMPORTED)
    target_link_libraries(sluice::${name} INTERFACE sluice::sluice ${other})
  endif()
endfunction()
