#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "corpus/dedup/record_file.h"

namespace corollary {

using RecordConsumer = std::function<void(const Record&)>;

/// One sorted input of a merge: a segment of a file. `shard`: see RecordReader.
struct RecordInput {
  fs::path path;
  Segment segment;
  std::uint64_t shard = 0;
};

/// Hands on the records of all inputs in order. At most min(256, memory_bytes / RecordReader::kMemoryBytes), but at least 2, files
/// are open at once; more inputs are first merged by groups into files `temporary`.N, which are gone afterwards.
void merge_records(std::vector<RecordInput> inputs, std::int64_t memory_bytes, const fs::path& temporary,
                   const RecordConsumer& consume);

/// Sorts any number of records with bounded memory: what passes the budget goes to files `temporary`.N, which are gone afterwards.
class RecordSorter {
 public:
  RecordSorter(fs::path temporary, std::int64_t memory_bytes);
  ~RecordSorter();  ///< removes what was written
  RecordSorter(const RecordSorter&) = delete;
  RecordSorter& operator=(const RecordSorter&) = delete;
  void add(const Record& record);
  /// All records in order, once.
  void finish(const RecordConsumer& consume);

 private:
  void spill();
  fs::path temporary_;
  std::int64_t memory_bytes_;
  std::size_t limit_;
  std::vector<Record> records_;
  std::vector<RecordInput> runs_;
};

}  // namespace corollary
