#include "cleaning/output_folder.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/file.h"
#include "formats/output_file.h"

namespace pumice {
namespace {

constexpr int kMaxDepth = 64;  // folders in folders; a link to a folder above would go on for ever

Error unwritable(const std::string& path, const std::string& what) {
  return Error(ErrorCode::kUnwritable, what).in(path);
}

}  // namespace

Result<OutputFolder> OutputFolder::create(const std::string& given) {
  std::string path = given;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  struct stat status;
  if (path.empty()) return unwritable(path, "the output has no name");
  if (lstat(path.c_str(), &status) == 0) {
    std::error_code fault;
    if (!S_ISDIR(status.st_mode) || !std::filesystem::is_empty(path, fault) || fault)
      return unwritable(path, "the output exists already; a folder is not replaced")
          .hint("Remove it, or name another folder.");
  }
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string temporary =
        path + ".partial-" + std::to_string(getpid()) + "-" + std::to_string(attempt);
    if (mkdir(temporary.c_str(), 0777) == 0)
      return OutputFolder(std::move(path), std::move(temporary));
    if (errno != EEXIST)
      return unwritable(path, std::string("cannot create a folder beside the output: ") +
                                  std::strerror(errno))
          .hint("Check that the folder above it exists and that you may write to it.");
  }
  return unwritable(path, "the folder is full of unfinished outputs (.partial-*)")
      .hint("Remove them.");
}

OutputFolder::OutputFolder(OutputFolder&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::move(other.temporary_)) {
  other.temporary_.clear();
}

OutputFolder::~OutputFolder() {
  if (temporary_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(temporary_, ignored);
}

Status OutputFolder::make_folder(const std::string& name) {
  std::error_code fault;
  std::filesystem::create_directories(join_path(temporary_, name), fault);
  if (fault) return unwritable(join_path(path_, name), "cannot be created: " + fault.message());
  return {};
}

Status OutputFolder::write_file(const std::string& name, std::string_view content) {
  PUMICE_TRY(OutputFile file, OutputFile::create(join_path(temporary_, name)));
  PUMICE_CHECK(file.write(std::as_bytes(std::span<const char>(content.data(), content.size()))));
  return file.commit();
}

Status OutputFolder::copy(const std::string& source, const std::string& name, int depth) {
  if (depth > kMaxDepth)
    return Error(ErrorCode::kTooLarge, "folders are nested too deeply").in(source);
  if (!is_folder(source)) {
    PUMICE_TRY(const Bytes bytes, map_file(source));
    return write_file(name, as_text(bytes.view()));
  }
  PUMICE_CHECK(make_folder(name));
  PUMICE_TRY(const auto names, list_folder(source));
  for (const std::string& inner : names)
    PUMICE_CHECK(copy(join_path(source, inner), join_path(name, inner), depth + 1));
  return {};
}

Status OutputFolder::commit() {
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
    return unwritable(path_, std::string("cannot be put in place: ") + std::strerror(errno));
  temporary_.clear();
  return {};
}

}  // namespace pumice
