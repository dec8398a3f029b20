#include "detection/post_process.h"

#include <cmath>
#include <cstdio>

#include "detection/anchors.h"
#include "detection/recognize.h"
#include "ops/infer.h"
#include "passes/simplify.h"

namespace pumice {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kOperatorOutputs[] = {
    "TFLite_Detection_PostProcess", "TFLite_Detection_PostProcess:1",
    "TFLite_Detection_PostProcess:2", "TFLite_Detection_PostProcess:3"};
constexpr const char* kHeadOutputs[] = {"raw_outputs/box_encodings",
                                        "raw_outputs/class_predictions"};

/// The name of what is neither the operator nor an output.
constexpr char kMadeHere[] = "detections";

/// Makes TensorFlow nodes at a graph's end.
class Builder {
 public:
  Builder(Model& model, Graph& graph) : model_(model), graph_(graph) {}

  Result<Value*> make(const char* op, std::initializer_list<Value*> operands,
                      Attributes attributes = {}) {
    Node* node = graph_.create(op, operands);
    node->attributes = std::move(attributes);
    node->name = kMadeHere;
    PUMICE_CHECK(infer_node(model_, *node));
    return node->result();
  }
  Value* integers(const std::vector<int64_t>& values) {
    return graph_.constant(Constant(Tensor::vector_i32(values)), nullptr, kMadeHere);
  }
  Value* integer(int32_t value) {
    return graph_.constant(Constant(Tensor::scalar_i32(value)), nullptr, kMadeHere);
  }
  Value* number(float value) {
    return graph_.constant(Constant(Tensor::scalar_f32(value)), nullptr, kMadeHere);
  }
  /// x in the shape `to`, if it has another.
  Result<Value*> shaped(Value* x, const Dims& to) {
    if (x->shape == Shape(to)) return x;
    return make("Reshape", {x, integers(to)}, {{"T", DType::kFloat32}, {"Tshape", DType::kInt32}});
  }
  /// The columns `columns` of x [1,N,C], unless they are all of them in order.
  Result<Value*> columns(Value* x, const std::vector<int64_t>& columns) {
    bool all = static_cast<int64_t>(columns.size()) == x->shape[2].size();
    for (size_t i = 0; i < columns.size(); ++i) all &= columns[i] == static_cast<int64_t>(i);
    if (all) return x;
    return make(
        "GatherV2", {x, integers(columns), integer(2)},
        {{"Tparams", DType::kFloat32}, {"Tindices", DType::kInt32}, {"Taxis", DType::kInt32}});
  }
  Result<Value*> slice(Value* x, const std::vector<int64_t>& begin,
                       const std::vector<int64_t>& size) {
    return make("Slice", {x, integers(begin), integers(size)},
                {{"T", DType::kFloat32}, {"Index", DType::kInt32}});
  }

 private:
  Model& model_;
  Graph& graph_;
};

void set_outputs(Graph& graph, Signature& signature, std::span<Value* const> values,
                 const char* const* names) {
  while (graph.output_count() > 0) graph.return_node()->remove_operand(graph.output_count() - 1);
  signature.outputs.clear();
  for (size_t i = 0; i < values.size(); ++i) {
    graph.add_output(values[i]);
    values[i]->name = names[i];
    signature.outputs.push_back({names[i], values[i]->dtype, values[i]->shape});
  }
  graph.erase_dead();
}

Json parameters_json(const DetectionParameters& p) {
  Json json = Json::object();
  for (const auto& [name, value] : p.attributes())
    std::visit(
        [&, &key = name](const auto& v) {
          using T = std::decay_t<decltype(v)>;
          if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, int64_t> ||
                        std::is_same_v<T, float>)
            json[key] = v;
        },
        value);
  return json;
}

Json anchors_json(const Tensor& anchors) {
  Json rows = Json::array();
  for (int64_t i = 0; i < anchors.dims()[0]; ++i) {
    Json row = Json::array();
    for (int64_t c = 0; c < 4; ++c) row.push_back(anchors.at<float>(4 * i + c));
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string parameters_text(const DetectionParameters& p, int64_t anchors) {
  char text[200];
  std::snprintf(
      text, sizeof(text),
      "%lld anchors, %lld class%s, scores from %.3g, overlap %.3g, at most %lld detections",
      static_cast<long long>(anchors), static_cast<long long>(p.num_classes),
      p.num_classes == 1 ? "" : "es", static_cast<double>(p.nms_score_threshold),
      static_cast<double>(p.nms_iou_threshold), static_cast<long long>(p.max_detections));
  return text;
}

Json record(const Signature& signature, const char* mode, const char* origin,
            const DetectionParameters& p, int64_t anchors) {
  return {{"signature", signature.key},
          {"postprocess", mode},
          {"origin", origin},
          {"anchors", anchors},
          {"parameters", parameters_json(p)}};
}

/// Encodings [1,N,4] as ty, tx, th, tw, and scores [1,N,classes or one more].
struct Heads {
  Value *encodings, *scores;
};

Result<Heads> heads_of(Builder& builder, const RecognizedTail& tail) {
  const int64_t n = tail.decoding.count;
  Heads heads{};
  PUMICE_TRY(heads.encodings, builder.shaped(tail.decoding.encodings, {1, n, 4}));
  PUMICE_TRY(heads.encodings, builder.columns(heads.encodings, {tail.decoding.columns.begin(),
                                                                tail.decoding.columns.end()}));
  PUMICE_TRY(heads.scores, builder.shaped(tail.scores.scores, {1, n, tail.scores.columns}));
  // The operator leaves out column 0 by itself, where there is one more than classes.
  const std::vector<int64_t>& columns = tail.scores.column_of;
  bool behind_background = static_cast<int64_t>(columns.size()) + 1 == tail.scores.columns;
  for (size_t i = 0; i < columns.size(); ++i)
    behind_background &= columns[i] == static_cast<int64_t>(i) + 1;
  if (!behind_background) {
    PUMICE_TRY(heads.scores, builder.columns(heads.scores, columns));
  }
  return heads;
}

Tensor anchors_of(const BoxDecoding& decoding) {
  return Tensor::of<float>(DType::kFloat32, {decoding.count, 4}, decoding.anchors);
}

/// BEFORE  boxes, scores of the operator
/// AFTER   boxes cut off at 0 and 1; scores 0 where nothing of a box is left
Status finish(Builder& builder, const Finish& how, int64_t rows, Value*& boxes, Value*& scores) {
  if (how.clipped) {
    PUMICE_TRY(boxes,
               builder.make("Minimum", {boxes, builder.number(1)}, {{"T", DType::kFloat32}}));
    PUMICE_TRY(boxes,
               builder.make("Maximum", {boxes, builder.number(0)}, {{"T", DType::kFloat32}}));
  }
  if (how.filled) {
    PUMICE_TRY(Value * low, builder.slice(boxes, {0, 0, 0}, {1, rows, 2}));
    PUMICE_TRY(Value * high, builder.slice(boxes, {0, 0, 2}, {1, rows, 2}));
    PUMICE_TRY(Value * sides, builder.make("Greater", {high, low}, {{"T", DType::kFloat32}}));
    PUMICE_TRY(Value * area, builder.make("All", {sides, builder.integers({2})},
                                          {{"Tidx", DType::kInt32}, {"keep_dims", false}}));
    PUMICE_TRY(Value * one,
               builder.make("Cast", {area}, {{"SrcT", DType::kBool}, {"DstT", DType::kFloat32}}));
    PUMICE_TRY(scores, builder.make("Mul", {scores, one}, {{"T", DType::kFloat32}}));
  }
  return {};
}

Json recognized_json(const RecognizedTail& tail) {
  Json json = {
      {"score_conversion", tail.scores.conversion.empty() ? Json() : Json(tail.scores.conversion)},
      {"score_columns", tail.scores.columns},
      {"encoding_columns", tail.decoding.columns}};
  return json;
}

Result<DetectorRecord> recognized(Model& model, Graph& graph, Signature& signature) {
  PUMICE_TRY(RecognizedTail tail, recognize_tail(model, graph));
  const int64_t n = tail.decoding.count;
  Builder builder(model, graph);
  PUMICE_TRY(Heads heads, heads_of(builder, tail));
  Value* anchors = graph.constant(Constant(anchors_of(tail.decoding)), nullptr, "anchors");
  PUMICE_TRY(Node * op, create_detection_post_process(graph, heads.encodings, heads.scores, anchors,
                                                      tail.parameters, nullptr));
  Value *boxes = op->result(0), *scores = op->result(2);
  PUMICE_CHECK(finish(builder, tail.finish, tail.parameters.max_detections, boxes, scores));

  DetectorRecord done;
  done.json = record(signature, "custom-op", "recognized", tail.parameters, n);
  done.json.update(recognized_json(tail));
  done.json["label_offset"] = tail.finish.label_offset;
  done.json["box_scale"] = tail.finish.scale;
  done.json["clipped"] = tail.finish.clipped;
  done.json["without_area_dropped"] = tail.finish.filled;
  done.json["samples"] = tail.samples;
  Json replaced = Json::object(), dropped = Json::array();
  std::string names;
  static constexpr const char* kRoles[] = {"boxes", "classes", "scores", "count"};
  for (size_t i = 0; i < signature.outputs.size(); ++i) {
    bool kept = false;
    for (size_t role = 0; role < tail.outputs.size(); ++role)
      if (tail.outputs[role] == i) {
        replaced[kRoles[role]] = signature.outputs[i].name;
        kept = true;
      }
    if (kept) continue;
    dropped.push_back(signature.outputs[i].name);
    names += (names.empty() ? "" : ", ") + signature.outputs[i].name;
  }
  if (!names.empty())
    done.warnings.push_back(
        {"outputs-dropped",
         "the detection operator has no such outputs, they are left out: " + names, ""});
  done.json["replaced_outputs"] = std::move(replaced);
  done.json["dropped_outputs"] = std::move(dropped);
  char offset[48];
  std::snprintf(offset, sizeof(offset), "%g", static_cast<double>(tail.finish.label_offset));
  done.text = "post-processing recognized: " + parameters_text(tail.parameters, n) +
              "; classes count from 0 (in the source from " + offset + ")";
  Value* const outputs[] = {boxes, op->result(1), scores, op->result(3)};
  set_outputs(graph, signature, outputs, kOperatorOutputs);
  return done;
}

Result<DetectorRecord> raw(Model& model, Graph& graph, Signature& signature) {
  // How many detections there are at most shows in the tail; heads whose tail the operator cannot
  // replace are cut all the same.
  auto recognized = recognize_tail(model, graph);
  if (!recognized.ok()) recognized = recognize_heads(model, graph);
  if (!recognized.ok()) return std::move(recognized).error();
  const RecognizedTail tail = *std::move(recognized);
  Builder builder(model, graph);
  PUMICE_TRY(Heads heads, heads_of(builder, tail));
  DetectorRecord done;
  done.json = record(signature, "none", "recognized", tail.parameters, tail.decoding.count);
  done.json.update(recognized_json(tail));
  done.json["background"] = heads.scores->shape[2].size() > tail.parameters.num_classes;
  done.json["anchor_rows"] = anchors_json(anchors_of(tail.decoding));
  done.text =
      "raw heads: " + parameters_text(tail.parameters, tail.decoding.count) + " in the source";
  Value* const outputs[] = {heads.encodings, heads.scores};
  set_outputs(graph, signature, outputs, kHeadOutputs);
  return done;
}

/// A graph that holds the operator already.
Result<DetectorRecord> kept(Graph& graph, Signature& signature, const Node& op, bool cut) {
  PUMICE_TRY(const DetectionParameters p, DetectionParameters::from(op.attributes));
  const Constant* anchors = constant_of(op.operand(2));
  DetectorRecord done;
  done.json = record(signature, cut ? "none" : "custom-op", "composite", p,
                     anchors && !anchors->dims().empty() ? anchors->dims()[0] : -1);
  done.text = "post-processing operator of the source";
  if (!cut) return done;
  if (!anchors || anchors->dims().size() != 2 || anchors->dtype() != DType::kFloat32)
    return unsupported(op, "the anchors are no constant");
  const Tensor values = anchors->materialize();
  if (Status status = check_anchors(values); !status.ok())
    return std::move(status).error().at(op.name, op.op);
  done.json["anchor_rows"] = anchors_json(values);
  done.text = "raw heads: " + parameters_text(p, values.dims()[0]) + " in the source";
  Value* const outputs[] = {op.operand(0), op.operand(1)};
  set_outputs(graph, signature, outputs, kHeadOutputs);
  return done;
}

/// Which of a graph's two outputs are the encodings [1,N,4]; the other ones are scores [1,N,C].
Result<size_t> find_encodings(const Graph& graph, bool ordered) {
  std::vector<size_t> found;
  std::string shapes;
  for (size_t i = 0; i < graph.output_count(); ++i) {
    const auto dims = sizes_of_one(graph.output(i));
    shapes += (i ? ", " : "") + to_string(graph.output(i)->shape);
    if (dims && dims->back() == 4 && (dims->size() == 3 || dims->size() == 4)) found.push_back(i);
  }
  if (graph.output_count() == 2 && (found.size() == 1 || (found.size() == 2 && ordered)))
    return found[0];
  return Error(ErrorCode::kUnsupported, "the outputs are no raw heads")
      .expected("box encodings [1,N,4] and class scores [1,N,classes]")
      .found(shapes)
      .hint("Name both: --output-arrays ENCODINGS,SCORES");
}

bool are_scores(const Value* value) {
  for (int steps = 0; steps < 16; ++steps) {
    const Node& node = *value->node();
    if (node.is("Sigmoid") || node.is("Softmax")) return true;
    const bool moves = node.is("Reshape") || node.is("Identity") || node.is("Squeeze") ||
                       node.is("ExpandDims") || node.is("ConcatV2");
    if (!moves || node.operand_count() == 0) return false;
    value = node.operand(0);
  }
  return false;
}

Result<Value*> converted_scores(Builder& builder, Value* scores, ScoreConversion how) {
  const Attributes type = {{"T", DType::kFloat32}};
  if (how == ScoreConversion::kSigmoid) return builder.make("Sigmoid", {scores}, type);
  if (how == ScoreConversion::kSoftmax) return builder.make("Softmax", {scores}, type);
  if (how == ScoreConversion::kTold && !are_scores(scores))
    return Error(ErrorCode::kUsage,
                 "the graph does not tell whether its class output are scores of 0 to 1")
        .at(scores->node()->name, scores->node()->op)
        .expected("a sigmoid or softmax before it")
        .hint("Say it: --score-conversion sigmoid, softmax or none");
  return scores;
}

Result<DetectorRecord> added(Model& model, Graph& graph, Signature& signature,
                             const DetectorEnds& options, bool ordered) {
  PUMICE_TRY(const size_t first, find_encodings(graph, ordered));
  Value *encodings = graph.output(first), *scores = graph.output(1 - first);
  const Dims boxes = *sizes_of_one(encodings);
  const int64_t n = *element_count(boxes) / 4;
  const auto columns = sizes_of_one(scores);
  const auto numbers = columns ? element_count(*columns) : std::nullopt;
  if (!numbers || n == 0 || *numbers % n != 0 || columns->back() * n != *numbers ||
      encodings->dtype != DType::kFloat32 || scores->dtype != DType::kFloat32)
    return Error(ErrorCode::kUnsupported, "the two heads do not go together")
        .expected("float32 encodings [1,N,4] and scores [1,N,classes] of one picture")
        .found(std::string(dtype_name(encodings->dtype)) + " " + to_string(encodings->shape) +
               " and " + std::string(dtype_name(scores->dtype)) + " " + to_string(scores->shape));
  PUMICE_TRY(const Tensor anchors, read_anchors(options.anchors_file, n));

  const int64_t width = columns->back();
  DetectionParameters p;
  p.num_classes = options.num_classes.value_or(std::max<int64_t>(width - 1, 1));
  if (p.num_classes != width && p.num_classes != width - 1)
    return Error(ErrorCode::kUsage, "--num-classes does not fit the class output")
        .expected(std::to_string(width) +
                  (width > 1 ? ", or " + std::to_string(width - 1) + " and the background" : ""))
        .found(std::to_string(p.num_classes));
  p.max_detections = p.detections_per_class = options.max_detections.value_or(100);
  p.nms_score_threshold = options.score_threshold.value_or(1e-8f);
  p.nms_iou_threshold = options.iou_threshold.value_or(0.6f);
  p.use_regular_nms = !options.one_nms.value_or(false);
  if (const auto& scales = options.scales) {
    if (scales->size() != 4)
      return Error(ErrorCode::kUsage, "--scales")
          .expected("four numbers: y,x,h,w")
          .found(std::to_string(scales->size()));
    p.y_scale = (*scales)[0], p.x_scale = (*scales)[1], p.h_scale = (*scales)[2],
    p.w_scale = (*scales)[3];
  }
  if (auto valid = DetectionParameters::from(p.attributes()); !valid.ok())
    return Error(ErrorCode::kUsage, valid.error().message())
        .expected(valid.error().expected())
        .found(valid.error().found());

  Builder builder(model, graph);
  PUMICE_TRY(encodings, builder.shaped(encodings, {1, n, 4}));
  PUMICE_TRY(scores, builder.shaped(scores, {1, n, width}));
  PUMICE_TRY(scores, converted_scores(builder, scores,
                                      options.score_conversion.value_or(ScoreConversion::kTold)));
  Value* constant = graph.constant(Constant(anchors), nullptr, "anchors");
  PUMICE_TRY(Node * op,
             create_detection_post_process(graph, encodings, scores, constant, p, nullptr));
  DetectorRecord done;
  done.json = record(signature, "custom-op", "added", p, n);
  done.text = "post-processing added: " + parameters_text(p, n);
  if (!options.num_classes && width > 1)
    done.warnings.push_back({"background-assumed",
                             "the first of " + std::to_string(width) +
                                 " class columns is taken for the background "
                                 "(--num-classes says otherwise)",
                             scores->node()->name});
  Value* const outputs[] = {op->result(0), op->result(1), op->result(2), op->result(3)};
  set_outputs(graph, signature, outputs, kOperatorOutputs);
  return done;
}

}  // namespace

Status check_head_options(const DetectorEnds& o) {
  if (o.anchors_file.empty() &&
      (o.scales || o.score_threshold || o.iou_threshold || o.max_detections || o.num_classes ||
       o.score_conversion || o.one_nms))
    return Error(ErrorCode::kUsage,
                 "scales, thresholds and limits are read from the graph where its post-processing "
                 "is recognized")
        .expected("--anchors FILE with them, for raw heads");
  return {};
}

Result<std::vector<DetectorRecord>> apply_post_process(Model& model, const DetectorEnds& options,
                                                       bool ordered) {
  PUMICE_CHECK(check_head_options(options));
  if (!options.anchors_file.empty() && options.post_process != PostProcess::kCustomOp)
    return Error(ErrorCode::kUsage, "--anchors gives raw heads the detection operator")
        .expected("--postprocess custom-op with it");
  std::vector<DetectorRecord> records;
  if (options.post_process == PostProcess::kBuiltin) return records;
  for (Signature& signature : model.signatures) {
    Graph& graph = *model.find(signature.graph);
    const Node* op = nullptr;
    for (const Node& node : graph)
      if (node.is(kDetectionPostProcess)) op = &node;
    const bool cut = options.post_process == PostProcess::kNone;
    auto done = !options.anchors_file.empty() ? added(model, graph, signature, options, ordered)
                : op                          ? kept(graph, signature, *op, cut)
                : cut                         ? raw(model, graph, signature)
                                              : recognized(model, graph, signature);
    if (!done.ok()) return std::move(done).error();
    records.push_back(*std::move(done));
  }
  return records;
}

}  // namespace pumice
