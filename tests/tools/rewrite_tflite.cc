// Reads a .tflite file and writes it again, for tests/tflite/ to compare what both compute:
//   pumice_rewrite_tflite IN OUT
// Prints what the graphs could not hold, a line each.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

#include "tflite/reader.h"
#include "tflite/writer.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: pumice_rewrite_tflite IN OUT\n");
    return 2;
  }
  std::ifstream in(argv[1], std::ios::binary);
  const std::vector<char> content((std::istreambuf_iterator<char>(in)), {});
  std::vector<std::byte> bytes(content.size());
  std::memcpy(bytes.data(), content.data(), content.size());
  const auto file = pumice::read_tflite(pumice::Bytes::own(std::move(bytes)), argv[1]);
  if (!file.ok()) {
    std::fprintf(stderr, "%s\n", file.error().text().c_str());
    return pumice::exit_status(file.error().code());
  }
  for (const std::string& what : file->not_represented) std::printf("%s\n", what.c_str());
  const auto written = pumice::write_model(file->model, argv[2]);
  if (!written.ok()) {
    std::fprintf(stderr, "%s\n", written.error().text().c_str());
    return pumice::exit_status(written.error().code());
  }
  return 0;
}
