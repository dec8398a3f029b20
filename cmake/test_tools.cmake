# Programs that the Python tests run: tests/tools/NAME.cc becomes pumice_NAME, beside pumice.
file(GLOB PUMICE_TEST_TOOLS CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tests/tools/*.cc)
foreach(source ${PUMICE_TEST_TOOLS})
  get_filename_component(name ${source} NAME_WE)
  add_executable(pumice_${name} ${source})
  target_link_libraries(pumice_${name} PRIVATE pumice_core)
endforeach()
