#include "detection/add_post_process.h"

#include <algorithm>

#include "detection/anchors.h"
#include "detection/subgraph.h"
#include "detection/tail_builder.h"
#include "detection/tail_record.h"
#include "ops/infer.h"

namespace pumice {
namespace {

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

Result<Value*> converted_scores(TailBuilder& builder, Value* scores, ScoreConversion how) {
  const Attributes type = {{"T", DType::kFloat32}};
  if (how == ScoreConversion::kSigmoid) return builder.make("Sigmoid", {scores}, type);
  if (how == ScoreConversion::kSoftmax) return builder.make("Softmax", {scores}, type);
  if (how == ScoreConversion::kTold && !are_scores(scores))
    return Error(ErrorCode::kUsage,
                 "the graph does not tell whether its class output holds scores of 0 to 1")
        .at(scores->node()->name, scores->node()->op)
        .expected("a sigmoid or softmax before it")
        .hint("Say it: --score-conversion sigmoid, softmax or none");
  return scores;
}

/// How many anchors N two heads have, and how many columns their scores [1,N,columns].
struct HeadSizes {
  int64_t anchors, columns;
};

Result<HeadSizes> sizes_of_heads(const Value* encodings, const Value* scores) {
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
  return HeadSizes{n, columns->back()};
}

/// The operator's parameters for scores of `width` columns.
Result<DetectionParameters> parameters_of(const DetectorEnds& options, int64_t width) {
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
  return p;
}

}  // namespace

Result<DetectorRecord> add_post_process(Model& model, Graph& graph, Signature& signature,
                                        const DetectorEnds& options, bool ordered) {
  PUMICE_TRY(const size_t first, find_encodings(graph, ordered));
  Value *encodings = graph.output(first), *scores = graph.output(1 - first);
  PUMICE_TRY(const HeadSizes sizes, sizes_of_heads(encodings, scores));
  const auto [n, width] = sizes;
  PUMICE_TRY(const Tensor anchors, read_anchors(options.anchors_file, n));
  PUMICE_TRY(const DetectionParameters p, parameters_of(options, width));

  TailBuilder builder(model, graph);
  PUMICE_TRY(encodings, builder.shaped(encodings, {1, n, 4}));
  PUMICE_TRY(scores, builder.shaped(scores, {1, n, width}));
  PUMICE_TRY(scores, converted_scores(builder, scores,
                                      options.score_conversion.value_or(ScoreConversion::kTold)));
  Value* constant = graph.constant(Constant(anchors), nullptr, "anchors");
  PUMICE_TRY(Node * op,
             create_detection_post_process(graph, encodings, scores, constant, p, nullptr));
  DetectorRecord done;
  done.json = tail_json(signature, "custom-op", "added", p, n);
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

}  // namespace pumice
