# SPDX-License-Identifier: Apache-2.0
# Finds moodycamel::ConcurrentQueue, of which Debian ships the headers alone.
#
#   concurrentqueue::concurrentqueue   the target, with the include path from which one of the
#                                      spellings below works
#
#   <concurrentqueue/concurrentqueue.h>            Debian
#   <concurrentqueue/moodycamel/concurrentqueue.h> upstream's own install rule
#   <concurrentqueue.h>                            a copy of the source tree

find_path(concurrentqueue_INCLUDE_DIR
  NAMES
    concurrentqueue/concurrentqueue.h
    concurrentqueue/moodycamel/concurrentqueue.h
    concurrentqueue.h)
mark_as_advanced(concurrentqueue_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(concurrentqueue REQUIRED_VARS concurrentqueue_INCLUDE_DIR)

if(concurrentqueue_FOUND AND NOT TARGET concurrentqueue::concurrentqueue)
  add_library(concurrentqueue::concurrentqueue INTERFACE IMPORTED)
  set_target_properties(concurrentqueue::concurrentqueue PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${concurrentqueue_INCLUDE_DIR}")
endif()
