// Text to ids and back: the words and caches of Encoder against the whole-text rules, batch against stream, for several
// vocabularies.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tokenizer/encoder.h"
#include "tokenizer/fuzz_models.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/utf8.h"
#include "tokenizer/whole_text.h"

namespace {

using namespace corollary;

struct Subject {
  explicit Subject(Vocabulary vocabulary) : tables(std::move(vocabulary)), encoder(tables) {}
  EncodingTables tables;
  Encoder encoder;
};

std::vector<std::int32_t> values(const TokenBuffer& buffer) { return {buffer.ids().begin(), buffer.ids().end()}; }

void expect(bool ok) {
  if (!ok) std::abort();
}

std::vector<std::unique_ptr<Subject>> make_subjects() {
  std::vector<std::unique_ptr<Subject>> subjects;
  Vocabulary no_unused = small_vocabulary(true);
  no_unused.pieces.pop_back();
  subjects.push_back(std::make_unique<Subject>(no_unused));
  for (std::size_t i = 0; i < no_unused.pieces.size(); ++i) no_unused.pieces[i].score = -static_cast<float>(i % 3);
  subjects.push_back(std::make_unique<Subject>(no_unused));
  Vocabulary from_json = parse_tokenizer_json(small_tokenizer_json(), "fuzz");
  from_json.fuses_unknown = false;
  subjects.push_back(std::make_unique<Subject>(from_json));
  return subjects;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto subjects = make_subjects();
  static const auto tokenizer = Tokenizer::from_bytes(serialize_sentencepiece_model(small_vocabulary(true)), "fuzz");
  if (size == 0) return 0;
  const bool with_prefix = data[0] % 2 == 0;
  const std::size_t chunk = 1 + data[0] / 2;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, std::min<std::size_t>(size - 1, 1 << 14));
  for (const auto& subject : subjects) {
    TokenBuffer fast, slow;
    subject->encoder.encode(text, with_prefix, fast);
    encode_whole_text(subject->tables.vocabulary, subject->tables.index, text, with_prefix, slow);
    expect(values(fast) == values(slow));
  }
  const auto ids = tokenizer.encode(text);
  StreamEncoder stream(tokenizer);
  TokenBuffer streamed;
  for (std::size_t at = 0; at < text.size(); at += chunk) stream.push(text.substr(at, chunk), streamed);
  stream.finish(streamed);
  expect(values(streamed) == ids);
  if (is_valid_utf8(text) && text.find(kSpaceSymbol) == text.npos) expect(tokenizer.decode(ids) == text);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  return {" abababba  ab\nabb",
          std::string("\1aab\xc3\xa9\xef\xbf\xbd"
                      "a[b]ab\xff\xe2\x96\x81 b\0a",
                      24),
          std::string("\2") + std::string(300, 'a'), std::string("\3") + std::string(90, 'b') + " <0x41> [x] ba"};
}
