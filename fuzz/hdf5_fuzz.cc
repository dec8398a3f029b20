// HDF5: whatever the bytes, an error or a tree with faults, in bounded memory; a tree can be
// written, and what was written is read as the same tree.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "formats/hdf5/reader.h"
#include "formats/hdf5/writer.h"
#include "formats/keras/keras.h"
#include "training/registration.h"

namespace {

using namespace pumice;

uint64_t size_of(const Hdf5Object& object) {
  uint64_t size = object.data.byte_size();
  for (const Hdf5Attribute& a : object.attributes) size += a.data.byte_size();
  for (const Hdf5Link& link : object.links) size += size_of(link.object);
  return size;
}

void check(bool holds) {
  if (!holds) std::abort();
}

void compare(const Hdf5Data& a, const Hdf5Data& b) {
  check(a.type.message == b.type.message && a.dims == b.dims && a.null == b.null &&
        a.pieces.size() == b.pieces.size());
  for (size_t i = 0; i < a.pieces.size(); ++i) {
    const auto x = a.pieces[i].bytes.view(), y = b.pieces[i].bytes.view();
    check(x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size()) == 0));
  }
  (void)a.strings();
  (void)a.number();
  const auto x = a.load(), y = b.load();
  if (!x.ok()) return;
  check(y.ok() && x->size() == y->size() &&
        (x->size() == 0 || std::memcmp(x->data(), y->data(), x->size()) == 0));
}

void compare(const Hdf5Object& a, const Hdf5Object& b) {
  check(a.dataset == b.dataset && a.attributes.size() == b.attributes.size() &&
        a.links.size() == b.links.size());
  for (size_t i = 0; i < a.attributes.size(); ++i) {
    check(a.attributes[i].name == b.attributes[i].name);
    compare(a.attributes[i].data, b.attributes[i].data);
  }
  if (a.dataset) compare(a.data, b.data);
  for (size_t i = 0; i < a.links.size(); ++i) {
    check(a.links[i].name == b.links[i].name);
    compare(a.links[i].object, b.links[i].object);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  const Bytes bytes = Bytes::own({begin, begin + size});
  Hdf5Limits limits;
  limits.free_size = 1 << 16;
  limits.checksums = false;
  if (auto source = read_keras_h5(bytes, "fuzz.h5"); source.ok())
    (void)find_optimizers(*source, OptimizerPolicy::kUnify);
  auto file = read_hdf5(bytes, limits);
  if (!file.ok() || size_of(file->root) > 64 * size + (1 << 20)) return 0;
  auto parts = write_hdf5(file->root);
  if (!parts.ok()) return 0;
  std::vector<std::byte> written;
  for (const Bytes& part : *parts)
    written.insert(written.end(), part.view().begin(), part.view().end());
  limits = {};
  limits.free_size = 1 << 24;
  auto again = read_whole_hdf5(Bytes::own(std::move(written)), limits);
  check(again.ok());
  compare(file->root, *again);
  return 0;
}
