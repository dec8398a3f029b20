// An HDF5 file as a tree of groups and datasets with attributes. The reader gives it with the data
// as views of the file; it may be changed (links dropped or renamed, attributes replaced) and
// written. Element types are kept as the file's own datatype messages, so what is written is what
// was read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/tensor.h"
#include "pumice/error.h"

namespace pumice {

/// The type of a dataset's or an attribute's elements.
struct Hdf5Type {
  enum class Kind {
    kNumber,    // integer, float or h5py's bool (an enum): `dtype` tells which, where pumice has it
    kText,      // strings of a fixed size
    kVariable,  // variable-length strings or sequences: one piece of bytes an element
    kOther,     // opaque, compound, …: bytes that are only copied
  };
  Kind kind = Kind::kOther;
  uint32_t size = 0;              // bytes an element takes where it lies
  DType dtype = DType::kInvalid;  // of little-endian numbers
  bool text = false;              // kVariable: strings (UTF-8 or ASCII), not sequences
  std::string message;            // the datatype message's body, as the file holds it
};

/// Data in chunks, each maybe compressed: put together when asked for (reader.cc).
class Hdf5Chunks {
 public:
  virtual ~Hdf5Chunks() = default;
  virtual Result<Bytes> load() const = 0;
};

/// The value of a dataset or an attribute.
struct Hdf5Data {
  Hdf5Type type;
  bool null = false;  // no elements at all, not even a shape (h5py.Empty)
  Dims dims;          // empty: a scalar
  Bytes bytes;        // elements in row-major order; a view of the file where they lie together
  struct Piece {
    Bytes bytes;
    uint32_t length = 0;  // in elements of the base type; in bytes for strings
  };
  std::vector<Piece> pieces;  // kVariable: the elements
  std::shared_ptr<const Hdf5Chunks>
      chunks;  // set: the elements are not in `bytes`, but come by load()

  uint64_t elements() const;  // 0 where `null`
  /// Bytes that the elements take when written out.
  uint64_t byte_size() const;
  /// The elements' bytes, wherever they are. kTooLarge, kMalformed where chunks do not inflate.
  Result<Bytes> load() const;
  /// One number, as a double; nothing where the type is none or there is no such element.
  std::optional<double> number(uint64_t index = 0) const;
  /// The strings, of fixed size (padding cut off) or variable; nothing for other types.
  std::optional<std::vector<std::string>> strings() const;

  /// A scalar variable-length UTF-8 string, as h5py writes a Python str. Any length.
  static Hdf5Data of_text(std::string_view text);
  /// A vector of fixed-size strings padded with zeros, as h5py writes np.array([b"…"]): Keras's
  /// `weight_names`. As an attribute at most 64 KiB in all: Keras splits longer ones itself.
  static Hdf5Data of_names(const std::vector<std::string>& names);
};

struct Hdf5Attribute {
  std::string name;
  Hdf5Data data;
};

struct Hdf5Link;

/// A group (no `data`) or a dataset (no links).
struct Hdf5Object {
  bool dataset = false;
  std::vector<Hdf5Attribute> attributes;  // in the file's order
  std::vector<Hdf5Link> links;            // sorted by name, names unique
  Hdf5Data data;

  /// By name; null when there is none.
  const Hdf5Attribute* attribute(std::string_view name) const;
  /// The first string of an attribute; nothing when there is none or it is no string.
  std::optional<std::string> text_attribute(std::string_view name) const;
  /// Replaces the attribute, or adds it as the last one.
  void set_attribute(const std::string& name, Hdf5Data data);
  /// Whether there was one.
  bool remove_attribute(std::string_view name);

  /// "layers/dense/vars/0"; "" is the object itself. Null when there is no such object.
  Hdf5Object* find(std::string_view path);
  const Hdf5Object* find(std::string_view path) const;
  /// Removes an object with all below it; false when it is not there.
  bool remove(std::string_view path);
  /// Renames the last part of a path; false when there is no such object, or one of that name.
  bool rename(std::string_view path, const std::string& name);
  /// Puts an object under a path whose groups are made as needed; false where something is there
  /// already, or a dataset stands in the way.
  bool insert(std::string_view path, Hdf5Object object);
};

struct Hdf5Link {
  std::string name;
  Hdf5Object object;
};

}  // namespace pumice
