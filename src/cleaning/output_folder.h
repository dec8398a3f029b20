// A folder that appears whole or not at all.
#pragma once

#include <string>

#include "pumice/error.h"

namespace pumice {

/// Filled beside its destination under a temporary name, and put in place by commit(). Without
/// commit() it goes again. A destination that exists is refused unless it is an empty folder: two
/// folders cannot be exchanged in one step everywhere. All errors: kUnwritable.
class OutputFolder {
 public:
  static Result<OutputFolder> create(const std::string& path);
  OutputFolder(OutputFolder&& other) noexcept;
  OutputFolder& operator=(OutputFolder&&) = delete;
  ~OutputFolder();

  /// Where to write.
  const std::string& place() const { return temporary_; }
  /// Makes a folder inside it, with those above it.
  Status make_folder(const std::string& name);
  Status write_file(const std::string& name, std::string_view content);
  /// Copies a file or a folder with all it holds from `source` under `name`. Links are followed.
  Status copy(const std::string& source, const std::string& name, int depth = 0);
  Status commit();

 private:
  OutputFolder(std::string path, std::string temporary)
      : path_(std::move(path)), temporary_(std::move(temporary)) {}
  std::string path_, temporary_;
};

}  // namespace pumice
