#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"

namespace corollary {

/// Lines of a text file, decompressed by content: zstd and gzip (several members or frames), else plain. One line is at most
/// max_line_bytes. A truncated or damaged file yields every whole line before the damage, then next() throws Error with file,
/// line number and remedy.
class LineReader {
 public:
  static constexpr std::size_t kMaxLineBytes = std::size_t{1} << 30;
  explicit LineReader(const fs::path& path, std::size_t max_line_bytes = kMaxLineBytes);
  ~LineReader();
  /// The next line without its newline, valid until the next call; nullopt at the end.
  std::optional<std::string_view> next();
  std::int64_t line_number() const;  ///< of the line last returned, from 1

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Lines (or bytes) to a file, compressed by its name: ".zst", ".gz", else plain. Appears under its name only after commit().
class CompressedWriter {
 public:
  explicit CompressedWriter(const fs::path& path, int zstd_level = 3);
  ~CompressedWriter();
  void write(std::string_view bytes);
  void write_line(std::string_view line);
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Whole buffers. gunzip/unzstd throw Error if the output would pass max_bytes (a bomb) or the input is damaged.
std::string zstd_compress(std::string_view bytes, int level = 3);
std::string zstd_decompress(std::string_view bytes, std::size_t max_bytes, const std::string& where);
std::string gzip_decompress(std::string_view bytes, std::size_t max_bytes, const std::string& where);
/// Size of `bytes` after `xz -9e`.
std::int64_t xz_compressed_bytes(std::string_view bytes);

}  // namespace corollary
