// The three tokenizer files: whatever the bytes, an Error or a tokenizer that encodes and decodes.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tokenizer/fuzz_models.h"
#include "tokenizer/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto tokenizer = corollary::Tokenizer::from_bytes({reinterpret_cast<const char*>(data), size}, "fuzz");
    const auto ids = tokenizer.encode(" ab\xe2\x96\x81 ba\xff <s>\n", {.match_special = true});
    (void)tokenizer.decode(ids);
  } catch (const corollary::Error&) {
  }
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  using namespace corollary;
  std::string bin("\7\0\0\0", 4);
  for (const Piece& piece : small_vocabulary(false).pieces) {
    bin.append(reinterpret_cast<const char*>(&piece.score), 4);
    const auto length = static_cast<std::int32_t>(piece.text.size());
    bin.append(reinterpret_cast<const char*>(&length), 4);
    bin += piece.text;
  }
  return {serialize_sentencepiece_model(small_vocabulary(true)), serialize_sentencepiece_model(small_vocabulary(false)),
          small_tokenizer_json(), bin};
}
