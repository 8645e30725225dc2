# SPDX-License-Identifier: Apache-2.0
# What ringway::ringway consists of besides its include path. Used by Ringway's own build and,
# installed next to ringwayConfig.cmake, by find_package(ringway): one description, two routes.

# The parts of Abseil that headers under ringway/bus/ may include.
set(RINGWAY_ABSEIL_PARTS
  status statusor strings str_format flat_hash_map flat_hash_set inlined_vector
  cleanup function_ref any_invocable)

# Fills in the language level and the dependencies of TARGET, which must exist. Stops with a
# sentence that says what to do if a dependency is missing. With GLOBAL the dependencies' targets are
# seen by a surrounding project too.
function(ringway_describe_target target)
  target_compile_features(${target} INTERFACE cxx_std_20)

  set(THREADS_PREFER_PTHREAD_FLAG ON)
  find_package(Threads REQUIRED ${ARGN})
  target_link_libraries(${target} INTERFACE Threads::Threads)

  if(RINGWAY_WITH_ABSEIL)
    if(NOT TARGET absl::statusor)
      find_package(absl CONFIG QUIET ${ARGN})
    endif()
    if(NOT TARGET absl::statusor)
      message(FATAL_ERROR "Ringway's bus needs Abseil, which was not found. "
        "Install it (Debian: apt install libabsl-dev), or set RINGWAY_WITH_ABSEIL=OFF: "
        "rings and channels need the standard library alone.")
    endif()
    foreach(part IN LISTS RINGWAY_ABSEIL_PARTS)
      if(TARGET absl::${part})  # an older Abseil may lack one that nobody here uses yet
        target_link_libraries(${target} INTERFACE absl::${part})
      endif()
    endforeach()
  endif()

  if(RINGWAY_WITH_MOODYCAMEL)
    if(NOT TARGET concurrentqueue::concurrentqueue)
      find_package(concurrentqueue MODULE QUIET ${ARGN})
    endif()
    if(NOT TARGET concurrentqueue::concurrentqueue)
      message(FATAL_ERROR "Ringway's unbounded channel needs moodycamel::ConcurrentQueue, which "
        "was not found. Install it (Debian: apt install libconcurrentqueue-dev), or set "
        "RINGWAY_WITH_MOODYCAMEL=OFF: every bounded channel works without it.")
    endif()
    target_link_libraries(${target} INTERFACE concurrentqueue::concurrentqueue)
  endif()
endfunction()
