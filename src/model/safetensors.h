#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "device/tensor.h"

namespace corollary {

/// The safetensors format (docs/formats/weights.md): eight bytes of header size, a JSON header, then the tensors' bytes, little
/// endian.

/// A tensor as a file declares it.
struct SafetensorsEntry {
  std::string name;
  std::string dtype;                ///< "F32", "BF16", "F16", "I64", ... as the file spells it
  std::vector<std::int64_t> shape;  ///< slowest dimension first; empty: one scalar
  std::int64_t offset_bytes = 0;    ///< from the start of the file
  std::int64_t size_bytes = 0;
  std::int64_t count() const;  ///< elements; cannot overflow, the size was checked
};
std::string shape_text(std::span<const std::int64_t> shape);  ///< "[4,128]"

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;        ///< in the order of their bytes
  std::map<std::string, std::string> metadata;  ///< __metadata__
};
/// Checks all: sizes against `bytes`, dtypes against shapes, that tensors neither overlap nor leave gaps. Error names `where` and
/// tensor.
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> bytes, const std::string& where);

/// A memory-mapped file whose header was checked.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(fs::path path);
  const fs::path& path() const { return path_; }
  const std::vector<SafetensorsEntry>& entries() const { return header_.entries; }
  const std::map<std::string, std::string>& metadata() const { return header_.metadata; }
  const SafetensorsEntry* find(std::string_view name) const;  ///< nullptr if absent
  std::span<const std::byte> bytes(const SafetensorsEntry& entry) const;

  /// Copies one tensor into `out`, element by element in order. Same dtype: bit for bit; F32, BF16 and F16 also into f32 or bf16,
  /// rounded to nearest even. Error if the counts differ or the dtype does not convert.
  void read(const SafetensorsEntry& entry, Tensor out) const;

 private:
  fs::path path_;
  MappedFile file_;
  SafetensorsHeader header_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
};

/// The file beside sharded weights that says which file holds which tensor (model.safetensors.index.json).
struct SafetensorsIndex {
  std::map<std::string, std::string> file_of;  ///< tensor -> file name in the same folder; never a path
};
SafetensorsIndex parse_safetensors_index(std::string_view text, const std::string& where);

/// What a writer promises to write: f32, bf16, i32, u16, u8 or i8.
struct SafetensorsDeclaration {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
};

/// Writes a file tensor by tensor, holding none in memory; it appears under its name, whole and on disk, with commit().
class SafetensorsWriter {
 public:
  SafetensorsWriter(fs::path path, std::vector<SafetensorsDeclaration> tensors,
                    const std::map<std::string, std::string>& metadata = {{"format", "pt"}});
  /// The next declared tensor: contiguous, of its shape; f32 given for a declared bf16 is rounded to nearest even.
  void write(ConstTensor tensor);
  void commit();  ///< Error unless every declared tensor was written
  std::int64_t size_bytes() const { return file_.size_bytes(); }

 private:
  AtomicFile file_;
  std::vector<SafetensorsDeclaration> tensors_;
  std::size_t written_ = 0;
};

}  // namespace corollary
