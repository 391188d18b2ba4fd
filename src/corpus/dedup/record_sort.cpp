#include "corpus/dedup/record_sort.h"

#include <algorithm>
#include <string>

namespace corollary {
namespace {

constexpr std::int64_t kMaxOpenFiles = 256;
constexpr Layout kRunLayout = {.has_low = true, .has_shard = true, .has_offset = true, .has_kind = true};

fs::path numbered(const fs::path& path, std::size_t number) { return path.string() + "." + std::to_string(number); }

class RunWriter {
 public:
  explicit RunWriter(fs::path path) : path_(std::move(path)), writer_(path_, RecordFileType::run, 0, 0) {
    writer_.begin(0, 0, kRunLayout);
  }
  void add(const Record& record) { writer_.add(record); }
  RecordInput commit() {
    writer_.commit();
    return {path_, read_record_head(path_, RecordFileType::run).segments.at(0), 0};
  }

 private:
  fs::path path_;
  RecordWriter writer_;
};

/// A heap of the readers' next records.
void merge(const std::vector<RecordInput>& inputs, const RecordConsumer& consume) {
  std::vector<RecordReader> readers;
  std::vector<std::pair<Record, std::size_t>> heap;
  for (const RecordInput& input : inputs) {
    readers.emplace_back(input.path, input.segment, input.shard);
    Record record;
    if (readers.back().next(record)) heap.emplace_back(record, readers.size() - 1);
  }
  const auto later = [](const auto& a, const auto& b) { return b.first < a.first; };
  std::make_heap(heap.begin(), heap.end(), later);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    auto& [record, reader] = heap.back();
    // A reader's run of records before all others needs no heap.
    for (;;) {
      consume(record);
      if (!readers[reader].next(record)) {
        heap.pop_back();
        break;
      }
      if (heap.size() > 1 && heap.front().first < record) {
        std::push_heap(heap.begin(), heap.end(), later);
        break;
      }
    }
  }
}

}  // namespace

void merge_records(std::vector<RecordInput> inputs, std::int64_t memory_bytes, const fs::path& temporary,
                   const RecordConsumer& consume) {
  const auto fan_in =
      static_cast<std::size_t>(std::clamp(memory_bytes / RecordReader::kMemoryBytes, std::int64_t{2}, kMaxOpenFiles));
  std::vector<fs::path> made;
  const auto remove_made = [&] {
    std::error_code ignored;
    for (const fs::path& path : made) fs::remove(path, ignored);
  };
  try {
    while (inputs.size() > fan_in) {
      std::vector<RecordInput> merged;
      for (std::size_t begin = 0; begin < inputs.size(); begin += fan_in) {
        const std::size_t end = std::min(inputs.size(), begin + fan_in);
        const std::vector<RecordInput> group(inputs.begin() + static_cast<std::ptrdiff_t>(begin),
                                             inputs.begin() + static_cast<std::ptrdiff_t>(end));
        if (group.size() == 1) {
          merged.push_back(group[0]);
          continue;
        }
        made.push_back(numbered(temporary.string() + ".merge", made.size()));
        RunWriter writer(made.back());
        merge(group, [&](const Record& record) { writer.add(record); });
        merged.push_back(writer.commit());
      }
      inputs = std::move(merged);
    }
    merge(inputs, consume);
  } catch (...) {
    remove_made();
    throw;
  }
  remove_made();
}

RecordSorter::RecordSorter(fs::path temporary, std::int64_t memory_bytes)
    : temporary_(std::move(temporary)),
      memory_bytes_(memory_bytes),
      // The vector grows by doubling: for a moment the half-size one stands beside it.
      limit_(
          static_cast<std::size_t>(std::max<std::int64_t>(memory_bytes * 2 / 3 / static_cast<std::int64_t>(sizeof(Record)), 256))) {
}

RecordSorter::~RecordSorter() {
  std::error_code ignored;
  for (const RecordInput& run : runs_) fs::remove(run.path, ignored);
}

void RecordSorter::add(const Record& record) {
  if (records_.size() == limit_) spill();
  if (records_.size() == records_.capacity()) records_.reserve(std::min(limit_, std::max<std::size_t>(256, 2 * records_.size())));
  records_.push_back(record);
}

void RecordSorter::spill() {
  std::sort(records_.begin(), records_.end());
  RunWriter writer(numbered(temporary_, runs_.size()));
  for (const Record& record : records_) writer.add(record);
  runs_.push_back(writer.commit());
  records_.clear();
}

void RecordSorter::finish(const RecordConsumer& consume) {
  if (runs_.empty()) {
    std::sort(records_.begin(), records_.end());
    for (const Record& record : records_) consume(record);
    return;
  }
  if (!records_.empty()) spill();
  std::vector<Record>().swap(records_);
  merge_records(runs_, memory_bytes_, temporary_, consume);
}

}  // namespace corollary
