// RECORD, installed-files.txt, METADATA and conda's records: whatever the bytes, paths that stay
// below their root.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "doctor/conda.h"
#include "doctor/record.h"

namespace {

void check(const pumice::Distribution& distribution) {
  for (size_t package = 0; package < pumice::kPackages.size(); ++package) {
    for (const pumice::OwnedFile& file : distribution.files[package]) {
      if (pumice::package_of(file.path) != package || file.size < -1 ||
          file.path.find("..") != std::string_view::npos ||
          file.path.find('\0') != std::string_view::npos)
        std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string what;
  pumice::Distribution record, list, metadata, conda;
  if (!pumice::read_record(text, record, &what) && what.empty()) std::abort();
  check(record);
  pumice::read_installed_files(text, list);
  check(list);
  (void)pumice::lists_a_package(text, "");
  (void)pumice::read_metadata(text, metadata);
  for (const pumice::Requirement& requirement : metadata.requirements)
    (void)pumice::satisfies(metadata.parsed, requirement.specifiers);
  (void)pumice::read_conda_record(text, conda);
  check(conda);
  return 0;
}
