#include "formats/zip/zip.h"

#include <cstring>

#include <gtest/gtest.h>
#include <zlib.h>

namespace pumice {
namespace {

using Blob = std::vector<std::byte>;

Blob blob(std::string_view text) {
  Blob b(text.size());
  if (!text.empty()) std::memcpy(b.data(), text.data(), text.size());
  return b;
}

std::string text_of(const Bytes& b) {
  return std::string(reinterpret_cast<const char*>(b.data()), b.size());
}

Blob archive(const std::vector<std::pair<std::string, std::string>>& files, size_t alignment = 1) {
  Blob out;
  ZipWriter writer(
      [&](std::span<const std::byte> bytes) -> Status {
        out.insert(out.end(), bytes.begin(), bytes.end());
        return {};
      },
      alignment);
  for (const auto& [name, content] : files) {
    Blob b = blob(content);
    EXPECT_TRUE(writer.add(name, {b}).ok());
  }
  EXPECT_TRUE(writer.finish().ok());
  return out;
}

void put(Blob* b, uint64_t v, int width) {
  for (int i = 0; i < width; ++i) b->push_back(static_cast<std::byte>(v >> (8 * i)));
}

// An archive of one deflated entry, with a stated size of the caller's choice.
Blob deflated(const std::string& content, uint32_t stated_size, uint32_t crc_change = 0) {
  z_stream s{};
  EXPECT_EQ(deflateInit2(&s, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  Blob packed(deflateBound(&s, content.size()));
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  s.avail_in = static_cast<uInt>(content.size());
  s.next_out = reinterpret_cast<Bytef*>(packed.data());
  s.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&s, Z_FINISH), Z_STREAM_END);
  packed.resize(s.total_out);
  deflateEnd(&s);
  uint32_t crc =
      crc_change ^ static_cast<uint32_t>(
                       crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()));
  Blob b;
  auto common = [&] {
    put(&b, 20, 2), put(&b, 0, 2), put(&b, 8, 2), put(&b, 0, 4), put(&b, crc, 4);
    put(&b, packed.size(), 4), put(&b, stated_size, 4), put(&b, 1, 2), put(&b, 0, 2);
  };
  put(&b, 0x04034b50, 4), common(), put(&b, 'x', 1);
  b.insert(b.end(), packed.begin(), packed.end());
  size_t directory = b.size();
  put(&b, 0x02014b50, 4), put(&b, 20, 2), common();
  put(&b, 0, 2), put(&b, 0, 2), put(&b, 0, 2), put(&b, 0, 4), put(&b, 0, 4), put(&b, 'x', 1);
  size_t size = b.size() - directory;
  put(&b, 0x06054b50, 4), put(&b, 0, 4), put(&b, 1, 2), put(&b, 1, 2);
  put(&b, size, 4), put(&b, directory, 4), put(&b, 0, 2);
  return b;
}

Result<ZipReader> open(Blob b, const ZipLimits& limits = {}) {
  return ZipReader::open(Bytes::own(std::move(b)), limits);
}

size_t find(const Blob& b, std::string_view what, size_t from = 0) {
  std::string_view all(reinterpret_cast<const char*>(b.data()), b.size());
  return all.find(what, from);
}

// Replaces `what` wherever it stands (both headers carry the name).
Blob renamed(Blob b, std::string_view what, std::string_view with) {
  for (size_t at = find(b, what); at != std::string_view::npos; at = find(b, what, at + 1))
    std::memcpy(b.data() + at, with.data(), with.size());
  return b;
}

TEST(Zip, WhatIsWrittenIsRead) {
  Blob b = archive({{"a.txt", "alpha"}, {"dir/b", ""}, {"c", std::string(100000, 'c')}});
  Result<ZipReader> zip = open(b);
  ASSERT_TRUE(zip.ok()) << zip.error().text();
  ASSERT_EQ(zip->entries().size(), 3u);
  EXPECT_EQ(text_of(*zip->read(*zip->find("a.txt"))), "alpha");
  EXPECT_EQ(zip->read(*zip->find("dir/b"))->size(), 0u);
  EXPECT_EQ(zip->read(zip->entries()[2])->size(), 100000u);
  EXPECT_EQ(zip->find("nothing"), nullptr);
  EXPECT_EQ(archive({{"a", "1"}}), archive({{"a", "1"}}));
  EXPECT_TRUE(looks_like_zip(b));
  EXPECT_TRUE(open(archive({}))->entries().empty());
}

TEST(Zip, DataAreAligned) {
  Result<ZipReader> zip = open(archive({{"a", "1"}, {"bcd", "22"}, {"ef", "333"}}, 64));
  ASSERT_TRUE(zip.ok());
  for (const ZipEntry& e : zip->entries()) EXPECT_EQ(e.data_offset % 64, 0u) << e.name;
}

TEST(Zip, BytesInFrontOfTheArchiveAreSkipped) {
  Blob b = blob("a flatbuffer");
  Blob a = archive({{"labels.txt", "person"}});
  b.insert(b.end(), a.begin(), a.end());
  Result<ZipReader> zip = open(b);
  ASSERT_TRUE(zip.ok()) << zip.error().text();
  EXPECT_EQ(text_of(*zip->read(zip->entries()[0])), "person");
}

TEST(Zip, DeflatedEntries) {
  std::string content;
  for (int i = 0; i < 5000; ++i) content += std::to_string(i * i);
  Result<ZipReader> zip = open(deflated(content, static_cast<uint32_t>(content.size())));
  ASSERT_TRUE(zip.ok()) << zip.error().text();
  EXPECT_EQ(text_of(*zip->read(zip->entries()[0])), content);
  for (uint32_t wrong : {0u, 1u, static_cast<uint32_t>(content.size()) - 1,
                         static_cast<uint32_t>(content.size()) + 1}) {
    zip = open(deflated(content, wrong));
    ASSERT_TRUE(zip.ok());
    EXPECT_EQ(zip->read(zip->entries()[0]).error().code(), ErrorCode::kMalformed) << wrong;
  }
  zip = open(deflated(content, static_cast<uint32_t>(content.size()), 1));
  EXPECT_NE(zip->read(zip->entries()[0]).error().text().find("checksum"), std::string::npos);
  Result<ZipReader> nothing = open(deflated("", 0));
  EXPECT_EQ(nothing->read(nothing->entries()[0])->size(), 0u);
}

TEST(Zip, BombsAreRefusedBeforeInflating) {
  std::string zeros(3 << 20, '\0');
  ZipLimits limits;
  limits.free_size = 1 << 20;
  Result<ZipReader> zip = open(deflated(zeros, zeros.size()), limits);
  ASSERT_FALSE(zip.ok());
  EXPECT_EQ(zip.error().code(), ErrorCode::kTooLarge);
  EXPECT_EQ(open(deflated("small", 0xfffffff0)).error().code(), ErrorCode::kTooLarge);
  limits.max_entries = 1;
  EXPECT_EQ(open(archive({{"a", ""}, {"b", ""}}), limits).error().code(), ErrorCode::kTooLarge);
}

TEST(Zip, NamesThatLeaveTheArchiveAreRefused) {
  Blob b = archive({{"abcdefgh", "1"}});
  for (const char* bad : {"/bcdefgh", "../defgh", "ab/../gh", "abcde/..", "a\\cdefgh", "C:cdefgh",
                          "abcd\0fgh", "./cdefgh"}) {
    Result<ZipReader> zip = open(renamed(b, "abcdefgh", std::string_view(bad, 8)));
    ASSERT_FALSE(zip.ok()) << bad;
    EXPECT_EQ(zip.error().code(), ErrorCode::kMalformed);
  }
  EXPECT_TRUE(open(renamed(b, "abcdefgh", "a..d/.gh")).ok());
}

TEST(Zip, DuplicatesAndOverlapsAreRefused) {
  Result<ZipReader> zip =
      open(renamed(archive({{"name1", "1"}, {"name2", "2"}}), "name2", "name1"));
  EXPECT_NE(zip.error().text().find("twice"), std::string::npos);
  Blob b = archive({{"n1", "1"}, {"n2", "2"}});
  // The second directory record is made to point at the first entry.
  size_t second = find(b, "PK\x01\x02", find(b, "PK\x01\x02") + 1);
  std::memset(b.data() + second + 42, 0, 4);
  b[second + 46 + 1] = std::byte{'1'};
  EXPECT_FALSE(open(b).ok());
}

TEST(Zip, EveryTruncationAndManyChangesAreSurvived) {
  Blob b = archive({{"a.txt", "alpha"}, {"b/c", "beta"}}, 16);
  for (size_t n = 0; n < b.size(); ++n) {
    Result<ZipReader> zip = open(Blob(b.begin(), b.begin() + n));
    EXPECT_FALSE(zip.ok()) << n;
  }
  Blob d = deflated("some text, some text, some text", 31);
  for (const Blob& original : {b, d}) {
    for (size_t n = 0; n < original.size(); ++n) {
      for (int change : {1, 0x80, 0xff}) {
        Blob changed = original;
        changed[n] ^= static_cast<std::byte>(change);
        Result<ZipReader> zip = open(changed);
        if (!zip.ok()) continue;
        for (const ZipEntry& e : zip->entries()) (void)zip->read(e);
      }
    }
  }
}

TEST(Zip, ManyEntriesUseZip64) {
  std::vector<std::pair<std::string, std::string>> files;
  for (int i = 0; i < 70000; ++i) files.emplace_back(std::to_string(i), "");
  Result<ZipReader> zip = open(archive(files));
  ASSERT_TRUE(zip.ok()) << zip.error().text();
  EXPECT_EQ(zip->entries().size(), 70000u);
}

}  // namespace
}  // namespace pumice
