#include "corpus/language/ngram_counts.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.h"

namespace corollary {
namespace {

constexpr std::size_t kReadRecords = 4096;  // 128 KiB at a time from each run

}  // namespace

int NgramOrdering::compare(const NgramRecord& a, const NgramRecord& b) const {
  for (int i = first; i < order; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (a.words[at] != b.words[at]) return a.words[at] < b.words[at] ? -1 : 1;
  }
  for (int i = 0; i < std::min(first, order); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (a.words[at] != b.words[at]) return a.words[at] < b.words[at] ? -1 : 1;
  }
  return 0;
}

NgramFileWriter::NgramFileWriter(const fs::path& path) : path_(path), file_(std::fopen(path.c_str(), "wb")) {
  check(file_ != nullptr, "cannot write ", path.string(), ": ", std::strerror(errno));
  std::setvbuf(file_, nullptr, _IOFBF, std::size_t{1} << 18);
}
NgramFileWriter::~NgramFileWriter() {
  if (file_) std::fclose(file_);
}
void NgramFileWriter::add(const NgramRecord& record) {
  check(std::fwrite(&record, sizeof record, 1, file_) == 1, "cannot write ", path_.string(), ": ", std::strerror(errno));
}
void NgramFileWriter::close() {
  const int status = std::fclose(file_);
  file_ = nullptr;
  check(status == 0, "cannot write ", path_.string(), ": ", std::strerror(errno));
}

struct NgramFileReader::State {
  std::FILE* file = nullptr;
  fs::path path;
  std::vector<NgramRecord> buffer = std::vector<NgramRecord>(kReadRecords);
  std::size_t at = 0, end = 0;
  const NgramRecord* last = nullptr;
  ~State() {
    if (file) std::fclose(file);
  }
};

NgramFileReader::NgramFileReader(const fs::path& path) : state_(std::make_unique<State>()) {
  state_->path = path;
  state_->file = std::fopen(path.c_str(), "rb");
  check(state_->file != nullptr, "cannot read back ", path.string());
  std::setvbuf(state_->file, nullptr, _IONBF, 0);
}
NgramFileReader::~NgramFileReader() = default;
NgramFileReader::NgramFileReader(NgramFileReader&&) noexcept = default;

const NgramRecord* NgramFileReader::next() {
  State& s = *state_;
  if (s.at == s.end) {
    s.end = std::fread(s.buffer.data(), sizeof(NgramRecord), s.buffer.size(), s.file);
    check(std::ferror(s.file) == 0, "cannot read back ", s.path.string());
    s.at = 0;
    if (s.end == 0) return s.last = nullptr;
  }
  return s.last = &s.buffer[s.at++];
}
const NgramRecord* NgramFileReader::current() const { return state_->last; }

struct NgramSorter::State {
  NgramOrdering ordering;
  bool joins = false;
  std::size_t capacity = 0;
  fs::path folder;
  std::string name;
  std::vector<NgramRecord> buffer;
  std::vector<fs::path> runs;

  void sort_buffer() {
    std::sort(buffer.begin(), buffer.end(), [&](const NgramRecord& a, const NgramRecord& b) { return ordering.compare(a, b) < 0; });
    if (!joins || buffer.empty()) return;
    std::size_t kept = 0;
    for (std::size_t i = 1; i < buffer.size(); ++i) {
      if (ordering.compare(buffer[kept], buffer[i]) == 0)
        buffer[kept].count += buffer[i].count;
      else
        buffer[++kept] = buffer[i];
    }
    buffer.resize(kept + 1);
  }
  void spill() {
    const fs::path path = folder / (name + "." + std::to_string(runs.size()) + ".run");
    NgramFileWriter out(path);
    for (const NgramRecord& record : buffer) out.add(record);
    out.close();
    runs.push_back(path);
    buffer.clear();
  }
  ~State() {
    std::error_code ignored;
    for (const fs::path& run : runs) fs::remove(run, ignored);
  }
};

NgramSorter::NgramSorter(NgramOrdering ordering, bool joins, std::int64_t memory_bytes, fs::path folder, std::string name)
    : state_(std::make_unique<State>()) {
  state_->ordering = ordering, state_->joins = joins, state_->folder = std::move(folder), state_->name = std::move(name);
  state_->capacity = std::max<std::size_t>(static_cast<std::size_t>(memory_bytes) / sizeof(NgramRecord), 1024);
}
NgramSorter::~NgramSorter() = default;
NgramSorter::NgramSorter(NgramSorter&&) noexcept = default;

void NgramSorter::add(const NgramRecord& record) {
  State& s = *state_;
  if (s.buffer.size() == s.capacity) {
    s.sort_buffer();
    // Much was joined: the room is used again before anything is written.
    if (s.buffer.size() > s.capacity / 2) s.spill();
  }
  s.buffer.push_back(record);
}

void NgramSorter::drain(const std::function<void(const NgramRecord&)>& take) {
  State& s = *state_;
  s.sort_buffer();
  if (s.runs.empty()) {
    for (const NgramRecord& record : s.buffer) take(record);
    s.buffer = {};
    return;
  }
  s.spill();
  s.buffer = {};
  std::vector<NgramFileReader> readers;
  for (const fs::path& run : s.runs) readers.emplace_back(run);
  // A heap of readers by their current records; equal ones by number, so that the order is the same each time.
  const auto after = [&](std::size_t a, std::size_t b) {
    const int order = s.ordering.compare(*readers[a].current(), *readers[b].current());
    return order != 0 ? order > 0 : a > b;
  };
  std::vector<std::size_t> heap;
  for (std::size_t i = 0; i < readers.size(); ++i)
    if (readers[i].next()) heap.push_back(i);
  std::make_heap(heap.begin(), heap.end(), after);
  bool has_pending = false;
  NgramRecord pending;
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), after);
    NgramFileReader& reader = readers[heap.back()];
    if (has_pending && s.joins && s.ordering.compare(pending, *reader.current()) == 0) {
      pending.count += reader.current()->count;
    } else {
      if (has_pending) take(pending);
      pending = *reader.current();
      has_pending = true;
    }
    if (reader.next())
      std::push_heap(heap.begin(), heap.end(), after);
    else
      heap.pop_back();
  }
  if (has_pending) take(pending);
  for (const fs::path& run : s.runs) fs::remove(run);
  s.runs.clear();
}

}  // namespace corollary
