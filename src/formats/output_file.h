// A file that appears whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// Written beside its destination under a temporary name, and put in place by commit(). Without
/// commit() the temporary file goes and the destination stays as it was. All errors: kUnwritable.
class OutputFile {
 public:
  static Result<OutputFile> create(const std::string& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  /// Sets `size` bytes of the disk aside, the whole file's: quicker to write, and a full disk is told
  /// before the work. Nothing happens where the file system cannot.
  Status reserve(uint64_t size);
  /// Appends; small pieces are gathered into blocks.
  Status write(std::span<const std::byte> bytes);
  /// Appends zeros until `position` (not before the present one).
  Status pad_to(uint64_t position);
  uint64_t position() const { return position_; }

  /// What has been written, mapped; write no more while the view lives.
  Result<Bytes> view();
  /// Renames over the destination.
  Status commit();

 private:
  OutputFile(std::string path, std::string temporary, int fd);
  Status flush();
  Status write_through(std::span<const std::byte> bytes);
  Error system_error(const std::string& what, int number) const;

  std::string path_, temporary_;
  int fd_ = -1;
  uint64_t position_ = 0;
  std::vector<std::byte> pending_;
};

}  // namespace pumice
