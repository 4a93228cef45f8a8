# What `cmake --install` puts where, and packages of it: libraries, public headers, the command, a
# CMake package (find_package(sluice COMPONENTS runtime)) and a pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
install(TARGETS ${sluice_libraries} EXPORT sluice_targets
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
foreach(folder IN LISTS public_include)
  install(DIRECTORY ${folder}/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
          FILES_MATCHING PATTERN *.h PATTERN *.hpp)
endforeach()
# Asked for by name, so that a package of the rest does not depend on LLVM:
# cmake --install BUILD --component llvm.
if(TARGET sluice_llvm)
  install(TARGETS sluice_llvm LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT llvm EXCLUDE_FROM_ALL)
endif()
if(TARGET sluice_command)
  install(TARGETS sluice_command EXPORT sluice_targets)
endif()
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT sluice_targets NAMESPACE sluice:: DESTINATION ${package_folder})
configure_package_config_file(cmake/config.cmake.in ${PROJECT_BINARY_DIR}/package/sluice-config.cmake
                              INSTALL_DESTINATION ${package_folder})
# Until 1.0 a minor version may change what there is.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/sluice-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES cmake/adaptors.cmake cmake/add_library.cmake ${PROJECT_BINARY_DIR}/package/sluice-config.cmake
              ${PROJECT_BINARY_DIR}/package/sluice-config-version.cmake
        DESTINATION ${package_folder})

# Paths are told from where the file lies, so that a tree may be moved.
file(RELATIVE_PATH to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/sluice.pc.in ${PROJECT_BINARY_DIR}/package/sluice.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/package/sluice.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(CPACK_GENERATOR TGZ DEB)
set(CPACK_PACKAGE_NAME sluice)
set(CPACK_PACKAGE_VENDOR Sluice)
set(CPACK_PACKAGE_CONTACT "The Sluice developers")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS libdlpack-dev)
include(CPack)
