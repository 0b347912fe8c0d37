# What `cmake --install` puts into a prefix: the library, its headers, a CMake package, a pkg-config file and the license.
# The package and the .pc file find the prefix from their own place, so the installed tree can be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(SPIKESCAN_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/spikescan)

install(TARGETS spikescan
        EXPORT spikescanTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${PROJECT_SOURCE_DIR}/include/spikescan/spikescan.h
              ${PROJECT_SOURCE_DIR}/include/spikescan/spikescan.hpp
              ${PROJECT_SOURCE_DIR}/include/spikescan/tensor.hpp
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/spikescan)
# Highway, whose headers are compiled in, comes under the same license, which asks of a binary for its text alone.
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT spikescanTargets NAMESPACE spikescan:: DESTINATION ${SPIKESCAN_CMAKE_DIR})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/spikescanConfig.cmake.in
                              ${CMAKE_CURRENT_BINARY_DIR}/spikescanConfig.cmake
                              INSTALL_DESTINATION ${SPIKESCAN_CMAKE_DIR}
                              NO_SET_AND_CHECK_MACRO)
# The ABI may change with every 0.x, and not within one (CHANGELOG.md); so does the library's soname.
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/spikescanConfigVersion.cmake
                                 VERSION ${PROJECT_VERSION}
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/spikescanConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/spikescanConfigVersion.cmake
        DESTINATION ${SPIKESCAN_CMAKE_DIR})

# An absolute include or library folder stays absolute; a relative one is found from the .pc file's own folder.
set(SPIKESCAN_PC_DIR ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE ${SPIKESCAN_PC_DIR})
  set(SPIKESCAN_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
else()
  file(RELATIVE_PATH SPIKESCAN_PC_UP /prefix/${SPIKESCAN_PC_DIR} /prefix)
  string(REGEX REPLACE "/$" "" SPIKESCAN_PC_UP "${SPIKESCAN_PC_UP}")
  set(SPIKESCAN_PC_PREFIX "\${pcfiledir}/${SPIKESCAN_PC_UP}")
endif()
foreach(kind LIB INCLUDE)
  if(IS_ABSOLUTE ${CMAKE_INSTALL_${kind}DIR})
    set(SPIKESCAN_PC_${kind}DIR ${CMAKE_INSTALL_${kind}DIR})
  else()
    set(SPIKESCAN_PC_${kind}DIR "\${prefix}/${CMAKE_INSTALL_${kind}DIR}")
  endif()
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/spikescan.pc.in ${CMAKE_CURRENT_BINARY_DIR}/spikescan.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/spikescan.pc DESTINATION ${SPIKESCAN_PC_DIR})
