// Crops of pictures by boxes, each resized to one size: what two-stage detectors pool regions with.
//
// Operands: image [batch, height, width, depth], boxes [n, 4] (y1, x1, y2, x2 in parts of the
// picture, corners in any order), box_ind [n] (the picture of each box), crop_size [2]. Result:
// float32 [n, crop height, crop width, depth]. A sample outside the picture is the extrapolation
// value.
#include <algorithm>
#include <cmath>

#include "ops/eval.h"
#include "ops/families.h"
#include "ops/infer.h"
#include "ops/lower_math.h"
#include "ops/lowering.h"
#include "tflite/kernel_limits.h"

namespace pumice {
namespace {

Status infer_crop_and_resize(Node& node) {
  PUMICE_CHECK(expect_operands(node, 4, 4));
  const Shape &image = node.operand(0)->shape, &boxes = node.operand(1)->shape,
              &box_ind = node.operand(2)->shape;
  auto fits = [](const Shape& shape, size_t rank) {
    return !shape.known_rank() || shape.rank() == rank;
  };
  if (!fits(image, 4) || !fits(boxes, 2) || !fits(box_ind, 1) ||
      (boxes.known_rank() && boxes[1].known() && boxes[1].size() != 4))
    return malformed(node, "picture, boxes and box indices do not fit")
        .expected("[batch,height,width,depth], [n,4] and [n]")
        .found(to_string(image) + ", " + to_string(boxes) + " and " + to_string(box_ind));
  Shape result = Shape::of_rank(4);
  if (boxes.known_rank()) result[0] = boxes[0];
  if (box_ind.known_rank()) {
    auto n = merge(result[0], box_ind[0]);
    if (!n)
      return malformed(node, "the number of boxes differs from that of box indices")
          .found(to_string(boxes) + " and " + to_string(box_ind));
    result[0] = *n;
  }
  if (auto crop = known_elements(node.operand(3)); crop && crop->size() == 2) {
    for (size_t i = 0; i < 2; ++i) {
      if ((*crop)[i] == Dim(0)) return malformed(node, "a crop of no height or width");
      result[1 + i] = (*crop)[i];
    }
  }
  if (image.known_rank()) result[3] = image[3];
  set_result(node, 0, DType::kFloat32, std::move(result));
  return {};
}

/// The row (or column) of the picture under row (or column) i of the crop, with the arithmetic of
/// TensorFlow's kernel: whether a sample at the very edge is inside depends on each rounding.
float position(float low, float high, int64_t size, int64_t crop, int64_t i) {
  auto limit = static_cast<float>(size - 1);
  if (crop == 1) return 0.5f * (low + high) * limit;
  float scale = (high - low) * limit / static_cast<float>(crop - 1);
  return low * limit + static_cast<float>(i) * scale;
}

Status evaluate_crop_and_resize(EvalContext& context) {
  const Tensor &boxes = context.in(1), &box_ind = context.in(2), &crop_size = context.in(3);
  Tensor image = cast_tensor(context.in(0), DType::kFloat32);
  if (image.rank() != 4 || boxes.dtype() != DType::kFloat32 || boxes.rank() != 2 ||
      boxes.dims()[1] != 4 || box_ind.rank() != 1 || box_ind.dims()[0] != boxes.dims()[0] ||
      crop_size.elements() != 2)
    return malformed(context.node, "picture, boxes, box indices and crop size do not fit")
        .expected("[batch,height,width,depth], [n,4], [n] and [2]")
        .found(to_string(image.dims()) + ", " + to_string(boxes.dims()) + ", " +
               to_string(box_ind.dims()) + " and " + to_string(crop_size.dims()));
  const int64_t height = image.dims()[1], width = image.dims()[2], depth = image.dims()[3];
  const int64_t rows = crop_size.integer_at(0), columns = crop_size.integer_at(1);
  if (height <= 0 || width <= 0 || rows <= 0 || columns <= 0)
    return malformed(context.node, "a picture or a crop of no height or width");
  const Dims dims{boxes.dims()[0], rows, columns, depth};
  PUMICE_CHECK(check_allocatable(context, dims));
  const bool nearest = context.node.attributes.string("method", "bilinear") == "nearest";
  const float outside = context.node.attributes.real("extrapolation_value", 0.0f);
  Tensor out = Tensor::zeros(DType::kFloat32, dims);
  float* to = out.mutable_as<float>();
  Elements<float> pixels(image), corners(boxes);
  for (int64_t n = 0; n < dims[0]; ++n) {
    const int64_t picture = box_ind.integer_at(n);
    if (picture < 0 || picture >= image.dims()[0])
      return malformed(context.node, "a box index is out of range")
          .expected("0 to " + std::to_string(image.dims()[0] - 1))
          .found(std::to_string(picture));
    auto pixel = [&](float y, float x) {
      return pixels.data() +
             ((picture * height + static_cast<int64_t>(y)) * width + static_cast<int64_t>(x)) *
                 depth;
    };
    for (int64_t r = 0; r < rows; ++r) {
      float y = position(corners[4 * n], corners[4 * n + 2], height, rows, r);
      for (int64_t c = 0; c < columns; ++c, to += depth) {
        float x = position(corners[4 * n + 1], corners[4 * n + 3], width, columns, c);
        bool inside = y >= 0 && y <= static_cast<float>(height - 1) && x >= 0 &&
                      x <= static_cast<float>(width - 1);
        if (!inside) {
          std::fill_n(to, depth, outside);
          continue;
        }
        if (nearest) {
          std::copy_n(pixel(std::round(y), std::round(x)), depth, to);
          continue;
        }
        float top = std::floor(y), left = std::floor(x), down = y - top, right = x - left;
        const float *a = pixel(top, left), *b = pixel(top, std::ceil(x)),
                    *c0 = pixel(std::ceil(y), left), *d = pixel(std::ceil(y), std::ceil(x));
        for (int64_t k = 0; k < depth; ++k) {
          float upper = a[k] + (b[k] - a[k]) * right, lower = c0[k] + (d[k] - c0[k]) * right;
          to[k] = upper + (lower - upper) * down;
        }
      }
    }
  }
  context.outputs = {std::move(out)};
  return {};
}

/// Where the crops' rows (or columns) fall in the picture; all [n, crop].
struct Positions {
  Value* inside;      // bool: within the picture
  Value *low, *high;  // int32: the pixels to both sides, or twice the nearest one
  Value* fraction;    // float32: how far from the lower to the higher
};

class Crops {
 public:
  Crops(const Node& node, Value* image, Lowering& lowering)
      : node_(node),
        lowering_(lowering),
        image_(image),
        boxes_(node.operand(1)),
        shape_(node.result()->shape),
        nearest_(node.attributes.string("method", "bilinear") == "nearest") {}

  Value* build() {
    Positions y = positions(0), x = positions(1);
    Value* crops;
    if (nearest_) {
      crops = pixels(y.low, x.low);
    } else {
      Value* right = lowering_.reshape(x.fraction, {shape_[0], 1, shape_[2], 1});
      Value* down = lowering_.reshape(y.fraction, {shape_[0], shape_[1], 1, 1});
      Value* upper = between(pixels(y.low, x.low), pixels(y.low, x.high), right);
      Value* lower = between(pixels(y.high, x.low), pixels(y.high, x.high), right);
      crops = between(upper, lower, down);
    }
    Value* inside =
        lowering_.compare("LOGICAL_AND", lowering_.reshape(y.inside, {shape_[0], shape_[1], 1, 1}),
                          lowering_.reshape(x.inside, {shape_[0], 1, shape_[2], 1}));
    return select(lowering_, inside, crops,
                  number(node_.attributes.real("extrapolation_value", 0.0f)));
  }

 private:
  /// Not to be merged with its neighbours.
  Value* exact(const char* op, Value* a, Value* b) {
    return lowering_.binary(op, a, b, {{"_exact", true}});
  }
  Value* number(double value) { return lowering_.scalar(DType::kFloat32, value); }

  /// The size of the picture along an axis: a scalar, or an int32 vector of one element.
  Value* size(size_t axis) {
    Dim d = image_->shape.known_rank() ? image_->shape[axis] : Dim();
    return d.known() ? lowering_.scalar(DType::kInt32, static_cast<double>(d.size()))
                     : lowering_.size_of(image_, axis);
  }

  Value* last_pixel(size_t axis) {
    Dim d = image_->shape.known_rank() ? image_->shape[axis] : Dim();
    if (d.known()) return number(static_cast<double>(d.size() - 1));
    return lowering_.binary("SUB", lowering_.cast(size(axis), DType::kFloat32), number(1));
  }

  /// As position(), step by step. What is outside is moved to pixel 0, and replaced in the end.
  Positions positions(int64_t side) {
    Value* low = lowering_.slice(boxes_, {0, side}, {-1, 1});
    Value* high = lowering_.slice(boxes_, {0, side + 2}, {-1, 1});
    Value* limit = last_pixel(static_cast<size_t>(side) + 1);
    int64_t crop = shape_[static_cast<size_t>(side) + 1].size();
    Value* at;
    if (crop == 1) {
      at = exact("MUL", exact("MUL", lowering_.binary("ADD", low, high), number(0.5)), limit);
    } else {
      Value* scale = exact("MUL", lowering_.binary("SUB", high, low), limit);
      scale = exact("DIV", scale, number(static_cast<double>(crop - 1)));
      std::vector<float> steps(static_cast<size_t>(crop));
      for (size_t i = 0; i < steps.size(); ++i) steps[i] = static_cast<float>(i);
      Value* step = lowering_.constant(Tensor::of<float>(DType::kFloat32, {1, crop}, steps));
      at = lowering_.binary("ADD", exact("MUL", low, limit), exact("MUL", scale, step));
    }
    Positions p;
    p.inside = lowering_.compare("LOGICAL_AND", lowering_.compare("GREATER_EQUAL", at, number(0)),
                                 lowering_.compare("LESS_EQUAL", at, limit));
    at = select(lowering_, p.inside, at, number(0));
    Value* floor = lowering_.unary("FLOOR", at);
    p.fraction = lowering_.binary("SUB", at, floor);
    if (nearest_) {  // the runtime's ROUND goes to even numbers; the fraction's double is exact
      Value* up = lowering_.unary("FLOOR", lowering_.binary("ADD", p.fraction, p.fraction));
      floor = lowering_.binary("ADD", floor, up);
    }
    p.low = p.high = lowering_.cast(floor, DType::kInt32);
    if (!nearest_) p.high = lowering_.cast(lowering_.unary("CEIL", at), DType::kInt32);
    return p;
  }

  /// The pixels [n, crop height, crop width, depth] in rows y and columns x.
  Value* pixels(Value* y, Value* x) {
    Value* row = lowering_.binary("MUL", y, size(2));
    if (Value* first = first_pixels()) row = lowering_.binary("ADD", row, first);
    Value* at = lowering_.binary("ADD", lowering_.reshape(row, {shape_[0], shape_[1], 1}),
                                 lowering_.reshape(x, {shape_[0], 1, shape_[2]}));
    Value* picked =
        lowering_.emit("GATHER", {flat_image(), at},
                       {{"axis", int64_t{0}}, {"batch_dims", int64_t{0}}}, image_->dtype, shape_);
    return lowering_.cast(picked, DType::kFloat32);
  }

  /// The number of the first pixel of each box's picture, [n, 1]; null where there is one picture.
  Value* first_pixels() {
    if (image_->shape.known_rank() && image_->shape[0] == Dim(1)) return nullptr;
    if (first_pixels_) return first_pixels_;
    Value* area = lowering_.binary("MUL", size(1), size(2));
    Value* box_ind = lowering_.reshape(lowering_.as_i32(node_.operand(2)), {shape_[0], 1});
    return first_pixels_ = lowering_.binary("MUL", box_ind, area);
  }

  /// The picture's pixels, one below the other: [batch * height * width, depth].
  Value* flat_image() {
    if (flat_image_) return flat_image_;
    const Shape& s = image_->shape;
    Shape flat{s.known_rank() ? s[0] * s[1] * s[2] : Dim(), shape_[3]};
    if (flat[1].known()) {
      flat_image_ = lowering_.reshape(image_, flat);
    } else {
      Value* const sizes[] = {lowering_.constant_i32({-1}), lowering_.size_of(image_, 3)};
      flat_image_ = lowering_.reshape(image_, lowering_.concat(sizes, 0), flat);
    }
    return flat_image_;
  }

  /// a + (b - a) * part
  Value* between(Value* a, Value* b, Value* part) {
    return lowering_.binary("ADD", a, lowering_.binary("MUL", lowering_.binary("SUB", b, a), part));
  }

  const Node& node_;
  Lowering& lowering_;
  Value *image_, *boxes_;
  const Shape shape_;
  const bool nearest_;
  Value *first_pixels_ = nullptr, *flat_image_ = nullptr;
};

Status lower_crop_and_resize(Node& node, Lowering& lowering) {
  constexpr int64_t kLargestCrop = 1 << 16;  // the steps between samples are constants
  const Shape& shape = node.result()->shape;
  if (!shape[1].known() || !shape[2].known())
    return unsupported(node, "the crop size is not known before run time");
  if (shape[1].size() > kLargestCrop || shape[2].size() > kLargestCrop)
    return unsupported(node, "crops of more than 65,536 rows or columns").found(to_string(shape));
  if (node.operand(1)->dtype != DType::kFloat32)
    return unsupported(node, "only float32 boxes are taken");
  Value* image = node.operand(0);
  // Pixels are picked in their own dtype where they can be: crops are often less than the picture.
  if (!kernel_takes("GATHER", image->dtype)) {
    if (!kernel_takes("CAST", image->dtype))
      return unsupported(node, "pictures of " + std::string(dtype_name(image->dtype)));
    image = lowering.cast(image, DType::kFloat32);
  }
  lowering.replace(node, 0, Crops(node, image, lowering).build());
  return {};
}

constexpr OpDef kOps[] = {
    {"CropAndResize", infer_crop_and_resize, evaluate_crop_and_resize, lower_crop_and_resize,
     "GATHER + FLOOR + CEIL + MUL + ADD + SELECT_V2", "a run-time crop size"},
};

}  // namespace

std::span<const OpDef> crop_and_resize_ops() { return kOps; }

}  // namespace pumice
