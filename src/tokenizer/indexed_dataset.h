#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/files.h"

namespace corollary {

/// Token ids of many documents in Megatron's memory-mapped form, PREFIX.bin and PREFIX.idx (docs/formats/indexed_dataset.md).

/// Bytes of a token in .bin: 2 (unsigned) for vocabularies below 65,500, else 4 (signed).
int token_bytes_for(std::int64_t vocab_size);

/// Writes both files; neither is there under its name before commit(), and .idx, which names what is in .bin, comes last.
class IndexedDatasetWriter {
 public:
  IndexedDatasetWriter(const fs::path& prefix, std::int64_t vocab_size);
  ~IndexedDatasetWriter();
  /// One document of at least one token; every id must be below vocab_size.
  void add(std::span<const std::int32_t> ids);
  void commit();
  std::int64_t num_documents() const, num_tokens() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Maps both files and checks, before any token is read, that every length, offset and boundary agrees with the sizes of the files.
/// Error names the file, the place and the remedy. Any integer token type is read. Thread-safe; cheap to copy.
class IndexedDataset {
 public:
  explicit IndexedDataset(const fs::path& prefix);  ///< without .bin or .idx
  static bool exists(const fs::path& prefix);

  std::int64_t num_documents() const;  ///< sequences: one per document as we and NeoX write them
  std::int64_t num_tokens() const;
  std::int64_t length(std::int64_t document) const;  ///< tokens
  /// Tokens [offset, offset + out.size()) of a document.
  void read(std::int64_t document, std::int64_t offset, std::span<std::int32_t> out) const;
  /// Checks that all ids are in [0, vocab_size): one pass over .bin. Error names the document.
  void check_ids(std::int64_t vocab_size) const;
  const fs::path& prefix() const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace corollary
