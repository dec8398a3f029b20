#include "formats/keras/keras.h"

#include "formats/file.h"
#include "formats/json/reader.h"
#include "formats/zip/zip.h"

namespace pumice {

namespace {

constexpr uint64_t kLargestConfig = 32 << 20;

}  // namespace

Result<Source> read_keras(const Bytes& bytes, const std::string& path) {
  auto opened = ZipReader::open(bytes);
  if (!opened.ok()) return std::move(opened).error().in(path);
  const ZipReader& zip = *opened;
  if (!zip.find("config.json"))
    return Error(ErrorCode::kUnknownFormat, "is a zip archive, but no .keras file")
        .in(path)
        .expected("config.json in it");

  Source source;
  source.format = "keras";
  source.files = {path};
  source.bytes = bytes.size();
  source.graph = std::make_unique<Graph>("main");
  for (const ZipEntry& entry : zip.entries()) {
    if (!entry.name.ends_with(".json")) continue;
    // Text of a few hundred KiB, of a few MiB for the largest models; the rest is no config.
    if (entry.size > kLargestConfig) {
      source.facts.warnings.push_back(entry.name + ": is too large for a config (" +
                                      std::to_string(entry.size) + " bytes); it is not read");
      continue;
    }
    auto text = zip.read(entry);
    if (!text.ok()) return std::move(text).error().in(path);
    source.facts.documents.push_back({entry.name, "", std::string(as_text(text->view()))});
    if (entry.name != "metadata.json") continue;
    JsonReader r(source.facts.documents.back().json);
    std::string key;
    r.begin_object();
    while (r.next_member(&key)) {
      if (key == "keras_version" && r.kind() == JsonKind::kString) {
        source.producer = "keras " + r.string();
      } else {
        r.skip();
      }
    }
    if (!r.ok()) source.facts.warnings.push_back("metadata.json: " + r.status().error().message());
  }
  for (const ZipEntry& entry : zip.entries()) {
    if (entry.name.ends_with(".h5"))
      source.facts.warnings.push_back(
          entry.name + ": is not read yet: sizes and steps of optimizers, and optimizers kept as "
                       "attributes (which no config lists), are not known");
  }
  return source;
}

}  // namespace pumice
