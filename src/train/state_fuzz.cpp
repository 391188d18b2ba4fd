// Hostile state.json: whatever it says, an Error or a state whose counts are possible.
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "train/state.h"

std::vector<std::string> fuzz_seeds() {
  return {R"({"format": "corollary training state", "version": 2, "program": "0.1.0",
 "state": {"step": 200, "samples": 3200, "skipped_samples": 16, "tokens": 1638400, "seconds": 81.5, "wall_seconds": 90.25,
  "optimizer": {"updates": 199, "skipped": 1, "skipped_in_a_row": 0}, "guard": {"losses": [2.5, 2.25], "grad_norms": [0.5, 1]},
  "rewinds": [{"at_step": 9, "to_step": 8, "first_sample": 128, "end_sample": 144, "reason": "loss"}],
  "forward_check": {"mean_loss": 2.5, "tokens": 32, "losses": [3, 2]}},
 "identity": {"model": {"hidden_size": 256}}, "layout": {"precision": "bf16", "threads": 2},
 "files": {"master-00000.safetensors": {"bytes": 8, "xxh3_128": "0"}, "m-00000.safetensors": {"bytes": 8, "xxh3_128": "0"},
  "v-00000.safetensors": {"bytes": 8, "xxh3_128": "0"}}})",
          R"({"format": "corollary training state", "version": 1, "program": "0.1.0",
 "state": {"step": 200, "samples": 3200, "tokens": 1638400, "seconds": 81.5, "wall_seconds": 90.25,
  "optimizer": {"updates": 199, "skipped": 1, "skipped_in_a_row": 0}},
 "identity": {"model": {"hidden_size": 256}, "train": {"learning_rate": 0.002}, "inputs": {"pack/web.bin": "00ff"}},
 "layout": {"precision": "bf16", "threads": 2},
 "files": {"master.safetensors": {"bytes": 8, "xxh3_128": "0"}, "m.safetensors": {"bytes": 8, "xxh3_128": "0"},
  "v.safetensors": {"bytes": 8, "xxh3_128": "0"}}})"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto file = corollary::parse_state_file({reinterpret_cast<const char*>(data), size}, "fuzz");
    if (file.state.optimizer.updates > file.state.step) __builtin_trap();
    if (file.files_of("m").size() != file.files_of("master").size()) __builtin_trap();
    (void)corollary::describe_difference(file.identity, file.layout);
  } catch (const corollary::Error&) {
  }
  return 0;
}
