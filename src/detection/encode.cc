#include <memory>
#include <png.h>

#include "detection/picture.h"
#include "formats/output_file.h"

namespace pumice {

Status write_png(const Picture& picture, const std::string& path) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = PNG_FORMAT_RGB;
  std::unique_ptr<png_image, void (*)(png_image*)> guard(&image, png_image_free);
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<std::byte> bytes(size);
  if (!png_image_write_to_memory(&image, bytes.data(), &size, 0, picture.rgb.data(), 0, nullptr))
    return Error(ErrorCode::kInternal, std::string("no PNG could be made: ") + image.message)
        .in(path);
  PUMICE_TRY(OutputFile file, OutputFile::create(path));
  PUMICE_CHECK(file.write(std::span(bytes.data(), size)));
  return file.commit();
}

}  // namespace pumice
