# SPDX-License-Identifier: Apache-2.0
# Compiles SOURCE twice: with -DRINGWAY_CONTROL it must compile, without it the compiler must refuse
# it and say the sentence behind `// expect: ` in SOURCE. FLAGS: what else the compiler is told.

file(STRINGS ${SOURCE} expected REGEX "^// expect: ")
string(REGEX REPLACE "^// expect: " "" expected "${expected}")
if(expected STREQUAL "")
  message(FATAL_ERROR "${SOURCE} has no line `// expect: sentence`")
endif()

separate_arguments(FLAGS)
set(command ${COMPILER} ${FLAGS} -std=c++20 -fsyntax-only -I${INCLUDE})

execute_process(COMMAND ${command} -DRINGWAY_CONTROL ${SOURCE}
  RESULT_VARIABLE status ERROR_VARIABLE errors)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "the control does not compile:\n${errors}")
endif()

execute_process(COMMAND ${command} ${SOURCE} RESULT_VARIABLE status ERROR_VARIABLE errors)
if(status EQUAL 0)
  message(FATAL_ERROR "it compiles, but should be refused: ${expected}")
endif()
string(FIND "${errors}" "${expected}" position)
if(position EQUAL -1)
  message(FATAL_ERROR "it is refused, but not with the sentence `${expected}`:\n${errors}")
endif()
message(STATUS "refused: ${expected}")
