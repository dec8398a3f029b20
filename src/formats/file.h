// Files and folders of the input: mapped, never copied.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// The whole file as read-only bytes, mapped; unmapped when the last view of it goes. An empty file
/// gives empty bytes. Errors: kNotFound (missing), kUnreadable (a folder, no permission, not a plain
/// file), kTooLarge (the address space refuses it).
Result<Bytes> map_file(const std::string& path);

/// Exists and is a plain file (links followed).
bool is_file(const std::string& path);
/// Exists and is a folder.
bool is_folder(const std::string& path);

/// Names (not paths) in a folder, sorted; without "." and "..".
Result<std::vector<std::string>> list_folder(const std::string& path);

/// "folder/name", with one slash between.
std::string join_path(std::string_view folder, std::string_view name);
/// What stands before the last slash ("." where there is none), and after it.
std::string folder_of(std::string_view path);
std::string name_of(std::string_view path);

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace pumice
