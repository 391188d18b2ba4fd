#pragma once
#include <string>
#include <vector>

#include "base/files.h"

namespace corollary {

struct ProcessResult {
  int status = 0;  ///< exit status; 128 + signal if one ended it; 127 if there is no such program
  std::string out, err;
};

/// Runs a program found on PATH with exactly these arguments (no shell) in `folder`, messages in English, nothing on its stdin, and
/// waits for it. On stop_requested() (base/stop.h) it is asked to end. Output beyond max_output_bytes of each stream is dropped.
ProcessResult run_process(const std::vector<std::string>& arguments, const fs::path& folder,
                          std::size_t max_output_bytes = 1 << 22);

}  // namespace corollary
