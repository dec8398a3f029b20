#include "formats/graph_def/graph_def.h"

#include <gtest/gtest.h>

#include "formats/graph_def/op_outputs.h"
#include "formats/protobuf/text.h"

namespace pumice {
namespace {

Bytes owned(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  return Bytes(owner, std::as_bytes(std::span<const char>(owner->data(), owner->size())));
}

Result<Source> read(std::string_view text) {
  auto wire = text_to_wire(text, "GraphDef");
  if (!wire.ok()) return std::move(wire).error();
  return read_graph_def_file(owned(std::move(wire).value()), "test.pb");
}

const Node* find(const Graph& graph, std::string_view name) {
  for (const Node& node : graph) {
    if (node.name == name) return &node;
  }
  return nullptr;
}

TEST(GraphDef, EdgesResultsAndControlInputs) {
  auto source = read(R"(
    node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
    node { name: "s" op: "Split" input: "x" attr { key: "num_split" value { i: 3 } } }
    node { name: "a" op: "Custom" input: "s:2" input: "s" input: "^x" }
    node { name: "b" op: "Identity" input: "a:4" })");
  ASSERT_TRUE(source.ok()) << source.error().text();
  const Graph& graph = *source->graph;
  EXPECT_EQ(find(graph, "s")->result_count(), 3u);
  const Node* a = find(graph, "a");
  EXPECT_EQ(a->operand(0), find(graph, "s")->result(2));
  EXPECT_EQ(a->operand(1), find(graph, "s")->result(0));
  ASSERT_EQ(a->control_inputs.size(), 1u);
  EXPECT_EQ(a->control_inputs[0]->name, "x");
  EXPECT_EQ(a->result_count(), 5u);  // nothing says how many: as many as are read
  EXPECT_EQ(find(graph, "x")->attributes.dtype("dtype"), DType::kFloat32);
}

TEST(GraphDef, LoopsMayCloseThroughNextIteration) {
  auto source = read(R"(
    node { name: "e" op: "Enter" input: "c" } node { name: "c" op: "Placeholder" }
    node { name: "m" op: "Merge" input: "e" input: "n" }
    node { name: "n" op: "NextIteration" input: "m" })");
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_EQ(find(*source->graph, "m")->operand(1)->node()->op, "NextIteration");
}

TEST(GraphDef, AttributesOfEveryKind) {
  auto source = read(R"(node { name: "n" op: "Op"
    attr { key: "s" value { s: "text" } } attr { key: "i" value { i: -5 } }
    attr { key: "f" value { f: 0.5 } } attr { key: "b" value { b: true } }
    attr { key: "shape" value { shape { dim { size: 2 } dim { size: -1 } } } }
    attr { key: "rank" value { shape { unknown_rank: true } } }
    attr { key: "ints" value { list { i: [1, 2] } } } attr { key: "none" value { list { } } }
    attr { key: "types" value { list { type: [DT_INT8, DT_STRING_REF] } } }
    attr { key: "fn" value { func { name: "body" attr { key: "N" value { i: 3 } } } } } })");
  ASSERT_TRUE(source.ok()) << source.error().text();
  const Attributes& a = find(*source->graph, "n")->attributes;
  EXPECT_EQ(a.string("s"), "text");
  EXPECT_EQ(a.integer("i"), -5);
  EXPECT_EQ(a.real("f"), 0.5f);
  EXPECT_TRUE(a.boolean("b"));
  EXPECT_EQ(to_string(a.get<Shape>("shape")), "[2,?]");
  EXPECT_FALSE(a.get<Shape>("rank").known_rank());
  EXPECT_EQ(a.integers("ints"), (std::vector<int64_t>{1, 2}));
  EXPECT_TRUE(a.has("none"));
  EXPECT_EQ(a.get<std::vector<DType>>("types"), (std::vector<DType>{DType::kInt8, DType::kString}));
  const auto* fn = a.find<FunctionRef>("fn");
  ASSERT_TRUE(fn);
  EXPECT_EQ(fn->name, "body");
  EXPECT_EQ(fn->attributes->integer("N"), 3);
}

std::string constant(const std::string& tensor) {
  return "node { name: \"c\" op: \"Const\" attr { key: \"value\" value { tensor { " + tensor +
         " } } } }";
}

TEST(GraphDef, ContentIsAViewOfTheFile) {
  auto wire = text_to_wire(constant(R"(dtype: DT_INT32 tensor_shape { dim { size: 2 } }
                                       tensor_content: "\001\000\000\000\002\000\000\000")"),
                           "GraphDef");
  ASSERT_TRUE(wire.ok());
  const Bytes bytes = owned(*wire);
  auto source = read_graph_def_file(bytes, "test.pb");
  ASSERT_TRUE(source.ok());
  const auto* value = find(*source->graph, "c")->attributes.find<Constant>("value");
  ASSERT_TRUE(value);
  EXPECT_GE(value->source().data(), bytes.data());
  EXPECT_LT(value->source().data(), bytes.data() + bytes.size());
  EXPECT_EQ(value->source().values<int32_t>(), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(find(*source->graph, "c")->result()->dtype, DType::kInt32);
}

TEST(GraphDef, OneValueForAHugeShapeCostsNoMemory) {
  auto source = read(constant(R"(dtype: DT_FLOAT float_val: 1
      tensor_shape { dim { size: 1000000000 } dim { size: 1000000000 } })"));
  ASSERT_TRUE(source.ok()) << source.error().text();
  const auto* value = find(*source->graph, "c")->attributes.find<Constant>("value");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->elements(), 1000000000000000000);
  EXPECT_EQ(value->source().elements(), 1);
}

TEST(GraphDef, ImpossibleConstantsAreRefused) {
  const auto code = [](const std::string& tensor) {
    auto source = read(constant(tensor));
    return source.ok() ? ErrorCode::kInternal : source.error().code();
  };
  const std::string huge = "tensor_shape { dim { size: 1000000000 } } ";
  EXPECT_EQ(code("dtype: DT_FLOAT float_val: [1, 2] " + huge), ErrorCode::kTooLarge);
  EXPECT_EQ(code("dtype: DT_STRING string_val: ['a', 'b'] " + huge), ErrorCode::kTooLarge);
  EXPECT_EQ(code("dtype: DT_STRING tensor_content: '\\001a' " + huge), ErrorCode::kMalformed);
  EXPECT_EQ(code("dtype: DT_FLOAT tensor_content: 'abcd' " + huge), ErrorCode::kMalformed);
  EXPECT_EQ(code("dtype: DT_FLOAT float_val: [1, 2, 3] tensor_shape { dim { size: 2 } }"),
            ErrorCode::kMalformed);
  EXPECT_EQ(code("dtype: DT_INT64 int64_val: [1, 2, 3]"), ErrorCode::kMalformed);
  EXPECT_EQ(code("dtype: DT_FLOAT tensor_shape { dim { size: -1 } }"), ErrorCode::kMalformed);
  EXPECT_EQ(
      code("dtype: DT_FLOAT tensor_shape { dim { size: 4000000000 } dim { size: 4000000000 } }"),
      ErrorCode::kMalformed);
}

TEST(GraphDef, DtypesWithoutAPlaceInTheGraphLeaveTheConstantWithoutValue) {
  auto source = read(constant("dtype: DT_FLOAT8_E5M2 float8_val: 'a'"));
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_FALSE(find(*source->graph, "c")->attributes.has("value"));
}

TEST(GraphDef, BrokenStructureIsNamed) {
  auto dangling = read("node { name: \"b\" op: \"Relu\" input: \"gone:1\" }");
  ASSERT_FALSE(dangling.ok());
  EXPECT_EQ(dangling.error().code(), ErrorCode::kMalformed);
  EXPECT_EQ(dangling.error().node(), "b");
  EXPECT_EQ(dangling.error().op(), "Relu");
  EXPECT_EQ(
      read("node { name: \"b\" op: \"Relu\" } node { name: \"b\" op: \"Relu\" }").error().code(),
      ErrorCode::kMalformed);
  EXPECT_EQ(
      read("node { name: \"t\" op: \"TopKV2\" } node { name: \"b\" op: \"Relu\" input: \"t:2\" }")
          .error()
          .code(),
      ErrorCode::kMalformed);
  EXPECT_FALSE(read("versions { producer: 3 }").ok());
}

TEST(GraphDef, TheFileCannotRedefineOurOwnOps) {
  EXPECT_EQ(read("node { name: \"r\" op: \"Return\" }").error().code(), ErrorCode::kUnsupported);
  // A function of a constant's name, without outputs.
  auto source = read(R"(library { function { signature { name: "Const" } } }
    node { name: "c" op: "Const" attr { key: "value" value { tensor { dtype: DT_INT32 int_val: 3 } } } })");
  ASSERT_TRUE(source.ok()) << source.error().text();
  EXPECT_EQ(find(*source->graph, "c")->result_count(), 1u);
}

TEST(GraphDef, HostileResultNumbersCostNoMemory) {
  EXPECT_FALSE(
      read("node { name: \"t\" op: \"X\" } node { name: \"b\" op: \"Y\" input: \"t:4000000000\" }")
          .ok());
  EXPECT_FALSE(
      read("node { name: \"t\" op: \"Split\" attr { key: \"num_split\" value { i: 4000000000 } } }")
          .ok());
  std::string many;
  for (int i = 0; i < 2000; ++i) {
    many += "node { name: \"n" + std::to_string(i) +
            "\" op: \"Split\" attr { key: \"num_split\" value { i: 1000000 } } }";
  }
  EXPECT_EQ(read(many).error().code(), ErrorCode::kTooLarge);
}

constexpr char kLibrary[] = R"(
  library { function {
    signature { name: "f" input_arg { name: "x" type: DT_FLOAT } input_arg { name: "n" type: DT_INT32 }
      output_arg { name: "idx" type: DT_INT32 } output_arg { name: "part" type: DT_FLOAT } control_output: "p" }
    arg_attr { key: 0 value { attr { key: "_output_shapes" value { list { shape { dim { size: 7 } } } } } } }
    attr { key: "_implements" value { s: "thing" } }
    node_def { name: "top" op: "TopKV2" input: "x" input: "n" }
    node_def { name: "s" op: "Split" input: "n" input: "top:values:0" attr { key: "num_split" value { i: 3 } } }
    node_def { name: "call" op: "g" input: "s:output:2" }
    node_def { name: "p" op: "Print" input: "call:second:0" input: "^top" }
    ret { key: "part" value: "call:first:0" } ret { key: "idx" value: "top:indices:0" }
    control_ret { key: "p" value: "p" } }
  function { signature { name: "g" input_arg { name: "a" type: DT_FLOAT }
      output_arg { name: "first" type: DT_FLOAT } output_arg { name: "second" type: DT_FLOAT } }
    node_def { name: "odd" op: "Unknown" input: "a" }
    ret { key: "first" value: "a" } ret { key: "second" value: "odd:out:0" } } }
  node { name: "x" op: "Placeholder" })";

TEST(GraphDefFunctions, BodiesAreBuiltWithFlatResults) {
  auto source = read(kLibrary);
  ASSERT_TRUE(source.ok()) << source.error().text();
  ASSERT_TRUE(source->functions);
  EXPECT_EQ(source->functions->names(), (std::vector<std::string>{"f", "g"}));
  EXPECT_EQ(source->functions->attributes("f")->string("_implements"), "thing");
  EXPECT_EQ(source->functions->attributes("none"), nullptr);
  EXPECT_EQ(*source->functions->find("none"), nullptr);
  auto f = source->functions->find("f");
  ASSERT_TRUE(f.ok()) << f.error().text();
  const Graph& graph = **f;
  EXPECT_EQ(graph.inputs().size(), 2u);
  EXPECT_EQ(to_string(graph.inputs()[0]->shape), "[7]");
  EXPECT_EQ(graph.inputs()[1]->dtype, DType::kInt32);
  const Node* call = find(graph, "call");
  EXPECT_EQ(call->result_count(), 2u);
  EXPECT_EQ(call->operand(0)->index(), 2u);
  EXPECT_EQ(find(graph, "p")->operand(0), call->result(1));
  ASSERT_EQ(graph.output_count(), 2u);  // in the signature's order
  EXPECT_EQ(graph.output(0), find(graph, "top")->result(1));
  EXPECT_EQ(graph.output(1), call->result(0));
  ASSERT_EQ(graph.return_node()->control_inputs.size(), 1u);
  EXPECT_EQ(graph.return_node()->control_inputs[0]->name, "p");
  EXPECT_EQ(*f, *source->functions->find("f"));
}

TEST(OpOutputs, TableIsSorted) {
  for (size_t i = 1; i < kOpOutputsCount; ++i) {
    EXPECT_LT(std::string_view(kOpOutputs[i - 1].op), std::string_view(kOpOutputs[i].op));
  }
}

TEST(OpOutputs, FlatNumbersPassOverLists) {
  Attributes a({{"num", int64_t{3}}, {"T", std::vector<DType>{DType::kInt8, DType::kInt8}}});
  constexpr char kOutputs[] = "a*num b c#T d";
  EXPECT_EQ(count_results(kOutputs, a), 7u);
  EXPECT_EQ(flat_result(kOutputs, a, "a", 2), 2u);
  EXPECT_EQ(flat_result(kOutputs, a, "b", 0), 3u);
  EXPECT_EQ(flat_result(kOutputs, a, "c", 1), 5u);
  EXPECT_EQ(flat_result(kOutputs, a, "d", 0), 6u);
  EXPECT_EQ(flat_result(kOutputs, a, "a", 3), std::nullopt);
  EXPECT_EQ(flat_result(kOutputs, a, "e", 0), std::nullopt);
  EXPECT_EQ(count_results(kOutputs, Attributes()), std::nullopt);
}

}  // namespace
}  // namespace pumice
