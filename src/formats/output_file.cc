#include "formats/output_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace pumice {
namespace {

constexpr size_t kBlock = 64 * 1024;

struct Mapping {
  Mapping(void* address, size_t size) : address(address), size(size) {}
  ~Mapping() { munmap(address, size); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  void* address;
  size_t size;
};

}  // namespace

Result<OutputFile> OutputFile::create(const std::string& path) {
  struct stat status;
  if (path.empty() || path.back() == '/' ||
      (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))) {
    return Error(ErrorCode::kUnwritable, "the output path names a folder")
        .in(path)
        .hint("Name a file.");
  }
  // The same folder, so that the rename stays within one file system. O_EXCL finds a free name
  // where two runs meet or an earlier one was killed.
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string temporary =
        path + ".partial-" + std::to_string(getpid()) + "-" + std::to_string(attempt);
    int fd = open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) return OutputFile(path, std::move(temporary), fd);
    if (errno != EEXIST) {
      return Error(ErrorCode::kUnwritable,
                   std::string("cannot create a file in the output's folder: ") +
                       std::strerror(errno))
          .in(path)
          .hint("Check that the folder exists and that you may write to it.");
    }
  }
  return Error(ErrorCode::kUnwritable, "the folder is full of unfinished outputs (.partial-*)")
      .in(path)
      .hint("Remove them.");
}

OutputFile::OutputFile(std::string path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {
  pending_.reserve(kBlock);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(other.fd_),
      position_(other.position_),
      pending_(std::move(other.pending_)) {
  other.fd_ = -1;
}

OutputFile::~OutputFile() {
  if (fd_ < 0) return;
  close(fd_);
  unlink(temporary_.c_str());
}

Status OutputFile::write(std::span<const std::byte> bytes) {
  position_ += bytes.size();
  if (pending_.size() + bytes.size() > kBlock) PUMICE_CHECK(flush());
  if (bytes.size() >= kBlock) return write_through(bytes);
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  return {};
}

Status OutputFile::reserve(uint64_t size) {
#ifdef __linux__
  // Only a full disk is told here: what a file system cannot reserve can still be written.
  if (size > 0 && fallocate(fd_, 0, 0, static_cast<off_t>(size)) != 0 &&
      (errno == ENOSPC || errno == EDQUOT)) {
    return system_error("cannot be written", errno);
  }
#endif
  return {};
}

Status OutputFile::pad_to(uint64_t position) {
  static constexpr std::byte kZeros[256] = {};
  while (position_ < position) {
    const auto n = std::min<uint64_t>(sizeof(kZeros), position - position_);
    PUMICE_CHECK(write({kZeros, static_cast<size_t>(n)}));
  }
  return {};
}

Status OutputFile::flush() {
  PUMICE_CHECK(write_through(pending_));
  pending_.clear();
  return {};
}

Status OutputFile::write_through(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return system_error("cannot be written", n < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Result<Bytes> OutputFile::view() {
  PUMICE_CHECK(flush());
  const auto size = static_cast<size_t>(position_);
  if (size == 0) return Bytes();
  void* address = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd_, 0);
  if (address == MAP_FAILED) return system_error("cannot be read back", errno);
  return Bytes(std::make_shared<Mapping>(address, size),
               std::span<const std::byte>(static_cast<const std::byte*>(address), size));
}

Status OutputFile::commit() {
  PUMICE_CHECK(flush());
  // Network file systems tell of a full disk only here.
  const int closed = close(fd_);
  fd_ = -1;
  const int close_error = errno;
  if (closed != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int number = closed != 0 ? close_error : errno;
    unlink(temporary_.c_str());
    return system_error("cannot be put in place", number);
  }
  return {};
}

Error OutputFile::system_error(const std::string& what, int number) const {
  Error error = Error(ErrorCode::kUnwritable, what + ": " + std::strerror(number)).in(path_);
  if (number == ENOSPC || number == EDQUOT) {
    return std::move(error).hint("Free some space or choose another folder.");
  }
  return error;
}

}  // namespace pumice
