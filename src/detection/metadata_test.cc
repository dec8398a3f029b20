#include "detection/metadata.h"

#include <gtest/gtest.h>

namespace pumice {
namespace {

Value* result(Node* node, DType dtype, Shape shape, size_t index = 0) {
  node->result(index)->dtype = dtype;
  node->result(index)->shape = std::move(shape);
  return node->result(index);
}

/// image → boxes, classes, scores and a count under the given names. The classes are picked from a
/// list of `classes` constants, beginning with `first`; none: nothing tells how many there are.
Model detector(const std::vector<std::string>& names, int64_t classes, float first,
               DType input = DType::kFloat32) {
  Model model;
  Graph* g = model.add_graph("main");
  Value* image = g->add_input("image", input, Shape{1, 8, 8, 3});
  Value* any = result(g->create("custom:Any", {image}), DType::kInt32, Shape{1, 5});
  Value* named = any;
  if (classes > 0) {
    std::vector<float> values;
    for (int64_t i = 0; i < classes; ++i) values.push_back(first + static_cast<float>(i));
    Value* list = g->constant(Tensor::of(DType::kFloat32, {classes}, values));
    named = result(g->create("GATHER", {list, any}), DType::kFloat32, Shape{1, 5});
    named = result(g->create("RESHAPE", {named, g->constant(Tensor::scalar_i32(0))}),
                   DType::kFloat32, Shape{1, 5});
  }
  const Shape shapes[] = {Shape{1, 5, 4}, Shape{1, 5}, Shape{1, 5}, Shape{1}};
  Signature signature{"s", "main", {{"image", input, image->shape}}, {}};
  for (size_t i = 0; i < names.size(); ++i) {
    Value* v =
        i == 1 ? named : result(g->create("custom:Any", {image}), DType::kFloat32, shapes[i]);
    g->add_output(v);
    signature.outputs.push_back({names[i], v->dtype, v->shape});
  }
  model.signatures.push_back(std::move(signature));
  return model;
}

const std::vector<std::string> kTensorFlow = {"detection_boxes", "detection_classes",
                                              "detection_scores", "num_detections"};
const std::vector<std::string> kLite = {"location", "category", "score", "number of detections"};

DetectorFacts labels(std::vector<std::string> names) {
  DetectorFacts facts;
  facts.labels.lines = std::move(names);
  facts.labels_file = "l.txt";
  facts.normalization = Normalization{{127.5f}, {127.5f}};
  return facts;
}

TEST(DescribeDetector, TensorFlowsClassesCountFromOne) {
  const auto d = describe_detector(detector(kTensorFlow, 2, 1), labels({"cat", "dog"}));
  ASSERT_TRUE(d.ok()) << d.error().text();
  EXPECT_EQ(d->files.at(0).content, "???\ncat\ndog\n");
  const SubgraphMetadata& s = d->metadata.subgraphs.at(0);
  EXPECT_EQ(s.outputs.at(0).name, "location");
  EXPECT_EQ(s.outputs.at(0).box_index, (std::vector<uint32_t>{1, 0, 3, 2}));
  EXPECT_EQ(s.outputs.at(1).files.at(0).type, AssociatedFile::kTensorValueLabels);
  EXPECT_EQ(s.outputs.at(3).name, "number of detections");
  EXPECT_EQ(s.inputs.at(0).mean, std::vector<float>{127.5f});
  EXPECT_EQ(s.inputs.at(0).min, std::vector<float>{-1});
  EXPECT_EQ(s.inputs.at(0).max, std::vector<float>{1});
  EXPECT_TRUE(d->warnings.empty());
}

TEST(DescribeDetector, TheFirstSignatureThatIsADetectorIsDescribed) {
  Model model = detector(kTensorFlow, 2, 1);
  Graph* other = model.add_graph("other");
  Value* x = other->add_input("x", DType::kFloat32, Shape{1, 4});
  other->add_output(result(other->create("RELU", {x}), DType::kFloat32, Shape{1, 4}));
  model.signatures.insert(model.signatures.begin(),
                          {"a", "other", {{"x", x->dtype, x->shape}}, {{"y", x->dtype, x->shape}}});
  const auto d = describe_detector(model, labels({"cat", "dog"}));
  ASSERT_TRUE(d.ok()) << d.error().text();
  EXPECT_EQ(d->signature, 1u);
  EXPECT_EQ(d->files.at(0).content, "???\ncat\ndog\n");
  ASSERT_EQ(d->warnings.size(), 1u);
  EXPECT_EQ(d->warnings[0].code, "metadata_of_one_signature");
  model.signatures.pop_back();
  EXPECT_FALSE(describe_detector(model, labels({"cat", "dog"})).ok());
}

TEST(DescribeDetector, ABackgroundLineIsKeptOrDropped) {
  const auto one =
      describe_detector(detector(kTensorFlow, 2, 1), labels({"background", "cat", "dog"}));
  ASSERT_TRUE(one.ok()) << one.error().text();
  EXPECT_EQ(one->files.at(0).content, "background\ncat\ndog\n");
  const auto zero = describe_detector(detector(kLite, 2, 0), labels({"???", "cat", "dog"}));
  ASSERT_TRUE(zero.ok()) << zero.error().text();
  EXPECT_EQ(zero->files.at(0).content, "cat\ndog\n");
}

TEST(DescribeDetector, LabelsThatDoNotFitAreRefused) {
  for (const auto& names : {std::vector<std::string>{"cat"}, {"cat", "dog", "cow"}})
    for (const Model& model : {detector(kTensorFlow, 2, 1), detector(kLite, 2, 0)}) {
      const auto d = describe_detector(model, labels(names));
      ASSERT_FALSE(d.ok());
      EXPECT_EQ(d.error().code(), ErrorCode::kUsage);
      EXPECT_EQ(d.error().file(), "l.txt");
      EXPECT_EQ(d.error().expected(), "2");
    }
  // Nothing tells how many there are.
  EXPECT_TRUE(describe_detector(detector(kLite, 0, 0), labels({"cat"})).ok());
}

TEST(DescribeDetector, OutputsAreNamedByTheCaller) {
  const std::vector<std::string> names = {"a", "b", "c", "d"};
  const auto unknown = describe_detector(detector(names, 2, 1), labels({"cat", "dog"}));
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code(), ErrorCode::kUsage);
  DetectorFacts facts = labels({"cat", "dog"});
  facts.outputs = {"a", "b", "c", "d"};
  const auto d = describe_detector(detector(names, 2, 1), facts);
  ASSERT_TRUE(d.ok()) << d.error().text();
  EXPECT_EQ(d->metadata.subgraphs[0].outputs.at(2).name, "score");
  facts.outputs = {"a", "b", "none"};
  EXPECT_EQ(describe_detector(detector(names, 2, 1), facts).error().code(), ErrorCode::kUsage);
}

TEST(DescribeDetector, OutputsOfOtherShapesAreNoDetections) {
  const std::vector<std::string> exchanged = {"detection_scores", "detection_classes",
                                              "detection_boxes", "num_detections"};
  EXPECT_EQ(describe_detector(detector(exchanged, 2, 1), labels({"cat", "dog"})).error().code(),
            ErrorCode::kUsage);
}

TEST(DescribeDetector, ClassesAreCountedThroughTheirArithmetic) {
  Model model = detector(kTensorFlow, 0, 0);
  Graph* g = model.find("main");
  const auto number = [&](float v) {
    return g->constant(Tensor::of<float>(DType::kFloat32, {}, {v}));
  };
  // Of 240 rows, 20 a class: the class is the row's number / 20, counted from 1.
  Value* scores = result(g->create("custom:Any", {g->inputs()[0]}), DType::kFloat32, Shape{1, 240});
  Node* top = g->create("TOPK_V2", {scores, g->constant(Tensor::scalar_i32(5))}, 2);
  result(top, DType::kFloat32, Shape{1, 5}, 0);
  Value* row = result(top, DType::kInt32, Shape{1, 5}, 1);
  Value* by = g->constant(Tensor::scalar_i32(20));
  Value* classes = result(g->create("FLOOR_DIV", {row, by}), DType::kInt32, Shape{1, 5});
  classes = result(g->create("CAST", {classes}), DType::kFloat32, Shape{1, 5});
  classes = result(g->create("ADD", {classes, number(1)}), DType::kFloat32, Shape{1, 5});
  g->set_output(1, classes);
  EXPECT_EQ(describe_detector(model, labels({"cat", "dog"})).error().expected(), "12");
  // What is added is not known: nothing tells.
  Value* unknown = result(g->create("custom:Any", {g->inputs()[0]}), DType::kFloat32, Shape{});
  g->set_output(1, result(g->create("ADD", {classes, unknown}), DType::kFloat32, Shape{1, 5}));
  EXPECT_TRUE(describe_detector(model, labels({"cat", "dog"})).ok());
}

TEST(DescribeDetector, TheOperatorsOutputsAreKnownWithoutNames) {
  Model model;
  Graph* g = model.add_graph("main");
  Value* image = g->add_input("image", DType::kUInt8, Shape{1, 8, 8, 3});
  Node* op = g->create("custom:TFLite_Detection_PostProcess", {image, image, image}, 4);
  op->attributes.set("num_classes", int64_t{2});
  const Shape shapes[] = {Shape{1, 5, 4}, Shape{1, 5}, Shape{1, 5}, Shape{1}};
  Signature signature{"s", "main", {{"image", image->dtype, image->shape}}, {}};
  for (size_t i : {3, 1, 0, 2}) {
    Value* v = result(op, DType::kFloat32, shapes[i], i);
    g->add_output(v);
    signature.outputs.push_back({"Identity_" + std::to_string(i), v->dtype, v->shape});
  }
  model.signatures.push_back(signature);
  const auto d = describe_detector(model, labels({"cat", "dog"}));
  ASSERT_TRUE(d.ok()) << d.error().text();
  std::string order;
  for (const TensorMetadata& t : d->metadata.subgraphs[0].outputs) order += t.name + ",";
  EXPECT_EQ(order, "number of detections,category,location,score,");
  EXPECT_EQ(d->files.at(0).content, "cat\ndog\n");
  EXPECT_EQ(d->warnings.at(0).code, "normalization_unused");
  EXPECT_TRUE(d->metadata.subgraphs[0].inputs[0].mean.empty());
  EXPECT_FALSE(describe_detector(model, labels({"cat"})).ok());
}

TEST(DescribeDetector, RawHeadsHaveALabelAColumn) {
  Model model;
  Graph* g = model.add_graph("main");
  Value* image = g->add_input("image", DType::kFloat32, Shape{Dim(), 8, 8, 3});
  Signature signature{"s", "main", {{"image", image->dtype, image->shape}}, {}};
  for (int64_t columns : {3, 4}) {
    Value* v = result(g->create("custom:Any", {image}), DType::kFloat32, Shape{1, 9, columns});
    g->add_output(v);
    signature.outputs.push_back({"o" + std::to_string(columns), v->dtype, v->shape});
  }
  model.signatures.push_back(signature);
  for (const auto& [names, written] :
       {std::pair{std::vector<std::string>{"cat", "dog"}, "???\ncat\ndog\n"},
        {std::vector<std::string>{"background", "cat", "dog"}, "background\ncat\ndog\n"},
        {std::vector<std::string>{"cat", "dog", "cow"}, "cat\ndog\ncow\n"}}) {
    const auto d = describe_detector(model, labels(names));
    ASSERT_TRUE(d.ok()) << d.error().text();
    EXPECT_EQ(d->files.at(0).content, written);
    const TensorMetadata& scores = d->metadata.subgraphs[0].outputs.at(0);
    EXPECT_EQ(scores.name, "o3");
    EXPECT_EQ(scores.files.at(0).type, AssociatedFile::kTensorAxisLabels);
    EXPECT_EQ(d->metadata.subgraphs[0].outputs.at(1).content, TensorMetadata::kFeature);
  }
  EXPECT_FALSE(describe_detector(model, labels({"cat"})).ok());
  EXPECT_FALSE(describe_detector(model, labels({"background", "cat"})).ok());
}

TEST(DescribeDetector, WhatIsNoPictureIsNotNormalized) {
  Model model = detector(kLite, 2, 0);
  model.signatures[0].inputs[0].shape = Shape{1, 8};
  const auto d = describe_detector(model, labels({"cat", "dog"}));
  ASSERT_FALSE(d.ok());
  EXPECT_EQ(d.error().code(), ErrorCode::kUsage);
  DetectorFacts facts = labels({"cat", "dog"});
  facts.normalization = Normalization{{1, 2}, {1, 2}};
  EXPECT_EQ(describe_detector(detector(kLite, 2, 0), facts).error().code(), ErrorCode::kUsage);
}

TEST(DescribeDetector, AFloatInputWithoutNormalizationIsWarnedOf) {
  DetectorFacts facts = labels({"cat", "dog"});
  facts.normalization.reset();
  const auto d = describe_detector(detector(kLite, 2, 0), facts);
  ASSERT_TRUE(d.ok());
  EXPECT_EQ(d->warnings.at(0).code, "normalization_unknown");
}

TEST(KnownDetector, IsReadBack) {
  auto d = describe_detector(detector(kLite, 0, 0), labels({"cat", "dog"}));
  ASSERT_TRUE(d.ok()) << d.error().text();
  const auto missing = read_known_detector(d->metadata, Bytes(), "m.tflite");
  ASSERT_FALSE(missing.ok());  // the archive is not there
  EXPECT_EQ(missing.error().code(), ErrorCode::kMalformed);
  for (TensorMetadata& t : d->metadata.subgraphs[0].outputs) t.files.clear();
  const auto known = read_known_detector(d->metadata, Bytes(), "m.tflite");
  ASSERT_TRUE(known.ok());
  EXPECT_EQ(known->normalization->std, std::vector<float>{127.5f});
  ASSERT_TRUE(known->roles.has_value());
  EXPECT_EQ(known->roles->boxes, 0);
  EXPECT_EQ(known->roles->scores, 2);
  EXPECT_TRUE(known->roles->zero_based);
  d->metadata.subgraphs[0].inputs[0].deviation = {0};
  EXPECT_FALSE(read_known_detector(d->metadata, Bytes(), "m.tflite").ok());
}

}  // namespace
}  // namespace pumice
