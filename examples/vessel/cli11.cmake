# SPDX-License-Identifier: Apache-2.0
# Finds CLI11, which reads the example's command line, or fetches it. For the example and its tests.

if(NOT TARGET CLI11::CLI11)
  find_package(CLI11 2.1 CONFIG QUIET)
  if(NOT TARGET CLI11::CLI11)
    if(NOT RINGWAY_FETCH)
      message(FATAL_ERROR "The vessel example needs CLI11, which was not found. Install it "
        "(Debian: apt install libcli11-dev), or set RINGWAY_FETCH=ON, or leave the examples out "
        "with RINGWAY_BUILD_EXAMPLES=OFF.")
    endif()
    message(STATUS "Ringway: CLI11 is not installed; fetching it")
    include(FetchContent)
    FetchContent_Declare(CLI11 SYSTEM
      GIT_REPOSITORY https://github.com/CLIUtils/CLI11.git
      GIT_TAG v2.1.2
      GIT_SHALLOW ON)
    FetchContent_MakeAvailable(CLI11)
  endif()
endif()
