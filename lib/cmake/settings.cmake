# Compiler settings that hold for every target of the project.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Assertions of the standard library stay on in everything but Release; -g1 keeps lines for traces at half the size.
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

# Paths of this checkout are relative to ccache, so that what one checkout compiled serves all others.
find_program(PEFT_CCACHE ccache)
if(PEFT_CCACHE)
  set(PEFT_COMPILER_LAUNCHER env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${PEFT_CCACHE}")
  foreach(language C CXX)
    if(NOT CMAKE_${language}_COMPILER_LAUNCHER)
      set(CMAKE_${language}_COMPILER_LAUNCHER ${PEFT_COMPILER_LAUNCHER})
    endif()
  endforeach()
endif()

# Usage requirements of all our targets; linked by peft_library, peft_test and the shared library.
add_library(peft_settings INTERFACE)
target_include_directories(peft_settings INTERFACE "${PROJECT_SOURCE_DIR}/lib" "${PROJECT_SOURCE_DIR}/include")
target_compile_options(peft_settings INTERFACE
  # The same source must round the same way for every instruction set: kernels say where they fuse, not the compiler.
  -ffp-contract=off
  -ffunction-sections -fdata-sections
  -Wall -Wextra -Wshadow -Wvla -Wformat=2 -Wformat-nonliteral -Wpointer-arith
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual>
  $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-restrict>  # false alarms on std::string, GCC 105329
  "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/="
  $<$<CONFIG:Release>:-fstack-protector-strong>
  $<$<NOT:$<CONFIG:Release>>:-fno-omit-frame-pointer>)
target_compile_definitions(peft_settings INTERFACE
  $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>
  $<$<NOT:$<CONFIG:Release>>:_GLIBCXX_ASSERTIONS>)
if(PEFT_WERROR)
  target_compile_options(peft_settings INTERFACE -Werror)
endif()
if(PEFT_SANITIZE)
  # Everything is instrumented, C examples included; one failure ends the process so that a test cannot pass over it.
  add_compile_options(-fsanitize=${PEFT_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${PEFT_SANITIZE})
endif()
