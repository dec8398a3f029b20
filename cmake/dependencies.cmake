# What pumice stands on, all of it from the distribution (scripts/install-deps).
find_package(Threads REQUIRED)

# A dependency's library file: the archive where the binary is to carry it, else the shared one.
function(pumice_find_library variable name)
  if(PUMICE_STATIC)
    set(names lib${name}.a)
  else()
    set(names ${name})
  endif()
  find_library(${variable} NAMES ${names})
  if(NOT ${variable})
    message(FATAL_ERROR "lib${name} was not found. Run scripts/install-deps build.")
  endif()
endfunction()

# A header-only dependency's folder; `probe` is a header that must be in it.
function(pumice_find_headers variable probe)
  find_path(${variable} ${probe} ${ARGN})
  if(NOT ${variable})
    message(FATAL_ERROR "The header ${probe} was not found. Run scripts/install-deps build.")
  endif()
endfunction()

pumice_find_library(PUMICE_ZLIB z)
pumice_find_library(PUMICE_SNAPPY snappy)
pumice_find_library(PUMICE_PNG png)
pumice_find_library(PUMICE_TURBOJPEG turbojpeg)
pumice_find_headers(PUMICE_PNG_INCLUDE png.h)
pumice_find_headers(PUMICE_TURBOJPEG_INCLUDE turbojpeg.h)
pumice_find_headers(PUMICE_EIGEN_INCLUDE Eigen/Core PATH_SUFFIXES eigen3)
pumice_find_headers(PUMICE_FLATBUFFERS_INCLUDE flatbuffers/flatbuffers.h)
pumice_find_headers(PUMICE_PROTOZERO_INCLUDE protozero/pbf_reader.hpp)
pumice_find_headers(PUMICE_JSON_INCLUDE nlohmann/json.hpp)
pumice_find_headers(PUMICE_CLI11_INCLUDE CLI/CLI.hpp)

add_library(pumice_dependencies INTERFACE)
target_include_directories(pumice_dependencies SYSTEM INTERFACE
  ${PUMICE_EIGEN_INCLUDE} ${PUMICE_FLATBUFFERS_INCLUDE} ${PUMICE_PROTOZERO_INCLUDE}
  ${PUMICE_JSON_INCLUDE})
target_compile_definitions(pumice_dependencies INTERFACE EIGEN_MPL2_ONLY)
target_link_libraries(pumice_dependencies INTERFACE
  ${PUMICE_PNG} ${PUMICE_TURBOJPEG} ${PUMICE_SNAPPY} ${PUMICE_ZLIB} Threads::Threads ${CMAKE_DL_LIBS})

add_library(pumice_cli_dependencies INTERFACE)
target_include_directories(pumice_cli_dependencies SYSTEM INTERFACE ${PUMICE_CLI11_INCLUDE})
