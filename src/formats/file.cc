#include "formats/file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <limits>
#include <memory>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pumice {
namespace {

/// The keep-alive of a mapping.
class Mapping {
 public:
  Mapping(void* address, size_t size) : address_(address), size_(size) {}
  ~Mapping() { munmap(address_, size_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

 private:
  void* address_;
  size_t size_;
};

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Error system_error(const std::string& path, int number) {
  if (number == ENOENT || number == ENOTDIR) {
    return Error(ErrorCode::kNotFound, "there is no such file or folder")
        .in(path)
        .hint("Check the path.");
  }
  return Error(ErrorCode::kUnreadable, std::string("cannot be read: ") + std::strerror(number))
      .in(path)
      .hint("Check that you may read it.");
}

}  // namespace

Result<Bytes> map_file(const std::string& path) {
  // O_NONBLOCK: opening a pipe must fail below, not wait for a writer.
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return system_error(path, errno);
  struct stat status;
  if (fstat(file.get(), &status) != 0) return system_error(path, errno);
  if (S_ISDIR(status.st_mode)) {
    return Error(ErrorCode::kUnreadable, "is a folder where a file was expected").in(path);
  }
  if (!S_ISREG(status.st_mode)) {
    return Error(ErrorCode::kUnreadable, "is no plain file (a pipe or a device)")
        .in(path)
        .hint("Write its content to a file first.");
  }
  if (status.st_size == 0) return Bytes();
  if (static_cast<uint64_t>(status.st_size) > std::numeric_limits<ptrdiff_t>::max()) {
    return Error(ErrorCode::kTooLarge, "does not fit into the address space").in(path);
  }
  const size_t size = static_cast<size_t>(status.st_size);
  void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) {
    if (errno == ENOMEM) {
      return Error(ErrorCode::kTooLarge, "does not fit into the address space")
          .in(path)
          .found(std::to_string(size) + " bytes");
    }
    return system_error(path, errno);
  }
  return Bytes::mapped(std::make_shared<Mapping>(address, size),
                       std::span<const std::byte>(static_cast<const std::byte*>(address), size));
}

bool is_file(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

bool is_folder(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<std::vector<std::string>> list_folder(const std::string& path) {
  std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), &closedir);
  if (!folder) return system_error(path, errno);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(folder.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string join_path(std::string_view folder, std::string_view name) {
  std::string path(folder);
  if (!path.empty() && path.back() != '/') path += '/';
  return path.append(name);
}

std::string folder_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

std::string name_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace pumice
