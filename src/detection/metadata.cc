#include "detection/metadata.h"

#include <algorithm>

#include "detection/class_count.h"
#include "detection/raw_heads.h"

namespace pumice {
namespace {

constexpr char kLabelsName[] = "labels.txt";

/// How the numbers of the output that labels belong to are meant.
enum class Numbering { kFromZero, kFromOne, kColumns };

class Describer {
 public:
  Describer(const Model& model, size_t signature, const DetectorFacts& facts)
      : signature_(model.signatures[signature]),
        graph_(*model.find(signature_.graph)),
        facts_(facts) {
    out_.signature = signature;
  }

  /// Whether its outputs are detections or raw heads, those that the caller names where it does.
  bool is_detector() const {
    const auto roles = roles_of_outputs();
    return roles.ok() && (roles->boxes >= 0 || heads().ok());
  }

  Result<DetectorDescription> describe() {
    PUMICE_CHECK(describe_input());
    for (const SignatureTensor& output : signature_.outputs) {
      TensorMetadata tensor;
      tensor.name = output.name;
      tensor.content = TensorMetadata::kFeature;
      subgraph_.outputs.push_back(std::move(tensor));
    }
    PUMICE_TRY(const OutputRoles roles, roles_of_outputs());
    if (roles.boxes >= 0) {
      describe_detections(roles);
      if (!facts_.labels.empty())
        PUMICE_CHECK(add_labels(subgraph_.outputs[static_cast<size_t>(roles.classes)],
                                roles.zero_based ? Numbering::kFromZero : Numbering::kFromOne,
                                detector_class_count(graph_, signature_, roles)));
    } else if (!facts_.labels.empty()) {
      PUMICE_CHECK(label_heads());
    }
    out_.metadata.name = "ObjectDetector";
    out_.metadata.description = "Finds objects in a picture.";
    out_.metadata.subgraphs.push_back(std::move(subgraph_));
    return std::move(out_);
  }

 private:
  Status describe_input() {
    const SignatureTensor* input = signature_.inputs.size() == 1 ? &signature_.inputs[0] : nullptr;
    int64_t channels = 0;
    if (input && input->shape.is_rank(4) && input->shape[3].known())
      channels = input->shape[3].size();
    if (channels != 1 && channels != 3) {
      if (facts_.normalization)
        return Error(ErrorCode::kUsage, "there is no picture to normalize")
            .expected("one input of shape [batch,height,width,3] (or 1 channel)")
            .found(input ? to_string(input->shape)
                         : std::to_string(signature_.inputs.size()) + " inputs");
      for (const SignatureTensor& other : signature_.inputs) {
        TensorMetadata tensor;
        tensor.name = other.name;
        tensor.content = TensorMetadata::kFeature;
        subgraph_.inputs.push_back(std::move(tensor));
      }
      return {};
    }
    TensorMetadata image;
    image.name = "image";
    image.description = "The picture.";
    image.content = TensorMetadata::kImage;
    image.color_space = channels == 3 ? TensorMetadata::kRgb : TensorMetadata::kGray;
    image.min = {0}, image.max = {255};
    if (facts_.normalization)
      PUMICE_CHECK(check_normalization(*facts_.normalization, static_cast<size_t>(channels)));
    if (input->dtype == DType::kFloat32 || graph_.inputs()[0]->quantization) {
      describe_normalization(*input, image);
    } else if (facts_.normalization) {
      out_.warnings.push_back({"normalization_unused",
                               "the input is " + std::string(dtype_name(input->dtype)) +
                                   " and takes the picture as it is: --normalize is not written",
                               input->name});
    }
    subgraph_.inputs.push_back(std::move(image));
    return {};
  }

  void describe_normalization(const SignatureTensor& input, TensorMetadata& image) {
    if (!facts_.normalization) {
      if (input.dtype == DType::kFloat32) {
        image.min.clear(), image.max.clear();
        out_.warnings.push_back({"normalization_unknown",
                                 "the input is float32 and nothing tells what it takes: libraries "
                                 "that read metadata will refuse the model without --normalize",
                                 input.name});
      }
      return;
    }
    image.mean = facts_.normalization->mean;
    image.deviation = facts_.normalization->std;
    const auto alike = [](const std::vector<float>& v) {
      return std::all_of(v.begin(), v.end(), [&](float x) { return x == v[0]; });
    };
    if (alike(image.mean) && alike(image.deviation))  // MediaPipe takes no pair a channel
      image.mean.resize(1), image.deviation.resize(1);
    if (input.dtype != DType::kFloat32) return;  // stored values keep their own range
    image.min.clear(), image.max.clear();
    for (size_t i = 0; i < image.mean.size(); ++i) {
      const float black = (0 - image.mean[i]) / image.deviation[i];
      const float white = (255 - image.mean[i]) / image.deviation[i];
      image.min.push_back(std::min(black, white));
      image.max.push_back(std::max(black, white));
    }
  }

  /// Boxes [1,N,4], classes [1,N] and scores [1,N], as far as the shapes are known.
  bool fit(const OutputRoles& roles) const {
    const auto shape = [this](int role) -> const Shape& {
      return signature_.outputs[static_cast<size_t>(role)].shape;
    };
    const Shape& boxes = shape(roles.boxes);
    if (boxes.known_rank() && (boxes.rank() != 3 || (boxes[2].known() && boxes[2].size() != 4)))
      return false;
    return (!shape(roles.classes).known_rank() || shape(roles.classes).rank() == 2) &&
           (!shape(roles.scores).known_rank() || shape(roles.scores).rank() == 2);
  }

  /// boxes is -1 where the outputs are no detections.
  Result<OutputRoles> roles_of_outputs() const {
    std::vector<std::string> names;
    for (const SignatureTensor& output : signature_.outputs) names.push_back(output.name);
    const OutputRoles own = roles_by_operator(graph_);
    if (facts_.outputs.empty()) {
      const OutputRoles roles = own.boxes >= 0 ? own : roles_by_convention(names);
      return roles.boxes >= 0 && fit(roles) ? roles : OutputRoles();
    }
    PUMICE_TRY(OutputRoles roles, roles_by_names(names, facts_.outputs));
    if (!fit(roles))
      return Error(ErrorCode::kUsage, "the outputs named do not go together")
          .expected("boxes [1,N,4], classes [1,N], scores [1,N] and a count [1]");
    roles.zero_based = own.boxes >= 0 && own.classes == roles.classes;
    return roles;
  }

  void describe_detections(const OutputRoles& roles) {
    const auto describe = [this](int index, const char* name, const char* description) {
      TensorMetadata& t = subgraph_.outputs[static_cast<size_t>(index)];
      t.name = name;
      t.description = description;
      return &t;
    };
    // The content of each row but the first axis: TensorFlow Lite's readers expect exactly this.
    constexpr std::array<int32_t, 2> kRows = {2, 2};
    TensorMetadata* boxes = describe(roles.boxes, "location", "The boxes of the detections.");
    boxes->content = TensorMetadata::kBoundingBox;
    boxes->box_index = {1, 0, 3, 2};  // stored top, left, bottom, right
    boxes->box_type = TensorMetadata::kBoundaries;
    boxes->coordinates = TensorMetadata::kRatio;
    boxes->range = kRows;
    describe(roles.classes, "category", "The classes of the detections.")->range = kRows;
    describe(roles.scores, "score", "The scores of the detections.")->range = kRows;
    if (roles.count >= 0)
      describe(roles.count, "number of detections", "How many of the rows are detections.");
    if (roles.count < 0 || signature_.outputs.size() != 4)
      out_.warnings.push_back(
          {"not_four_outputs",
           "TensorFlow Lite Task Library and MediaPipe take detectors of exactly "
           "four outputs (boxes, classes, scores and a count): --output-arrays "
           "takes these alone",
           ""});
    subgraph_.output_groups.push_back({"detection_result", {"location", "category", "score"}});
  }

  Result<Heads> heads() const {
    std::vector<HeadShape> shapes;
    for (const SignatureTensor& output : signature_.outputs)
      shapes.push_back({output.name, output.dtype, output.shape});
    return find_heads(shapes, facts_.outputs);
  }

  /// Raw heads: the labels name the columns of the class predictions.
  Status label_heads() {
    const auto heads = this->heads();
    const Shape* scores = heads.ok() ? &signature_.outputs[heads->scores].shape : nullptr;
    const Dim columns = scores ? (*scores)[scores->rank() - 1] : Dim();
    if (!columns.known())
      return Error(ErrorCode::kUsage, "no output can be told to hold classes, which --labels name")
          .expected("boxes, classes, scores and a count by the names of a convention, or raw heads")
          .hint("Name them: --detector-outputs BOXES,CLASSES,SCORES,COUNT");
    return add_labels(subgraph_.outputs[heads->scores], Numbering::kColumns, columns.size());
  }

  Status add_labels(TensorMetadata& tensor, Numbering numbering, std::optional<int64_t> classes) {
    std::vector<std::string> labels = facts_.labels.lines;
    if (numbering == Numbering::kColumns) {
      auto lines = labels_of_columns(facts_.labels, *classes);
      if (!lines) return misfit(numbering, *classes);
      labels = std::move(*lines);
    } else {
      const bool background = is_background(labels[0]);
      if (classes && objects() != *classes) return misfit(numbering, *classes);
      if (numbering == Numbering::kFromZero && background) labels.erase(labels.begin());
      if (numbering == Numbering::kFromOne && !background) labels.insert(labels.begin(), kNoObject);
    }
    std::string text;
    for (const std::string& label : labels) text += label + "\n";
    out_.files.push_back({kLabelsName, std::move(text)});
    tensor.files.push_back(
        {kLabelsName, "The names of the classes, one a line.",
         static_cast<int8_t>(numbering == Numbering::kColumns ? AssociatedFile::kTensorAxisLabels
                                                              : AssociatedFile::kTensorValueLabels),
         ""});
    out_.labels = std::move(labels);
    return {};
  }

  /// How many classes the labels name.
  int64_t objects() const {
    return static_cast<int64_t>(facts_.labels.lines.size()) -
           (is_background(facts_.labels.lines[0]) ? 1 : 0);
  }

  Error misfit(Numbering numbering, int64_t classes) const {
    const bool by_id = facts_.labels.by_id;
    std::string expected = std::to_string(classes), found = std::to_string(objects());
    if (numbering == Numbering::kColumns)
      expected += ", one a column, or " + std::to_string(classes - 1) + " without the background";
    if (by_id)
      found += " (its largest id)";
    else if (is_background(facts_.labels.lines[0]))
      found += " (a line for the background not counted)";
    const char* first = by_id ? "id 1" : "the first line";
    const std::string background =
        by_id ? "." : ", unless that is 'background' or '?\?\?' and stands for no object.";
    std::string hint;
    if (numbering == Numbering::kFromZero)
      hint = std::string("The outputs count classes from 0: ") + first + " names class 0";
    else if (numbering == Numbering::kFromOne)
      hint = std::string("The outputs count classes from 1: ") + first + " names class 1";
    else
      hint =
          std::string("Column 0 is the background's where there is one more than classes: then ") +
          first + " names column 1";
    return Error(ErrorCode::kUsage, "the labels do not fit the model's classes")
        .in(facts_.labels_file)
        .expected(expected)
        .found(found)
        .hint(hint + background);
  }

  const Signature& signature_;
  const Graph& graph_;
  const DetectorFacts& facts_;
  SubgraphMetadata subgraph_;
  DetectorDescription out_;
};

/// Labels of the values (or of the columns) that the tensors are about.
const AssociatedFile* find_label_file(const SubgraphMetadata& subgraph) {
  for (const AssociatedFile::Type type :
       {AssociatedFile::kTensorValueLabels, AssociatedFile::kTensorAxisLabels})
    for (const TensorMetadata& tensor : subgraph.outputs) {
      const AssociatedFile* translated = nullptr;
      for (const AssociatedFile& file : tensor.files) {
        if (file.type != type) continue;
        if (file.locale.empty()) return &file;
        if (!translated) translated = &file;
      }
      if (translated) return translated;
    }
  return nullptr;
}

}  // namespace

Result<DetectorDescription> describe_detector(const Model& model, const DetectorFacts& facts) {
  if (model.signatures.empty())
    return Error(ErrorCode::kUsage, "the model has no signature that metadata could describe");
  size_t signature = 0;
  while (signature < model.signatures.size() && !Describer(model, signature, facts).is_detector())
    ++signature;
  if (signature == model.signatures.size()) signature = 0;
  PUMICE_TRY(DetectorDescription described, Describer(model, signature, facts).describe());
  const std::string& graph = model.signatures[signature].graph;
  if (std::any_of(model.signatures.begin(), model.signatures.end(),
                  [&](const Signature& s) { return s.graph != graph; }))
    described.warnings.push_back(
        {"metadata_of_one_signature",
         "the metadata describe the signature '" + model.signatures[signature].key +
             "' alone, which goes first: TensorFlow Lite Task Library runs a model's first "
             "subgraph; MediaPipe takes models of one signature (--signature KEY)",
         ""});
  return described;
}

Result<KnownDetector> read_known_detector(const ModelMetadata& metadata, const Bytes& model,
                                          const std::string& file) {
  KnownDetector known;
  if (metadata.subgraphs.empty()) return known;
  const SubgraphMetadata& subgraph = metadata.subgraphs[0];
  if (subgraph.inputs.size() == 1 && !subgraph.inputs[0].mean.empty()) {
    known.normalization = Normalization{subgraph.inputs[0].mean, subgraph.inputs[0].deviation};
    if (auto status = check_normalization(*known.normalization, 3); !status.ok())
      return Error(ErrorCode::kMalformed, "the metadata's normalization is impossible")
          .in(file)
          .found(to_string(*known.normalization));
  }
  std::vector<std::string> names;
  for (const TensorMetadata& output : subgraph.outputs) names.push_back(output.name);
  if (const OutputRoles roles = roles_by_convention(names); roles.boxes >= 0) known.roles = roles;
  if (const AssociatedFile* labels = find_label_file(subgraph)) {
    PUMICE_TRY(const auto content, read_appended(model, labels->name, kMostLabelBytes, file));
    if (!content)
      return Error(ErrorCode::kMalformed, "the metadata name a label file that is not there")
          .in(file)
          .expected("'" + labels->name + "' in the archive behind the model");
    PUMICE_TRY(known.labels, parse_label_lines(*content, file));
  }
  return known;
}

}  // namespace pumice
