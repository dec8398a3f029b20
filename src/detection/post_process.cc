#include "detection/post_process.h"

#include <cstdio>

#include "detection/add_post_process.h"
#include "detection/anchors.h"
#include "detection/recognize.h"
#include "detection/tail_builder.h"
#include "detection/tail_record.h"
#include "ops/infer.h"

namespace pumice {
namespace {

using Json = nlohmann::ordered_json;

/// Encodings [1,N,4] as ty, tx, th, tw, and scores [1,N,classes or one more].
struct Heads {
  Value *encodings, *scores;
};

Result<Heads> heads_of(TailBuilder& builder, const RecognizedTail& tail) {
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
Status finish(TailBuilder& builder, const Finish& how, int64_t rows, Value*& boxes,
              Value*& scores) {
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
  TailBuilder builder(model, graph);
  PUMICE_TRY(Heads heads, heads_of(builder, tail));
  Value* anchors = graph.constant(Constant(anchors_of(tail.decoding)), nullptr, "anchors");
  PUMICE_TRY(Node * op, create_detection_post_process(graph, heads.encodings, heads.scores, anchors,
                                                      tail.parameters, nullptr));
  Value *boxes = op->result(0), *scores = op->result(2);
  PUMICE_CHECK(finish(builder, tail.finish, tail.parameters.max_detections, boxes, scores));

  DetectorRecord done;
  done.json = tail_json(signature, "custom-op", "recognized", tail.parameters, n);
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
  TailBuilder builder(model, graph);
  PUMICE_TRY(Heads heads, heads_of(builder, tail));
  DetectorRecord done;
  done.json = tail_json(signature, "none", "recognized", tail.parameters, tail.decoding.count);
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
  done.json = tail_json(signature, cut ? "none" : "custom-op", "composite", p,
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
    auto done = !options.anchors_file.empty()
                    ? add_post_process(model, graph, signature, options, ordered)
                : op  ? kept(graph, signature, *op, cut)
                : cut ? raw(model, graph, signature)
                      : recognized(model, graph, signature);
    if (!done.ok()) return std::move(done).error();
    records.push_back(*std::move(done));
  }
  return records;
}

}  // namespace pumice
