# SPDX-License-Identifier: Apache-2.0
# Builds SOURCE with no build system at all, only what pkg-config says of the Ringway in PREFIX, and
# runs it.

set(ENV{PKG_CONFIG_PATH} ${PREFIX}/share/pkgconfig:$ENV{PKG_CONFIG_PATH})
foreach(wanted IN ITEMS cflags libs)
  execute_process(COMMAND ${PKG_CONFIG} --${wanted} ringway
    OUTPUT_VARIABLE ${wanted} OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(${wanted} UNIX_COMMAND "${${wanted}}")
endforeach()
if(ABSEIL)
  list(APPEND cflags -DCONSUMER_WITH_BUS)
endif()
execute_process(COMMAND ${COMPILER} -std=c++20 ${cflags} ${SOURCE} -o ${PROGRAM} ${libs}
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${PROGRAM} COMMAND_ERROR_IS_FATAL ANY)
