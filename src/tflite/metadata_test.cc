#include "tflite/metadata.h"

#include <span>

#include <gtest/gtest.h>

#include "formats/zip/zip.h"

namespace pumice {
namespace {

ModelMetadata example() {
  TensorMetadata image;
  image.name = "image";
  image.description = "a picture";
  image.content = TensorMetadata::kImage;
  image.color_space = TensorMetadata::kRgb;
  image.mean = {1, 2, 3}, image.deviation = {4, 5, 6};
  image.min = {-1}, image.max = {1};
  TensorMetadata boxes;
  boxes.name = "location";
  boxes.content = TensorMetadata::kBoundingBox;
  boxes.box_index = {1, 0, 3, 2};
  boxes.box_type = TensorMetadata::kBoundaries;
  boxes.coordinates = TensorMetadata::kPixel;
  boxes.range = {2, 3};
  TensorMetadata classes;
  classes.name = "category";
  classes.content = TensorMetadata::kFeature;
  classes.files = {{"labels.txt", "names", AssociatedFile::kTensorValueLabels, "en"}};
  ModelMetadata m;
  m.name = "n", m.description = "d", m.version = "v", m.author = "a", m.license = "l";
  m.subgraphs = {{"s", {image}, {boxes, classes}, {}, {{"g", {"location", "category"}}}}};
  m.files = {{"more.txt", "", AssociatedFile::kDescriptions, ""}};
  return m;
}

Result<ModelMetadata> parse(const std::string& bytes) {
  return parse_metadata(std::as_bytes(std::span(bytes)), "m.tflite");
}

TEST(Metadata, ComesBackAsItWasWritten) {
  const std::string bytes = metadata_bytes(example());
  EXPECT_EQ(bytes, metadata_bytes(example()));
  EXPECT_EQ(bytes.substr(4, 4), "M001");
  const auto m = parse(bytes);
  ASSERT_TRUE(m.ok()) << m.error().text();
  EXPECT_EQ(m->name + m->description + m->version + m->author + m->license, "ndval");
  EXPECT_EQ(m->min_parser_version, "1.2.0");
  EXPECT_EQ(m->files.at(0).name, "more.txt");
  const SubgraphMetadata& s = m->subgraphs.at(0);
  const TensorMetadata& image = s.inputs.at(0);
  EXPECT_EQ(image.content, TensorMetadata::kImage);
  EXPECT_EQ(image.color_space, TensorMetadata::kRgb);
  EXPECT_EQ(image.mean, (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(image.deviation, (std::vector<float>{4, 5, 6}));
  EXPECT_EQ(image.min, std::vector<float>{-1});
  EXPECT_EQ(image.max, std::vector<float>{1});
  const TensorMetadata& boxes = s.outputs.at(0);
  EXPECT_EQ(boxes.box_index, (std::vector<uint32_t>{1, 0, 3, 2}));
  EXPECT_EQ(boxes.box_type, TensorMetadata::kBoundaries);
  EXPECT_EQ(boxes.coordinates, TensorMetadata::kPixel);
  EXPECT_EQ(boxes.range, (std::array<int32_t, 2>{2, 3}));
  EXPECT_EQ(s.outputs.at(1).files.at(0).type, AssociatedFile::kTensorValueLabels);
  EXPECT_EQ(s.outputs.at(1).files.at(0).locale, "en");
  EXPECT_EQ(s.output_groups.at(0).tensors, (std::vector<std::string>{"location", "category"}));
}

TEST(Metadata, WithoutGroupsAnOlderParserDoes) {
  ModelMetadata m = example();
  m.subgraphs[0].output_groups.clear();
  EXPECT_EQ(parse(metadata_bytes(m))->min_parser_version, "1.0.0");
}

TEST(Metadata, SurvivesEveryCutAndEveryChangedByte) {
  const std::string bytes = metadata_bytes(example());
  for (size_t size = 0; size < bytes.size(); ++size) (void)parse(bytes.substr(0, size));
  for (size_t at = 0; at < bytes.size(); ++at)
    for (const char value : {'\x00', '\x7f', '\xff'}) {
      std::string changed = bytes;
      changed[at] = value;
      (void)parse(changed);
    }
  EXPECT_EQ(parse(bytes.substr(0, 12)).error().code(), ErrorCode::kTruncated);
  EXPECT_EQ(parse("").error().code(), ErrorCode::kMalformed);
  std::string other = bytes;
  other[4] = 'X';
  EXPECT_EQ(parse(other).error().code(), ErrorCode::kMalformed);
}

TEST(AppendedFiles, AreFoundBehindAModel) {
  std::vector<std::byte> file(100, std::byte{7});
  ZipWriter zip(
      [&](std::span<const std::byte> bytes) -> Status {
        file.insert(file.end(), bytes.begin(), bytes.end());
        return {};
      },
      1, file.size());
  const std::string content = "cat\ndog\n";
  ASSERT_TRUE(zip.add("labels.txt", {std::as_bytes(std::span(content))}).ok());
  ASSERT_TRUE(zip.finish().ok());
  const Bytes bytes = Bytes::own(file);
  EXPECT_EQ(read_appended(bytes, "labels.txt", 8, "m").value(), content);
  EXPECT_EQ(read_appended(bytes, "labels.txt", 7, "m").error().code(), ErrorCode::kTooLarge);
  EXPECT_FALSE(read_appended(bytes, "other.txt", 8, "m").value().has_value());
  const Bytes plain = Bytes::own(std::vector<std::byte>(100));
  EXPECT_FALSE(read_appended(plain, "labels.txt", 8, "m").value().has_value());
}

}  // namespace
}  // namespace pumice
