// Variables that the model writes (those that nothing writes are constants by now).
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lowering.h"

namespace pumice {
namespace {

Shape shape_attribute(const Node& node) {
  const Shape* shape = node.attributes.find<Shape>("shape");
  return shape ? *shape : Shape();
}

Status infer_handle(Node& node) {
  set_result(node, 0, DType::kResource, Shape::scalar());
  return {};
}

/// The node that makes the handle behind a resource, through Identity; null when it is a parameter.
const Node* handle_of(const Value* resource) {
  while (resource && resource->node()->is("Identity")) resource = resource->node()->operand(0);
  return resource ? resource->node() : nullptr;
}

Status infer_read(Node& node) {
  PUMICE_CHECK(expect_operands(node, 1, 1));
  Shape shape;
  const Node* handle = handle_of(node.operand(0));
  if (handle && handle->is("VarHandleOp")) shape = shape_attribute(*handle);
  set_result(node, 0, node.attributes.dtype("dtype"), std::move(shape));
  return {};
}

Status infer_nothing(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  return {};
}

Status infer_variable(Node& node) {
  set_result(node, 0, node.attributes.dtype("dtype"), shape_attribute(node));
  return {};
}

// Assign and its kin return the variable; what they assign has its shape.
Status infer_assign(Node& node) {
  PUMICE_CHECK(expect_operands(node, 2, 2));
  set_result(node, 0, node.operand(1)->dtype,
             merge(node.operand(0)->shape, node.operand(1)->shape).value_or(Shape()));
  return {};
}

Value* handle(Node& node, Lowering& lowering) {
  // By the node's name, as the model knows its variables: shared names may be empty or repeat.
  Value* made = lowering.emit("VAR_HANDLE", {}, {{"shared_name", node.name}}, DType::kResource,
                              Shape::scalar());
  // For initialize_variables.
  if (const auto* number = node.attributes.find<int64_t>("variable"))
    made->node()->attributes.set("_variable", *number);
  return made;
}

Value* read(Lowering& lowering, Value* resource, DType dtype, const Shape& shape) {
  return lowering.emit("READ_VARIABLE", {resource}, {}, dtype, shape);
}

void assign(Lowering& lowering, Value* resource, Value* value) {
  Value* const operands[] = {resource, value};
  lowering.emit_node("ASSIGN_VARIABLE", operands, {}, 0);
}

Status lower_handle(Node& node, Lowering& lowering) {
  lowering.replace(node, 0, handle(node, lowering));
  return {};
}

Status lower_read(Node& node, Lowering& lowering) {
  lowering.replace(node, 0,
                   read(lowering, node.operand(0), node.result()->dtype, node.result()->shape));
  return {};
}

Status lower_write(Node& node, Lowering& lowering) {
  Value *resource = node.operand(0), *value = node.operand(1);
  if (!node.is("AssignVariableOp")) {
    if (value->dtype != DType::kFloat32 && value->dtype != DType::kInt32 &&
        value->dtype != DType::kInt64)
      return unsupported(
          node, "TensorFlow Lite does not count in " + std::string(dtype_name(value->dtype)));
    Value* old = read(lowering, resource, value->dtype, value->shape);
    value = lowering.binary(node.is("AssignAddVariableOp") ? "ADD" : "SUB", old, value);
  }
  assign(lowering, resource, value);
  return {};
}

// The legacy ops pass the variable itself along: reading it is its value.
Status lower_variable(Node& node, Lowering& lowering) {
  lowering.replace(
      node, 0, read(lowering, handle(node, lowering), node.result()->dtype, node.result()->shape));
  return {};
}

Status lower_assign(Node& node, Lowering& lowering) {
  Value *old = node.operand(0), *value = node.operand(1);
  if (!old->node()->is("READ_VARIABLE"))
    return unsupported(node, "the assigned variable is not known before run time");
  if (!node.is("Assign")) value = lowering.binary(node.is("AssignAdd") ? "ADD" : "SUB", old, value);
  assign(lowering, old->node()->operand(0), value);
  lowering.replace(node, 0, value);
  return {};
}

constexpr OpDef kOps[] = {
    {"Assign", infer_assign, nullptr, lower_assign, "ASSIGN_VARIABLE", ""},
    {"AssignAdd", infer_assign, nullptr, lower_assign, "ADD + ASSIGN_VARIABLE", ""},
    {"AssignAddVariableOp", infer_nothing, nullptr, lower_write, "ADD + ASSIGN_VARIABLE",
     "dtypes other than float32, int32 and int64"},
    {"AssignSub", infer_assign, nullptr, lower_assign, "SUB + ASSIGN_VARIABLE", ""},
    {"AssignSubVariableOp", infer_nothing, nullptr, lower_write, "SUB + ASSIGN_VARIABLE",
     "dtypes other than float32, int32 and int64"},
    {"AssignVariableOp", infer_nothing, nullptr, lower_write, "ASSIGN_VARIABLE", ""},
    {"ReadVariableOp", infer_read, nullptr, lower_read, "READ_VARIABLE", ""},
    {"VarHandleOp", infer_handle, nullptr, lower_handle, "VAR_HANDLE", ""},
    {"Variable", infer_variable, nullptr, lower_variable, "VAR_HANDLE + READ_VARIABLE", ""},
    {"VariableV2", infer_variable, nullptr, lower_variable, "VAR_HANDLE + READ_VARIABLE", ""},
};

}  // namespace

std::span<const OpDef> variable_ops() { return kOps; }

}  // namespace pumice
