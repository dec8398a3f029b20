// Test tool: reads an HDF5 file and lists what the reader made of it, one line each; h5py is the
// referee (tests/formats/test_hdf5.py).
//   pumice_hdf5 FILE [--copy OUT] [--strict]
// Lines: "dataset PATH DTYPE [1,2] VALUE…", "group PATH", "attribute PATH@NAME …", "fault PATH: …".
// --copy writes the tree again; --strict fails at the first fault. Exit status: the error's.
#include <cstdio>
#include <cstring>
#include <string>

#include "formats/file.h"
#include "formats/hdf5/reader.h"
#include "formats/hdf5/writer.h"

namespace pumice {
namespace {

void print(const std::string& text) {
  for (const unsigned char c : text) {
    if (c < 32 || c == '\\') {
      std::printf("\\x%02x", c);
    } else {
      std::putchar(c);
    }
  }
}

/// What the accessors give: the first values.
void print_value(const Hdf5Data& data) {
  if (data.null) {
    std::printf(" null\n");
    return;
  }
  std::printf(" %s [", std::string(dtype_name(data.type.dtype)).c_str());
  for (size_t i = 0; i < data.dims.size(); ++i)
    std::printf(i ? ",%lld" : "%lld", static_cast<long long>(data.dims[i]));
  std::printf("]");
  if (const auto strings = data.strings()) {
    for (size_t i = 0; i < strings->size() && i < 5; ++i) {
      std::printf(" |");
      print((*strings)[i].substr(0, 200));
    }
  } else {
    for (uint64_t i = 0; i < data.elements() && i < 5; ++i)
      if (const auto number = data.number(i)) std::printf(" %.17g", *number);
  }
  std::printf("\n");
}

void walk(const Hdf5Object& object, const std::string& path) {
  std::printf("%s ", object.dataset ? "dataset" : "group");
  print(path);
  if (object.dataset) {
    print_value(object.data);
  } else {
    std::printf("\n");
  }
  for (const Hdf5Attribute& a : object.attributes) {
    std::printf("attribute ");
    print(path + "@" + a.name);
    print_value(a.data);
  }
  for (const Hdf5Link& link : object.links)
    walk(link.object, path.empty() ? link.name : path + "/" + link.name);
}

int fail(const Error& error) {
  std::fprintf(stderr, "pumice_hdf5: %s\n", error.text().c_str());
  return exit_status(error.code());
}

int run(const std::string& path, const char* copy, bool strict) {
  auto bytes = map_file(path);
  if (!bytes.ok()) return fail(bytes.error());
  if (strict) {
    auto whole = read_whole_hdf5(*bytes);
    if (!whole.ok()) return fail(std::move(whole).error().in(path));
  }
  auto file = read_hdf5(*bytes);
  if (!file.ok()) return fail(std::move(file).error().in(path));
  walk(file->root, "");
  for (const auto& fault : file->faults) {
    std::printf("fault ");
    print(fault.path);
    std::printf(": %s\n", fault.error.text().c_str());
  }
  if (!copy) return 0;
  auto parts = write_hdf5(file->root);
  if (!parts.ok()) return fail(parts.error());
  FILE* out = std::fopen(copy, "wb");
  if (!out) return 7;
  for (const Bytes& part : *parts) std::fwrite(part.data(), 1, part.size(), out);
  return std::fclose(out) == 0 ? 0 : 7;
}

}  // namespace
}  // namespace pumice

int main(int argc, char** argv) {
  const char *path = nullptr, *copy = nullptr;
  bool strict = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--copy") == 0 && i + 1 < argc) {
      copy = argv[++i];
    } else if (std::strcmp(argv[i], "--strict") == 0) {
      strict = true;
    } else {
      path = argv[i];
    }
  }
  return path ? pumice::run(path, copy, strict) : 2;
}
