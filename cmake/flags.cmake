# How everything is compiled; the presets choose among the options.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Dev)
endif()
# Quick to compile, quick enough to run the evaluator on a whole detector.
# project() has cached empty flags for a build type of our own, so only FORCE sets them.
if(NOT CMAKE_CXX_FLAGS_DEV)
  set(CMAKE_CXX_FLAGS_DEV "-O1 -g0" CACHE STRING "Flags of the Dev build type" FORCE)
endif()

add_library(pumice_flags INTERFACE)
target_compile_options(pumice_flags INTERFACE -Wall -Wextra -Wno-unused-parameter
  # No folder of the building machine in any binary.
  -ffile-prefix-map=${CMAKE_CURRENT_SOURCE_DIR}/=)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # At -O2 g++ 12 takes the empty state of std::optional for uninitialised memory, and concatenated
  # strings for overlapping ones, dozens of times.
  target_compile_options(pumice_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict)
endif()
if(PUMICE_WERROR)
  target_compile_options(pumice_flags INTERFACE -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++'s flow analysis is wrong about std::variant and vectors often enough that these stay warnings.
    target_compile_options(pumice_flags INTERFACE -Wno-error=stringop-overflow -Wno-error=array-bounds -Wno-error=free-nonheap-object)
    if(CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
      target_compile_options(pumice_flags INTERFACE -Wno-error=dangling-reference)
    endif()
  endif()
endif()
if(PUMICE_SANITIZE)
  target_compile_options(pumice_flags INTERFACE -fsanitize=${PUMICE_SANITIZE}
    -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  target_link_options(pumice_flags INTERFACE -fsanitize=${PUMICE_SANITIZE})
endif()
if(PUMICE_COVERAGE)
  target_compile_options(pumice_flags INTERFACE --coverage -O0)
  target_link_options(pumice_flags INTERFACE --coverage)
endif()
if(PUMICE_STATIC)
  target_compile_options(pumice_flags INTERFACE -ffunction-sections -fdata-sections)
  target_link_options(pumice_flags INTERFACE -static-libstdc++ -static-libgcc
    -Wl,--gc-sections -Wl,--as-needed -Wl,-s)
endif()
set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ${PUMICE_LTO})
