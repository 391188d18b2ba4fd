#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "base/files.h"

namespace corollary {

/// Text for benchmarks and a tokenizer to encode it with.
struct BenchMaterial {
  std::vector<std::string> documents;
  std::string model;  ///< the bytes of a tokenizer.model
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const std::string& document : documents) sum += document.size();
    return sum;
  }
};

/// The source tree the program is run in, empty if it is run elsewhere.
fs::path own_tree();

/// Of `data`, a folder or .jsonl file; else of test data beside the source tree; else the tree's own sources, with a tokenizer
/// trained on them.
BenchMaterial find_bench_material(const fs::path& data);

}  // namespace corollary
