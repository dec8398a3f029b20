#include "detection/pre_process.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "detection/subgraph.h"
#include "evaluate/evaluate.h"
#include "graph/cast.h"

namespace pumice {
namespace {

Error refused(const Value& input, std::string what) {
  return Error(ErrorCode::kUnsupported, "the pre-processing of input '" + input.node()->name +
                                            "' cannot be moved out: " + std::move(what))
      .hint("--preprocess keep leaves it in the model");
}

/// Larger pictures are not run through a graph.
constexpr int64_t kMostNumbers = 3 * 4096 * 4096;

/// The number of six digits that is equal within float32's rounding.
float tidy(double v) {
  if (v == 0 || !std::isfinite(v)) return static_cast<float>(v);
  const double unit = std::pow(10.0, std::floor(std::log10(std::fabs(v))) - 5);
  const double round = std::round(v / unit) * unit;
  return static_cast<float>(std::fabs(round - v) < 2e-6 * std::fabs(v) ? round : v);
}

/// The part from a picture to a candidate for the network's input.
class Part {
 public:
  Part(const Model& model, const Graph& part, const Value& input, Dims picture, int64_t height,
       int64_t width)
      : model_(model),
        part_(part),
        dtype_(input.dtype),
        picture_(std::move(picture)),
        height_(height),
        width_(width) {}

  /// Factor and summand of each channel; false where the part does something else.
  bool read(std::array<double, 3>& factor, std::array<double, 3>& summand) const {
    // Pictures of one colour, all channels different.
    constexpr std::array<float, 3> kLow = {0, 0, 0}, kHigh = {255, 255, 255},
                                   kMixed = {200, 30, 117};
    std::array<double, 3> low{}, high{}, mixed{};
    if (!colour(kLow, low) || !colour(kHigh, high) || !colour(kMixed, mixed)) return false;
    for (size_t c = 0; c < 3; ++c) {
      factor[c] = (high[c] - low[c]) / 255;
      summand[c] = low[c];
      const double expected = factor[c] * static_cast<double>(kMixed[c]) + summand[c];
      const double reach = std::max(std::fabs(low[c]), std::fabs(high[c]));
      if (!(factor[c] > 0) || !std::isfinite(reach) ||
          !(std::fabs(mixed[c] - expected) <= 1e-5 * reach))
        return false;
    }
    return random_agrees(factor, summand);
  }

 private:
  Result<std::vector<float>> run(const std::vector<float>& pixels) const {
    Tensor picture = cast_tensor(Tensor::of<float>(DType::kFloat32, picture_, pixels), dtype_);
    const Tensor inputs[] = {std::move(picture)};
    PUMICE_TRY(auto out, evaluate(model_, part_, inputs));
    if (out[0].dims() != Dims{1, height_, width_, 3} || out[0].dtype() != DType::kFloat32)
      return Error(ErrorCode::kUnsupported, "another shape");
    return out[0].values<float>();
  }

  bool colour(const std::array<float, 3>& rgb, std::array<double, 3>& result) const {
    std::vector<float> pixels(static_cast<size_t>(*element_count(picture_)));
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = rgb[i % 3];
    auto out = run(pixels);
    if (!out.ok()) return false;
    for (size_t c = 0; c < 3; ++c) result[c] = static_cast<double>((*out)[c]);
    for (size_t i = 0; i < out->size(); ++i) {
      const double v = static_cast<double>((*out)[i]), there = result[i % 3];
      if (!(std::fabs(v - there) <= 1e-5 * std::max(1.0, std::fabs(there)))) return false;
    }
    return true;
  }

  /// A picture that already has the network's size goes through pixel by pixel; of another size,
  /// resizing stays between the smallest and the largest value of a channel.
  bool random_agrees(const std::array<double, 3>& factor,
                     const std::array<double, 3>& summand) const {
    const bool same_size = picture_ == Dims{1, height_, width_, 3};
    std::mt19937 random(3);
    std::vector<float> pixels(static_cast<size_t>(*element_count(picture_)));
    for (float& p : pixels) p = static_cast<float>(random() % 256);
    auto out = run(pixels);
    if (!out.ok()) return false;
    for (size_t i = 0; i < out->size(); ++i) {
      const double v = static_cast<double>((*out)[i]),
                   slack = 1e-4 * (255 * factor[i % 3] + std::fabs(summand[i % 3]));
      const double low = summand[i % 3], high = 255 * factor[i % 3] + low;
      if (!(v >= low - slack && v <= high + slack)) return false;
      if (same_size &&
          !(std::fabs(v - (factor[i % 3] * static_cast<double>(pixels[i]) + low)) <= slack))
        return false;
    }
    return true;
  }

  const Model& model_;
  const Graph& part_;
  DType dtype_;
  Dims picture_;
  int64_t height_, width_;
};

bool is_resize(const Node& node) {
  return node.is("ResizeBilinear") || node.is("ResizeNearestNeighbor") ||
         node.is("ResizeBicubic") || node.is("ResizeArea") || node.is("ScaleAndTranslate");
}

/// Ops by which a network's first convolution takes its input in another form.
bool belongs_to_network(const Node& node) {
  for (const char* op :
       {"Pad", "PadV2", "MirrorPad", "Identity", "SpaceToBatchND", "SpaceToDepth", "Transpose"})
    if (node.is(op)) return true;
  return false;
}

/// The tensor nearest to the network that is an affine image of the picture. What is not may not be
/// left behind in the model: it would pass for a part of the network.
Result<Value*> find_network_input(const Model& model, const Graph& graph, Value& input,
                                  StrippedInput& found) {
  Value* network = nullptr;
  for (Node& node : graph)
    if (!network && node.operand_count() > 0 && node.operand(0) &&
        (node.is("Conv2D") || node.is("DepthwiseConv2dNative") || node.is("_FusedConv2D") ||
         node.is("FusedDepthwiseConv2dNative")))
      network = node.operand(0);
  if (!network) return refused(input, "the graph has no convolution");
  Value* const targets[] = {network};
  const Node* last = nullptr;  // what made the tensor tried before
  for (Value* candidate : bottlenecks(graph, targets)) {
    const auto dims = sizes_of_one(candidate);
    if (candidate->node()->is("Input")) break;
    if (last && !belongs_to_network(*last)) break;
    last = candidate->node();
    if (!dims || dims->size() != 4 || (*dims)[0] != 1 || (*dims)[3] != 3 ||
        candidate->dtype != DType::kFloat32)
      continue;
    Value* const inputs[] = {&input};
    Value* const outputs[] = {candidate};
    const auto part = cut_out(graph, inputs, outputs);
    if (!part) continue;
    Dims picture = {1, (*dims)[1], (*dims)[2], 3};
    for (size_t i = 1; i < 3; ++i)
      if (input.shape[i].known()) picture[i] = input.shape[i].size();
    std::string resize;
    size_t resizes = 0;
    for (const Node& node : *part)
      if (is_resize(node)) resize = node.op, ++resizes;
    if (resizes > 1 || (resizes == 0 && picture != Dims{1, (*dims)[1], (*dims)[2], 3})) continue;
    const auto numbers = element_count(picture), smaller = element_count(*dims);
    if (!numbers || *numbers > kMostNumbers || !smaller || *smaller > kMostNumbers)
      return refused(input, "the picture is too large to try it");
    std::array<double, 3> factor{}, summand{};
    if (!Part(model, *part, input, picture, (*dims)[1], (*dims)[2]).read(factor, summand)) continue;
    const bool one = factor[0] == factor[1] && factor[0] == factor[2] && summand[0] == summand[1] &&
                     summand[0] == summand[2];
    for (size_t c = 0; c < (one ? 1u : 3u); ++c) {
      found.normalization.std.push_back(tidy(1 / factor[c]));
      found.normalization.mean.push_back(tidy(-summand[c] / factor[c]));
    }
    found.height = (*dims)[1];
    found.width = (*dims)[2];
    found.resize = resize;
    return candidate;
  }
  return refused(
             input,
             "it is more than one resizing and a positive factor and a summand for each channel")
      .at(last ? last->name : input.node()->name, last ? last->op : "Input");
}

Result<StrippedInput> strip(Model& model, Graph& graph, const Signature& signature) {
  Value* input = nullptr;
  StrippedInput stripped;
  stripped.signature = signature.key;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    Value* v = graph.inputs()[i];
    const bool picture = v->shape.is_rank(4) && v->shape[3].same_as(3) &&
                         (v->dtype == DType::kUInt8 || v->dtype == DType::kFloat32);
    if (!picture) continue;
    if (input) return refused(*v, "there are several pictures");
    input = v;
    stripped.input = signature.inputs[i].name;
  }
  if (!input)
    return Error(ErrorCode::kUnsupported,
                 "no input is a picture, so there is no pre-processing to move out")
        .expected("uint8 or float32 [1,height,width,3]")
        .found(graph.inputs().empty() ? "no input" : to_string(graph.inputs()[0]->shape));
  PUMICE_TRY(Value * network, find_network_input(model, graph, *input, stripped));
  Value* fresh = graph.add_input(input->node()->name, DType::kFloat32,
                                 Shape{1, stripped.height, stripped.width, 3});
  graph.replace_uses(network, fresh);
  graph.erase_dead();
  if (!input->unused()) {
    const Node& reader = *input->uses()[0].node;
    return refused(*input, "the graph reads the picture elsewhere too").at(reader.name, reader.op);
  }
  input->dtype = fresh->dtype;
  input->shape = fresh->shape;
  graph.replace_uses(fresh, input);
  graph.remove_input(graph.inputs().size() - 1);
  return stripped;
}

}  // namespace

Result<std::vector<StrippedInput>> strip_pre_processing(Model& model) {
  std::vector<StrippedInput> all;
  for (const Signature& signature : model.signatures) {
    PUMICE_TRY(StrippedInput stripped, strip(model, *model.find(signature.graph), signature));
    all.push_back(std::move(stripped));
  }
  return all;
}

}  // namespace pumice
