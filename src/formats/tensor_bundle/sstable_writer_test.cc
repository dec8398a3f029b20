#include "formats/tensor_bundle/sstable_writer.h"

#include <map>

#include <gtest/gtest.h>

#include "formats/tensor_bundle/sstable.h"

namespace pumice {
namespace {

std::map<std::string, std::string> read_back(const std::string& table) {
  std::map<std::string, std::string> found;
  const Status s = read_sstable(table, [&](std::string_view key, std::string_view value) -> Status {
    EXPECT_TRUE(found.empty() || std::string_view(found.rbegin()->first) < key);
    found.emplace(key, value);
    return {};
  });
  EXPECT_TRUE(s.ok()) << s.error().text();
  return found;
}

TEST(TableWriter, ReadsBack) {
  for (const int count : {0, 1, 2, 15, 16, 17, 1000}) {
    std::map<std::string, std::string> entries;
    for (int i = 0; i < count; ++i)
      entries["layer/" + std::to_string(i) + "/kernel"] =
          std::string(static_cast<size_t>(i % 70), 'v');
    if (count > 1) entries[""] = "header";
    if (count > 2) entries[std::string("\0x", 2)] = std::string(10000, 'b');
    TableWriter writer;
    for (const auto& [key, value] : entries) ASSERT_TRUE(writer.add(key, value).ok());
    EXPECT_EQ(read_back(writer.finish()), entries) << count;
  }
}

TEST(TableWriter, RefusesDisorder) {
  TableWriter writer;
  ASSERT_TRUE(writer.add("b", "").ok());
  EXPECT_FALSE(writer.add("a", "").ok());
  EXPECT_FALSE(writer.add("b", "").ok());
}

}  // namespace
}  // namespace pumice
