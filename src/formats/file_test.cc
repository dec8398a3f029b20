#include "formats/file.h"

#include <cstdio>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace pumice {
namespace {

std::string make_folder() {
  std::string name = testing::TempDir() + "/pumice_file_test_XXXXXX";
  return mkdtemp(name.data()) ? name : std::string();
}

TEST(File, MapsContentAndKeepsItAlive) {
  const std::string path = join_path(make_folder(), "a");
  std::ofstream(path) << "hello";
  Bytes part;
  {
    auto bytes = map_file(path);
    ASSERT_TRUE(bytes.ok());
    EXPECT_EQ(as_text(bytes->view()), "hello");
    part = bytes->slice(1, 3);
  }
  std::remove(path.c_str());
  EXPECT_EQ(as_text(part.view()), "ell");
}

TEST(File, EmptyFilesAreEmptyBytes) {
  const std::string path = join_path(make_folder(), "empty");
  std::ofstream(path).flush();
  auto bytes = map_file(path);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(bytes->size(), 0u);
}

TEST(File, TellsWhatIsWrong) {
  const std::string folder = make_folder();
  EXPECT_EQ(map_file(join_path(folder, "nothing")).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(map_file(folder).error().code(), ErrorCode::kUnreadable);
  const std::string pipe = join_path(folder, "pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(map_file(pipe).error().code(), ErrorCode::kUnreadable);
  EXPECT_EQ(list_folder(join_path(folder, "nothing")).error().code(), ErrorCode::kNotFound);
}

TEST(File, ListsFoldersSorted) {
  const std::string folder = make_folder();
  for (const char* name : {"b", "a", "c"}) std::ofstream(join_path(folder, name)) << name;
  auto names = list_folder(folder);
  ASSERT_TRUE(names.ok());
  EXPECT_EQ(*names, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(File, TakesPathsApart) {
  EXPECT_EQ(folder_of("a/b"), "a");
  EXPECT_EQ(folder_of("b"), ".");
  EXPECT_EQ(folder_of("/b"), "/");
  EXPECT_EQ(name_of("a/b"), "b");
  EXPECT_EQ(join_path("a/", "b"), "a/b");
}

}  // namespace
}  // namespace pumice
