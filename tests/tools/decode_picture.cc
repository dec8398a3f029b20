// Decodes pictures, for tests/detection/test_pictures.py to compare with TensorFlow's decoders:
//   pumice_decode_picture IN OUT.ppm …     a line "ok", or the error, for each
#include <cstdio>
#include <fstream>

#include "detection/picture.h"
#include "formats/file.h"

int main(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const auto bytes = pumice::map_file(argv[i]);
    if (!bytes.ok()) return pumice::exit_status(bytes.error().code());
    const auto picture = pumice::decode_picture(*bytes, argv[i]);
    if (!picture.ok()) {
      std::printf("%s %s\n", pumice::error_code_name(picture.error().code()),
                  picture.error().text().c_str());
      continue;
    }
    std::ofstream out(argv[i + 1], std::ios::binary);
    out << "P6\n" << picture->width << " " << picture->height << "\n255\n";
    out.write(reinterpret_cast<const char*>(picture->rgb.data()),
              static_cast<std::streamsize>(picture->rgb.size()));
    std::printf("ok\n");
  }
  return 0;
}
