// Tells a source's format by its content and calls its reader.
#include "formats/source.h"

#include <algorithm>
#include <cstring>

#include "formats/checkpoint/checkpoint.h"
#include "formats/file.h"
#include "formats/graph_def/graph_def.h"
#include "formats/hdf5/reader.h"
#include "formats/keras/keras.h"
#include "formats/meta_graph/meta_graph.h"
#include "formats/protobuf/reader.h"
#include "formats/protobuf/text.h"
#include "formats/saved_model/saved_model.h"
#include "formats/tfjs/tfjs.h"
#include "formats/zip/zip.h"

namespace pumice {
namespace {

constexpr char kFormats[] =
    "pumice reads SavedModel folders, GraphDef files (.pb, .pbtxt), TF1 checkpoints (.meta), "
    "TensorFlow.js graph models (model.json) and, for their optimizers, .keras and .h5 files.";

Error unknown(const std::string& path, const std::string& what) {
  return Error(ErrorCode::kUnknownFormat, what).in(path).hint(kFormats);
}

/// An op's name, as nodes carry it.
bool is_op_name(std::string_view name) {
  if (name.empty() || name.size() > 1000) return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '_' && c != '>' && c != '.' && c != '/' && c != '-') return false;
  }
  return true;
}

/// The last bytes of a sorted string table.
bool is_sstable(std::string_view bytes) {
  return bytes.ends_with("\x57\xfb\x80\x8b\x24\x75\x47\xdb");
}

enum class Proto { kNone, kGraphDef, kMetaGraph, kSavedModel };

/// Which TensorFlow message a binary file is. All three are told by their first fields, so a file
/// that is cut off later is recognised all the same, and its reader can say where it ends.
Proto tell_proto(std::string_view bytes) {
  ProtoReader r(bytes);
  while (r.next()) {
    if (r.field() == 1 && !r.is_bytes()) {
      // saved_model_schema_version; a GraphDef and a MetaGraphDef have a message here.
      const int64_t version = r.integer();
      return r.ok() && version >= 0 && version < 100 ? Proto::kSavedModel : Proto::kNone;
    }
    if (!r.is_bytes()) {
      if (r.field() == 3) continue;  // GraphDef.version
      return Proto::kNone;
    }
    if (r.field() == 1) {
      // A NodeDef has its op here, a MetaInfoDef a list of ops, tags or versions.
      ProtoReader first = r.message();
      bool name = false;
      while (first.next()) {
        if (!first.is_bytes()) continue;
        if (first.field() == 1) name = true;
        if (first.field() == 2) {
          const std::string_view op = first.bytes();
          return is_op_name(op) ? (name ? Proto::kGraphDef : Proto::kNone) : Proto::kMetaGraph;
        }
        if (first.field() == 3) return name ? Proto::kGraphDef : Proto::kNone;
        if (first.field() == 4 || first.field() == 5) return Proto::kMetaGraph;
      }
      // A message that is cut off inside its first node.
      return name ? Proto::kGraphDef : Proto::kNone;
    }
    if (r.field() == 2 || r.field() == 4) continue;  // library, versions
    return Proto::kNone;
  }
  // Only functions and versions: still a GraphDef, but none with a graph.
  return r.ok() && !bytes.empty() ? Proto::kGraphDef : Proto::kNone;
}

/// Which TensorFlow message a text file is, by its first field names.
const char* tell_text(std::string_view text) {
  // Control characters other than white space do not stand in text.
  const std::string_view head = text.substr(0, 4096);
  for (const char c : head) {
    if (static_cast<unsigned char>(c) < 32 && !(c >= '\t' && c <= '\r')) return nullptr;
  }
  size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
    } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
      ++at;
    } else {
      break;
    }
  }
  const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at);
  if (end == std::string_view::npos || end == at) return nullptr;
  const char next = text[std::min(text.find_first_not_of(" \t\r\n", end), text.size() - 1)];
  if (next != '{' && next != '<' && next != ':') return nullptr;
  const std::string_view field = text.substr(at, end - at);
  for (const char* message : {"GraphDef", "SavedModel", "MetaGraphDef"}) {
    if (text_schema_has(message, field)) return message;
  }
  return nullptr;
}

/// A GraphDef alone has no values for its variables.
Result<Source> read_graph_def_source(const Bytes& bytes, const std::string& path) {
  PUMICE_TRY(Source source, read_graph_def_file(bytes, path));
  PUMICE_TRY(
      source.variables,
      bind_variables(*source.graph, {}, nullptr,
                     "a GraphDef holds no values of variables; they are in the checkpoint it "
                     "was trained with: pass that one's .meta file, or a frozen graph"));
  return source;
}

Result<Source> read_text(const std::string& path, std::string_view text, const char* message) {
  auto wire = text_to_wire(text, message);
  if (!wire.ok()) return std::move(wire).error().in(path);
  auto owner = std::make_shared<const std::string>(std::move(wire).value());
  const Bytes bytes(owner, std::as_bytes(std::span<const char>(owner->data(), owner->size())));
  if (std::strcmp(message, "GraphDef") == 0) {
    PUMICE_TRY(Source source, read_graph_def_source(bytes, path));
    source.bytes = text.size();
    return source;
  }
  return unknown(path, "is the text form of a checkpoint's .meta file, which pumice does not read");
}

Result<Source> read_file(const std::string& path, const ReadOptions& options) {
  PUMICE_TRY(const Bytes bytes, map_file(path));
  const std::string_view text = as_text(bytes.view());
  if (text.empty())
    return Error(ErrorCode::kTruncated, "the file is empty").in(path).hint(kFormats);
  const std::string folder = folder_of(path);
  if (is_sstable(text)) {
    if (const auto prefix = checkpoint_prefix(path)) return read_checkpoint(*prefix);
  }
  if (looks_like_hdf5(bytes.view())) return read_keras_h5(bytes, path);
  if (looks_like_zip(bytes.view())) return read_keras(bytes, path);
  if (is_tfjs_text(text)) return read_tfjs(path, options);
  switch (tell_proto(text)) {
    case Proto::kGraphDef:
      if (has_tfjs_weights(path)) return read_tfjs(path, options);
      return read_graph_def_source(bytes, path);
    case Proto::kMetaGraph:
      if (const auto prefix = checkpoint_prefix(path)) return read_checkpoint(*prefix);
      return unknown(path, "is the graph of a checkpoint, but its name does not end in .meta");
    case Proto::kSavedModel:
      if (is_saved_model(folder)) return read_saved_model(folder, options);
      return unknown(path, "is a SavedModel's graph, but its name is not saved_model.pb");
    case Proto::kNone: break;
  }
  if (const char* message = tell_text(text)) {
    if (std::strcmp(message, "SavedModel") == 0 && is_saved_model(folder)) {
      return read_saved_model(folder, options);
    }
    return read_text(path, text, message);
  }
  if (const auto prefix = checkpoint_prefix(path)) return read_checkpoint(*prefix);
  return unknown(path, "no format that pumice reads begins like this file");
}

Result<Source> read_folder(const std::string& path, const ReadOptions& options) {
  if (is_saved_model(path)) return read_saved_model(path, options);
  if (const auto prefix = checkpoint_prefix(path)) return read_checkpoint(*prefix);
  if (is_tfjs_folder(path)) return read_tfjs(path, options);
  PUMICE_TRY(const auto names, list_folder(path));
  if (names.empty()) return unknown(path, "the folder is empty");
  std::string some;
  for (size_t i = 0; i < names.size() && i < 5; ++i) some += (i ? ", " : "") + names[i];
  if (names.size() > 5) some += ", …";
  return Error(ErrorCode::kUnknownFormat, "the folder holds no model")
      .in(path)
      .expected("saved_model.pb, a checkpoint, or model.json")
      .found(some)
      .hint(kFormats);
}

}  // namespace

Result<Source> read_source(const std::string& path, const ReadOptions& options) {
  if (is_folder(path)) return read_folder(path, options);
  if (!is_file(path)) {
    if (const auto prefix = checkpoint_prefix(path)) return read_checkpoint(*prefix);
  }
  return read_file(path, options);
}

}  // namespace pumice
