#pragma once
// Small tokenizers for the fuzz targets of this folder.
#include <string>

#include "tokenizer/sentencepiece_model.h"

namespace corollary {

/// Pieces over "a", "b" and the space, so that random text runs into merges; with bytes, a user-defined and an unused piece, or
/// neither.
inline Vocabulary small_vocabulary(bool has_everything) {
  Vocabulary vocabulary;
  const auto add = [&](std::string text, float score, PieceType type) {
    vocabulary.pieces.push_back({std::move(text), score, type});
  };
  add("<unk>", 0, PieceType::unknown);
  add("<s>", 0, PieceType::control);
  add("</s>", 0, PieceType::control);
  if (has_everything)
    for (int byte = 0; byte < 256; ++byte) add(piece_of_byte(byte), 0, PieceType::byte);
  float score = 0;
  for (const char* text : {"ab",
                           "\xe2\x96\x81"
                           "a",
                           "ba", "aa", "abab", "aba", "\xe2\x96\x81\xe2\x96\x81", "bb", "aab",
                           "\xe2\x96\x81"
                           "ab",
                           "a", "b", "\xe2\x96\x81", "\xc3\xa9", "\xef\xbf\xbd",
                           "\xef\xbf\xbd"
                           "a"})
    add(text, score--, PieceType::normal);
  if (has_everything) {
    add("[b]", 0, PieceType::user_defined);
    add("bab", score--, PieceType::unused);
  }
  vocabulary.byte_fallback = has_everything;
  vocabulary.unk_id = 0, vocabulary.bos_id = 1, vocabulary.eos_id = 2;
  vocabulary.unk_surface = "?";
  return vocabulary;
}

inline std::string small_tokenizer_json() {
  std::string vocab = R"("<unk>":0,"<s>":1,"</s>":2,"a":3,"b":4,"ab":5,"aba":6,"▁":7,"▁a":8,"▁▁":9)";
  return R"({"added_tokens":[{"id":1,"content":"<s>","special":true,"normalized":false},{"id":10,"content":"[x]","lstrip":true,"rstrip":true,"normalized":true}],)"
         R"("normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]},)"
         R"("pre_tokenizer":null,"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":false,"vocab":{)" +
         vocab + R"(},"merges":["a b","ab a",["▁","a"],"▁ ▁"]}})";
}

}  // namespace corollary
