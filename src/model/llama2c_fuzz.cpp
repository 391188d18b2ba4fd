#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/llama2c.h"

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds;
  for (const std::int32_t vocab_size : {3, -3}) {  // dim 4, hidden 4, 1 layer, 2 heads of 2, 1 key-value head, 2 positions
    const std::int32_t header[7] = {4, 4, 1, 2, 1, vocab_size, 2};
    const std::size_t count = 12 + 4 + 16 + 8 + 8 + 16 + 4 + 3 * 16 + 4 + 4 + (vocab_size < 0 ? 12 : 0);
    std::string file(28 + count * 4, '\0');
    std::memcpy(file.data(), header, 28);
    seeds.push_back(file);
  }
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corollary;
  for (const DType dtype : {DType::f32, DType::bf16}) try {
      const LoadedModel model = parse_llama2c({reinterpret_cast<const std::byte*>(data), size}, dtype, "fuzz.bin");
      if (model.parameters.view().count() != parameter_count(model.config)) __builtin_trap();
    } catch (const Error&) {
    }
  return 0;
}
