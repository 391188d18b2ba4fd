#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"

namespace corollary {

constexpr int kMaxNgramOrder = 6;

/// An n-gram on its way through training. Words stand backwards: words[0] is the last, words[1] the one before it.
struct NgramRecord {
  std::array<std::uint32_t, kMaxNgramOrder> words{};
  std::uint64_t count = 0;  ///< while counting; the top bit marks one that is pruned

  /// Later two numbers in its place: shares between 0 and 1, in the end log10.
  struct Weights {
    float probability = 0, backoff = 0;
  };
  Weights weights() const { return std::bit_cast<Weights>(count); }
  void set_weights(Weights w) { count = std::bit_cast<std::uint64_t>(w); }
};

/// Which words decide the order of records, the first of them most.
struct NgramOrdering {
  int first = 0;          ///< words[first], words[first + 1], .. words[order - 1], then words[0] if first > 0
  int order = 1;
  int compare(const NgramRecord& a, const NgramRecord& b) const;
};

/// Sorts more records than memory holds: sorted runs in files of `folder`, merged when read. Records that compare equal are joined by
/// adding their counts if `joins`. The result does not depend on the memory given.
class NgramSorter {
 public:
  NgramSorter(NgramOrdering ordering, bool joins, std::int64_t memory_bytes, fs::path folder, std::string name);
  ~NgramSorter();
  NgramSorter(NgramSorter&&) noexcept;
  void add(const NgramRecord& record);
  /// Every record in order, once; then the runs are gone.
  void drain(const std::function<void(const NgramRecord&)>& take);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Records in a scratch file, in the order they were added.
class NgramFileWriter {
 public:
  explicit NgramFileWriter(const fs::path& path);
  ~NgramFileWriter();
  NgramFileWriter(const NgramFileWriter&) = delete;
  NgramFileWriter& operator=(const NgramFileWriter&) = delete;
  void add(const NgramRecord& record);
  void close();

 private:
  fs::path path_;
  std::FILE* file_;
};
/// Reads such a file.
class NgramFileReader {
 public:
  explicit NgramFileReader(const fs::path& path);
  ~NgramFileReader();
  NgramFileReader(NgramFileReader&&) noexcept;
  /// The next, or nullptr at the end; valid until the next call.
  const NgramRecord* next();
  /// What next() returned last.
  const NgramRecord* current() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace corollary
