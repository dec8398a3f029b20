# docs/conflicts/*.md as a header, so that `pumice optimizers --explain KIND` prints them without files.
file(GLOB PUMICE_CONFLICT_PAGES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/docs/conflicts/*.md)
set(pages "")
foreach(page ${PUMICE_CONFLICT_PAGES})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${page})
  get_filename_component(kind ${page} NAME_WE)
  file(READ ${page} text)
  string(APPEND pages "    {\"${kind}\", R\"page(${text})page\"},\n")
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/generated/conflict_pages.h @ONLY CONTENT
"// Made by cmake/conflict_pages.cmake from docs/conflicts.
#pragma once

namespace pumice {

struct ConflictPage {
  const char *kind, *text;
};
inline constexpr ConflictPage kConflictPages[] = {
@pages@};

}  // namespace pumice
")
# One source's include path, so that the others' compile lines stay as they are.
set_source_files_properties(src/optimizers.cc PROPERTIES
  INCLUDE_DIRECTORIES ${CMAKE_CURRENT_BINARY_DIR}/generated)
