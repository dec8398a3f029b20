#include "formats/tensor_bundle/sstable.h"

#include <map>

#include <gtest/gtest.h>
#include <snappy.h>

#include "formats/tensor_bundle/crc32c.h"
#include "formats/tensor_bundle/slice.h"

namespace pumice {
namespace {

void put_varint(std::string* out, uint64_t v) {
  for (; v >= 0x80; v >>= 7) out->push_back(static_cast<char>(v | 0x80));
  out->push_back(static_cast<char>(v));
}

void put_fixed32(std::string* out, uint32_t v) {
  out->append(reinterpret_cast<const char*>(&v), 4);
}

/// A block of entries that share prefixes, with one restart point.
std::string block(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out, last;
  for (const auto& [key, value] : entries) {
    size_t shared = 0;
    while (shared < last.size() && shared < key.size() && last[shared] == key[shared]) ++shared;
    put_varint(&out, shared);
    put_varint(&out, key.size() - shared);
    put_varint(&out, value.size());
    out += key.substr(shared) + value;
    last = key;
  }
  put_fixed32(&out, 0);
  put_fixed32(&out, 1);
  return out;
}

std::string append_block(std::string* table, std::string content, bool compress) {
  if (compress) {
    std::string packed;
    snappy::Compress(content.data(), content.size(), &packed);
    content = packed;
  }
  std::string handle;
  put_varint(&handle, table->size());
  put_varint(&handle, content.size());
  content += compress ? '\x01' : '\x00';
  *table += content;
  put_fixed32(table, masked_crc32c(content));
  return handle;
}

std::string make_table(bool compress) {
  std::string table;
  const std::string first =
      append_block(&table, block({{"", "header"}, {"alpha", "1"}, {"alphabet", "2"}}), compress);
  const std::string second =
      append_block(&table, block({{"beta", std::string(1000, 'x')}, {"bets", ""}}), compress);
  const std::string meta = append_block(&table, block({}), false);
  const std::string index =
      append_block(&table, block({{"alphabet", first}, {"bets", second}}), compress);
  std::string footer = meta + index;
  footer.resize(40);
  footer += "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
  return table + footer;
}

TEST(Crc32c, KnownValues) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c("6789", crc32c("12345")), 0xe3069283u);
}

TEST(SsTable, WalksEveryEntryInOrder) {
  for (const bool compress : {false, true}) {
    std::vector<std::string> keys;
    std::map<std::string, std::string> values;
    const Status status = read_sstable(make_table(compress),
                                       [&](std::string_view key, std::string_view value) -> Status {
                                         keys.emplace_back(key);
                                         values[std::string(key)] = value;
                                         return {};
                                       });
    ASSERT_TRUE(status.ok());
    EXPECT_EQ(keys, (std::vector<std::string>{"", "alpha", "alphabet", "beta", "bets"}));
    EXPECT_EQ(values["alphabet"], "2");
    EXPECT_EQ(values["beta"], std::string(1000, 'x'));
  }
}

TEST(SsTable, TruncationsAndFlippedBitsAreErrors) {
  const auto reads = [](const std::string& table) {
    return read_sstable(table, [](std::string_view, std::string_view) -> Status { return {}; })
        .ok();
  };
  for (const bool compress : {false, true}) {
    const std::string table = make_table(compress);
    for (size_t n = 0; n < table.size(); ++n) EXPECT_FALSE(reads(table.substr(0, n))) << n;
    for (size_t i = 0; i < table.size(); ++i) {
      std::string broken = table;
      broken[i] = static_cast<char>(broken[i] ^ 0x10);
      (void)reads(broken);  // the unused metaindex may break; nothing may crash
    }
    std::string broken = table;
    broken[3] ^= 1;
    EXPECT_FALSE(reads(broken));
  }
}

TEST(TensorSlice, DescriptionsOfParts) {
  EXPECT_TRUE(parse_shape_and_slice("")->whole);
  auto part = parse_shape_and_slice("30 10 5,10:-");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->full, (Dims{30, 10}));
  EXPECT_EQ(*part->slice.dims_in(part->full), (Dims{10, 10}));
  for (const char* bad :
       {"30 10 25,10:-", "30 10 -", "x", "30 -1,2", "30 1,-2", "30 10 0,1:0,1:0,1"}) {
    EXPECT_FALSE(parse_shape_and_slice(bad)) << bad;
  }
}

TEST(TensorSlice, KeysAreTheOrderPreservingCode) {
  TensorSlice slice;
  slice.extents = {{0, 3}, {}};
  using std::string_literals::operator""s;
  EXPECT_EQ(slice_key("ab", slice),
            "\x00"
            "ab\x00\x01\x01\x02\x80\x83\x80\x7f"s);
  slice.extents = {{64, 8192}};
  EXPECT_EQ(slice_key("", slice), "\x00\x00\x01\x01\x01\xc0\x40\xe0\x20\x00"s);
}

}  // namespace
}  // namespace pumice
