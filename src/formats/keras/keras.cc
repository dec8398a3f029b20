#include "formats/keras/keras.h"

#include "formats/file.h"
#include "formats/json/reader.h"
#include "formats/keras/weights.h"
#include "formats/zip/zip.h"

namespace pumice {

namespace {

constexpr uint64_t kLargestConfig = 32 << 20;

Source empty_source(const char* format, const Bytes& bytes, const std::string& path) {
  Source source;
  source.format = format;
  source.files = {path};
  source.bytes = bytes.size();
  source.graph = std::make_unique<Graph>("main");
  return source;
}

std::string too_large(const std::string& place, uint64_t size) {
  return place + ": is too large for a config (" + std::to_string(size) + " bytes); it is not read";
}

/// What an HDF5 file of Keras's has at its root, at the least.
bool is_keras(const Hdf5Object& root) {
  for (const char* name : {"model_config", "training_config", "keras_version", "layer_names"})
    if (root.attribute(name)) return true;
  for (const char* name : {"vars", "layers", "optimizer", "model_weights", "optimizer_weights",
                           "_layer_checkpoint_dependencies"})
    if (root.find(name)) return true;
  // A model of attributes only: each keeps its own variables.
  for (const Hdf5Link& link : root.links)
    if (link.object.find("vars")) return true;
  return false;
}

}  // namespace

Result<Source> read_keras(const Bytes& bytes, const std::string& path) {
  auto opened = ZipReader::open(bytes);
  if (!opened.ok()) return std::move(opened).error().in(path);
  const ZipReader& zip = *opened;
  if (!zip.find("config.json"))
    return Error(ErrorCode::kUnknownFormat, "is a zip archive, but no .keras file")
        .in(path)
        .expected("config.json in it");

  Source source = empty_source("keras", bytes, path);
  for (const ZipEntry& entry : zip.entries()) {
    if (!entry.name.ends_with(".json")) continue;
    // Text of a few hundred KiB, of a few MiB for the largest models; the rest is no config.
    if (entry.size > kLargestConfig) {
      source.facts.warnings.push_back(too_large(entry.name, entry.size));
      continue;
    }
    auto text = zip.read(entry);
    if (!text.ok()) {
      source.facts.warnings.push_back(entry.name + ": " + text.error().text());
      continue;
    }
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
    if (!entry.name.ends_with(".h5")) continue;
    Result<Hdf5File> file = Error(ErrorCode::kInternal, "");
    if (auto content = zip.read(entry); content.ok()) {
      file = read_hdf5(*content);
    } else {
      file = std::move(content).error();
    }
    if (file.ok()) {
      add_hdf5_facts(std::make_shared<Hdf5File>(std::move(file).value()), entry.name, source.facts);
    } else {
      source.facts.warnings.push_back(
          entry.name + ": " + file.error().text() +
          "; sizes and steps of optimizers, and optimizers kept as attributes, are not known");
    }
  }
  return source;
}

Result<Source> read_keras_h5(const Bytes& bytes, const std::string& path) {
  auto read = read_hdf5(bytes);
  if (!read.ok()) return std::move(read).error().in(path);
  auto file = std::make_shared<Hdf5File>(std::move(read).value());
  const Hdf5Object& root = file->root;
  if (!is_keras(root) && file->faults.empty())
    return Error(ErrorCode::kUnknownFormat,
                 "is an HDF5 file, but holds no Keras model and no weights of one")
        .in(path)
        .expected("an attribute model_config, or groups of layers with their vars");
  Source source = empty_source("h5", bytes, path);
  const std::string name = name_of(path);
  for (const char* attribute : {"model_config", "training_config"}) {
    auto text = root.text_attribute(attribute);
    if (text && text->size() <= kLargestConfig) {
      source.facts.documents.push_back({name, std::string("@") + attribute, std::move(*text)});
    } else if (text) {
      source.facts.warnings.push_back(too_large(name + "@" + attribute, text->size()));
    }
  }
  if (const auto version = root.text_attribute("keras_version"))
    source.producer = "keras " + *version;
  add_hdf5_facts(std::move(file), name, source.facts);
  return source;
}

}  // namespace pumice
