# SPDX-License-Identifier: Apache-2.0
# The fall-back: a dependency that is not installed is fetched at configure time. What is installed
# is always preferred. A surrounding project's own target of the same name wins over both.
include(FetchContent)

if(RINGWAY_WITH_ABSEIL AND NOT TARGET absl::statusor)
  find_package(absl CONFIG QUIET GLOBAL)
  if(NOT TARGET absl::statusor)
    message(STATUS "Ringway: Abseil is not installed; fetching it")
    set(ABSL_PROPAGATE_CXX_STD ON)
    FetchContent_Declare(absl SYSTEM
      GIT_REPOSITORY https://github.com/abseil/abseil-cpp.git
      GIT_TAG 20220623.1
      GIT_SHALLOW ON)
    FetchContent_MakeAvailable(absl)
  endif()
endif()

if(RINGWAY_WITH_MOODYCAMEL AND NOT TARGET concurrentqueue::concurrentqueue)
  find_package(concurrentqueue MODULE QUIET GLOBAL)
  if(NOT TARGET concurrentqueue::concurrentqueue)
    message(STATUS "Ringway: moodycamel::ConcurrentQueue is not installed; fetching it")
    FetchContent_Declare(concurrentqueue SYSTEM
      GIT_REPOSITORY https://github.com/cameron314/concurrentqueue.git
      GIT_TAG v1.0.4
      GIT_SHALLOW ON)
    FetchContent_MakeAvailable(concurrentqueue)
    if(NOT TARGET concurrentqueue::concurrentqueue)
      add_library(concurrentqueue::concurrentqueue ALIAS concurrentqueue)
    endif()
  endif()
endif()

if(RINGWAY_BUILD_TESTS AND NOT TARGET GTest::gtest_main)
  find_package(GTest CONFIG QUIET)
  if(NOT TARGET GTest::gtest_main)
    message(STATUS "Ringway: GoogleTest is not installed; fetching it")
    set(INSTALL_GTEST OFF)
    FetchContent_Declare(googletest SYSTEM
      GIT_REPOSITORY https://github.com/google/googletest.git
      GIT_TAG release-1.12.1
      GIT_SHALLOW ON)
    FetchContent_MakeAvailable(googletest)
  endif()
endif()
