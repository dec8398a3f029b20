// PNG as TensorFlow's decode_png reads it: the stored values, whatever gamma or alpha they carry.
#include <csetjmp>
#include <cstring>
#include <png.h>

#include "detection/decode.h"

namespace pumice {
namespace {

/// What libpng's callbacks and the jumps over them share; nothing in it is destroyed by a jump.
struct Reading {
  const std::byte* next = nullptr;
  size_t left = 0;
  bool truncated = false;
  char problem[200] = {};
};

void read_bytes(png_structp png, png_bytep out, size_t size) {
  auto* reading = static_cast<Reading*>(png_get_io_ptr(png));
  if (size > reading->left) {
    reading->truncated = true;
    png_error(png, "it ends before its picture does");
  }
  std::memcpy(out, reading->next, size);
  reading->next += size;
  reading->left -= size;
}

void keep_problem(png_structp png, png_const_charp message) {
  auto* reading = static_cast<Reading*>(png_get_error_ptr(png));
  std::strncpy(reading->problem, message, sizeof(reading->problem) - 1);
  longjmp(png_jmpbuf(png), 1);
}

void ignore(png_structp, png_const_charp) {}

struct Decoder {
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }
};

/// Whether the header and the transformations were set up; no object with a destructor lives here.
bool begin(Decoder& d) {
  if (setjmp(png_jmpbuf(d.png))) return false;
  // Far more than any palette or profile; compressed text is not looked at.
  png_set_chunk_malloc_max(d.png, 1 << 23);
  png_set_user_limits(d.png, 0x7fffffff, 0x7fffffff);  // decode_png() checks the number of pixels
  png_read_info(d.png, d.info);
  png_set_strip_16(d.png);  // the upper byte, as TensorFlow takes it
  png_set_palette_to_rgb(d.png);
  png_set_expand_gray_1_2_4_to_8(d.png);
  png_set_gray_to_rgb(d.png);
  png_set_strip_alpha(d.png);
  png_set_interlace_handling(d.png);
  png_read_update_info(d.png, d.info);
  return true;
}

bool read_rows(Decoder& d, png_bytepp rows) {
  if (setjmp(png_jmpbuf(d.png))) return false;
  png_read_image(d.png, rows);
  png_read_end(d.png, nullptr);
  return true;
}

}  // namespace

Result<Picture> decode_png(std::span<const std::byte> bytes) {
  Reading reading{bytes.data(), bytes.size()};
  Decoder d;
  d.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, keep_problem, ignore);
  d.info = d.png ? png_create_info_struct(d.png) : nullptr;
  if (!d.info) return Error(ErrorCode::kTooLarge, "there is no memory for a PNG decoder");
  png_set_read_fn(d.png, &reading, read_bytes);
  const auto broken = [&] {
    return Error(reading.truncated ? ErrorCode::kTruncated : ErrorCode::kMalformed,
                 std::string("the PNG is broken: ") + reading.problem);
  };
  if (!begin(d)) return broken();
  const int64_t width = png_get_image_width(d.png, d.info);
  const int64_t height = png_get_image_height(d.png, d.info);
  if (!picture_fits(width, height)) return picture_too_large(width, height);
  const size_t row = 3 * static_cast<size_t>(width);
  if (png_get_rowbytes(d.png, d.info) != row)
    return Error(ErrorCode::kInternal, "the PNG's rows are of another size than asked for");
  // Compressed data grow at most 1032 times: a small file cannot ask for a large picture.
  if (static_cast<uint64_t>(width) * static_cast<uint64_t>(height) / 8 / 1100 > bytes.size())
    return Error(ErrorCode::kTruncated, "the PNG holds too little for its size");
  Picture picture{static_cast<int>(width), static_cast<int>(height), {}};
  picture.rgb.resize(row * static_cast<size_t>(height));
  std::vector<png_bytep> rows(static_cast<size_t>(height));
  for (size_t y = 0; y < rows.size(); ++y) rows[y] = &picture.rgb[y * row];
  if (!read_rows(d, rows.data())) return broken();
  return picture;
}

}  // namespace pumice
