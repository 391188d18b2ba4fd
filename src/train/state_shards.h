#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "device/buffer.h"
#include "model/parameters.h"
#include "model/safetensors.h"
#include "train/owned_slice.h"

namespace corollary {

/// Tensors in pieces, as ranks own them, in safetensors files that any tool reads: a piece that is a whole rectangle of rows and
/// columns has that shape, one that begins or ends inside a row is [elements]. Which piece of what it is stands in the file's
/// metadata, under "slices" (docs/formats/training_state.md).

/// Elements that the slices reach to in a rank's buffers. Error unless each lies within its tensor and all lie apart.
std::int64_t count_of(const std::vector<OwnedSlice>& slices);

/// Writes pieces of `flat`, f32 on the stream's device or in host memory if that is the CPU, one a slice; the file is whole and on
/// disk on return.
void write_shard(Stream& stream, const fs::path& path, const std::vector<OwnedSlice>& slices, ConstTensor flat);

/// The metadata of a shard: tensor in the file -> its place (local_offset is 0). Error names `where` and what cannot be.
std::map<std::string, OwnedSlice> parse_slices(std::string_view text, const std::string& where);

/// Tensors that lie in pieces over files, whatever the layout of the ranks that wrote them. Files are mapped.
class ShardReader {
 public:
  /// A file without "slices" holds whole tensors, each under its name. Error if a file contradicts itself or another: a shape, or
  /// the bytes of a piece that several ranks wrote.
  explicit ShardReader(const std::vector<fs::path>& paths);

  /// The elements of `wanted` (its local_offset apart), f32 in host memory: `out` [end - begin]. Error naming tensor and range if
  /// one of them is in no file, or if the tensor has another shape there.
  void read(const OwnedSlice& wanted, Tensor out) const;

  /// Error unless the files hold exactly these tensors, in pieces.
  void check_tensors(const ParameterLayout& layout) const;

 private:
  struct Piece {
    OwnedSlice place;
    const SafetensorsFile* file;
    const std::byte* bytes;  // f32, aligned to nothing
  };
  void add(const SafetensorsFile& file);
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, std::vector<Piece>, std::less<>> pieces_;
};

}  // namespace corollary
