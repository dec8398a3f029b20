// `.keras` and `.h5` files written anew: configs at every depth, groups of optimizer state.
#include "cleaning/clean.h"
#include "cleaning/config_text.h"
#include "cleaning/keras_plan.h"
#include "formats/file.h"
#include "formats/hdf5/reader.h"
#include "formats/hdf5/writer.h"
#include "formats/keras/keras.h"
#include "formats/output_file.h"
#include "formats/zip/zip.h"

namespace pumice {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

/// Gives the texts of the file as the plan has them.
class Texts {
 public:
  Texts(const KerasPlan& plan, const SourceFacts& facts) : plan_(plan), facts_(facts) {}

  bool changes(const KerasText& which) const {
    return plan_.without.count(which) || (plan_.taken && plan_.taken->to == which);
  }
  /// A text that only held an optimizer's training configuration goes as a whole.
  bool goes(const KerasText& which) const {
    const auto found = plan_.without.find(which);
    return found != plan_.without.end() && found->second.count("");
  }

  Result<std::string> edited(const KerasText& which) const {
    const std::string* text = find(which);
    const auto unreadable = [&] {
      return Error(ErrorCode::kMalformed,
                   "a Keras configuration cannot be read, so its optimizer cannot be taken out")
          .at(which.attribute.empty() ? which.file : which.attribute);
    };
    if (!text) return unreadable();
    std::vector<std::pair<JsonSpan, std::string>> spans;
    if (const auto found = plan_.without.find(which); found != plan_.without.end()) {
      for (const std::string& pointer : found->second) {
        const auto span = find_pointer(*text, pointer);
        if (!span) return unreadable();
        spans.emplace_back(*span, "null");
      }
    }
    if (plan_.taken && plan_.taken->to == which) {
      const std::string* source = find(plan_.taken->from);
      const auto from = source ? find_pointer(*source, plan_.taken->from_pointer) : std::nullopt;
      const auto to = find_pointer(*text, plan_.taken->to_pointer);
      if (!from || !to) return unreadable();
      spans.emplace_back(*to, source->substr(from->begin, from->end - from->begin));
    }
    return replaced(*text, std::move(spans));
  }

 private:
  const std::string* find(const KerasText& which) const {
    const std::string pointer = which.attribute.empty() ? "" : "@" + which.attribute;
    for (const auto& document : facts_.documents)
      if (document.file == which.file && document.pointer == pointer) return &document.json;
    return nullptr;
  }

  const KerasPlan& plan_;
  const SourceFacts& facts_;
};

/// Takes an optimizer's state out of the tree: its numbered variables, those of the optimizer that
/// it wraps, and the group when nothing else stands in it. `.h5` holds one group of named state.
void remove_state(const std::string& group, Hdf5Object* root) {
  if (group == "optimizer_weights") {
    root->remove(group);
    return;
  }
  root->remove(group + "/vars");
  root->remove(group + "/inner_optimizer/vars");
  for (const std::string& path : {group + "/inner_optimizer", group}) {
    const Hdf5Object* left = root->find(path);
    if (left && !left->dataset && left->links.empty()) root->remove(path);
  }
}

Result<std::vector<Bytes>> clean_tree(const Bytes& file, const std::string& name,
                                      const KerasPlan& plan, const Texts& texts) {
  PUMICE_TRY(Hdf5Object root, read_whole_hdf5(file));
  if (const auto groups = plan.groups.find(name); groups != plan.groups.end())
    for (const std::string& group : groups->second) remove_state(group, &root);
  if (plan.moved && plan.moved->file == name) {
    const Hdf5Object* state = root.find(plan.moved->from);
    if (state && !root.find(plan.moved->to)) {
      Hdf5Object copy = *state;
      root.remove(plan.moved->from);
      root.insert(plan.moved->to, std::move(copy));
    }
  }
  for (const char* attribute : {"model_config", "training_config"}) {
    const KerasText which{name, attribute};
    if (texts.goes(which)) {
      root.remove_attribute(attribute);
    } else if (texts.changes(which)) {
      PUMICE_TRY(const std::string text, texts.edited(which));
      root.set_attribute(attribute, Hdf5Data::of_text(text));
    }
  }
  return write_hdf5(root);
}

Status write_archive(const Bytes& file, const KerasPlan& plan, const Texts& texts,
                     OutputFile* out) {
  PUMICE_TRY(const ZipReader zip, ZipReader::open(file));
  ZipWriter writer([out](std::span<const std::byte> bytes) { return out->write(bytes); });
  for (const ZipEntry& entry : zip.entries()) {
    if (texts.changes({entry.name, ""})) {
      PUMICE_TRY(const std::string text, texts.edited({entry.name, ""}));
      PUMICE_CHECK(writer.add(entry.name, {bytes_of(text)}));
      continue;
    }
    PUMICE_TRY(const Bytes content, zip.read(entry));
    if (!plan.groups.count(entry.name) && !(plan.moved && plan.moved->file == entry.name)) {
      PUMICE_CHECK(zip.verify(entry));
      PUMICE_CHECK(writer.add(entry.name, {content.view()}));
      continue;
    }
    PUMICE_TRY(const auto parts, clean_tree(content, entry.name, plan, texts));
    std::vector<std::span<const std::byte>> views;
    for (const Bytes& part : parts) views.push_back(part.view());
    PUMICE_CHECK(writer.add(entry.name, views));
  }
  return writer.finish();
}

}  // namespace

Status clean_keras(const std::string& path, const Source& source, const std::string& output,
                   OptimizerFindings* findings) {
  PUMICE_TRY(const Bytes file, map_file(path));
  PUMICE_TRY(const KerasPlan plan, plan_keras(*findings));
  for (const Action& note : plan.notes) findings->resolution.actions.push_back(note);
  const Texts texts(plan, source.facts);
  PUMICE_TRY(OutputFile out, OutputFile::create(output));
  if (plan.empty()) {
    PUMICE_CHECK(out.write(file.view()));
  } else if (source.format == "keras") {
    PUMICE_CHECK(write_archive(file, plan, texts, &out));
  } else {
    PUMICE_TRY(const auto parts, clean_tree(file, name_of(path), plan, texts));
    for (const Bytes& part : parts) PUMICE_CHECK(out.write(part.view()));
  }
  PUMICE_TRY(const Bytes written, out.view());
  auto again =
      source.format == "keras" ? read_keras(written, output) : read_keras_h5(written, output);
  if (!again.ok()) return std::move(again).error();
  PUMICE_CHECK(check_clean(*again, *findings));
  return out.commit();
}

}  // namespace pumice
