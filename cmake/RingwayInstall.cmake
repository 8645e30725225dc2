# SPDX-License-Identifier: Apache-2.0
# Installs the headers, the CMake package and the pkg-config file. Nothing here is compiled, so the
# package serves every architecture. tools/ringway installs the command line, if it was built.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(ringway_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/ringway)

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/ringwayConfig.cmake.in ${PROJECT_BINARY_DIR}/ringwayConfig.cmake
  INSTALL_DESTINATION ${ringway_package_dir}
  PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ringwayConfigVersion.cmake
  COMPATIBILITY SameMinorVersion
  ARCH_INDEPENDENT)

# pkg-config knows no options at use, so the file requires what this build was configured with.
set(ringway_pc_requires "")
if(RINGWAY_WITH_ABSEIL)
  list(TRANSFORM RINGWAY_ABSEIL_PARTS PREPEND absl_ OUTPUT_VARIABLE ringway_pc_requires)
  list(JOIN ringway_pc_requires " " ringway_pc_requires)
endif()
set(ringway_pc_cflags "-pthread")
if(RINGWAY_WITH_MOODYCAMEL AND concurrentqueue_INCLUDE_DIR)
  if(NOT concurrentqueue_INCLUDE_DIR IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
    string(APPEND ringway_pc_cflags " -I${concurrentqueue_INCLUDE_DIR}")
  endif()
endif()
# The prefix is relative to the file, so that `cmake --install --prefix` and moving both work.
file(RELATIVE_PATH ringway_pc_prefix
  /${CMAKE_INSTALL_DATADIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" ringway_pc_prefix "${ringway_pc_prefix}")
configure_file(${PROJECT_SOURCE_DIR}/cmake/ringway.pc.in ${PROJECT_BINARY_DIR}/ringway.pc @ONLY)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ringway
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.hpp")
install(FILES
  ${PROJECT_BINARY_DIR}/ringwayConfig.cmake
  ${PROJECT_BINARY_DIR}/ringwayConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/RingwayTarget.cmake
  ${PROJECT_SOURCE_DIR}/cmake/Findconcurrentqueue.cmake
  DESTINATION ${ringway_package_dir})
install(FILES ${PROJECT_BINARY_DIR}/ringway.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/ringway)
