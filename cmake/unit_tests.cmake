# Every src/**/*_test.cc in one program; ctest runs each of its cases in a process of its own.
find_package(GTest REQUIRED)
include(GoogleTest)
add_executable(pumice_tests ${PUMICE_TEST_SOURCES})
target_link_libraries(pumice_tests PRIVATE pumice_core GTest::gtest GTest::gtest_main)
# They run in the source folder, so that a test may open "tests/data/…". (A definition with the folder's
# name would keep ccache from hitting across checkouts.)
gtest_discover_tests(pumice_tests DISCOVERY_MODE PRE_TEST
  WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} PROPERTIES TIMEOUT 120)
