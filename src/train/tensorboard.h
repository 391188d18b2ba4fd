#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "train/append_file.h"

namespace corollary {

/// Scalars as TensorBoard reads them: a file events.out.tfevents.<seconds>.<host>.<pid> of TFRecords, each an Event message
/// (docs/formats/metrics.md has the bytes). One file per session; a file of the same name gets ".1", ".2", ... at its end.
class TensorBoardWriter {
 public:
  /// Opens a new file in `folder` and says that a session starts at `first_step`: TensorBoard then drops points at or beyond that
  /// step which an interrupted earlier session left.
  TensorBoardWriter(const fs::path& folder, std::int64_t first_step);
  /// One Event with all the tags: their curves share the step and the time (Unix seconds). NaN and infinities are kept.
  void scalars(std::int64_t step, double wall_time_seconds, const std::vector<std::pair<std::string, double>>& values);
  void sync() { file_->sync(); }
  const fs::path& path() const { return file_->path(); }

 private:
  std::unique_ptr<AppendFile> file_;
};

/// CRC-32C (Castagnoli: polynomial 0x1EDC6F41 reflected, initial and final complement), RFC 3720 section B.4.
std::uint32_t crc32c(std::string_view bytes);
/// One TFRecord: length (8 bytes LE), masked CRC of these 8, the payload, masked CRC of the payload.
/// masked(c) = rotate_right(c, 15) + 0xa282ead8.
std::string tfrecord(std::string_view payload);

}  // namespace corollary
