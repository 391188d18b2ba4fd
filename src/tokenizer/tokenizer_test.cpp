#include "tokenizer/tokenizer.h"

#include <gmock/gmock.h>

#include "base/compress.h"
#include "base/error.h"
#include "base/json.h"
#include "tokenizer/encoder.h"
#include "tokenizer/test_tokenizers.h"
#include "tokenizer/whole_text.h"

namespace corollary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Oracle;
using testing::random_text;
using testing::train_model;

/// Every way a SentencePiece BPE model can differ that reaches the encoder or the decoder.
struct Variant {
  const char* name;
  std::unordered_map<std::string, std::string> options;
};
class SentencePieceVariant : public ::testing::TestWithParam<Variant> {};

INSTANTIATE_TEST_SUITE_P(
    All, SentencePieceVariant,
    ::testing::Values(
        Variant{"Llama", {}}, Variant{"NoPrefix", {{"add_dummy_prefix", "false"}}},
        Variant{"NoByteFallback", {{"byte_fallback", "false"}, {"vocab_size", "200"}, {"character_coverage", "0.98"}}},
        Variant{"RemovesExtraSpaces", {{"remove_extra_whitespaces", "true"}}},
        Variant{"UserDefined", {{"user_defined_symbols", "<<x>>,abab,\xe2\x96\x81the,\xce\xb1,aba,==>,aaa"}}},
        Variant{"ControlSymbols", {{"control_symbols", "<mask>,<sep>"}, {"pad_id", "3"}, {"unk_surface", "?"}}},
        Variant{"PiecesAcrossSpaces",
                {{"split_by_whitespace", "false"}, {"split_by_unicode_script", "false"}, {"split_digits", "false"}}},
        Variant{"RareCharactersAreBytes", {{"character_coverage", "0.98"}, {"vocab_size", "380"}}},
        Variant{"OtherSpecials", {{"unk_id", "3"}, {"bos_id", "0"}, {"eos_id", "1"}, {"pad_id", "2"}, {"unk_piece", "?"}}}),
    [](const auto& info) { return info.param.name; });

TEST_P(SentencePieceVariant, IdsAndTextsAreTheirs) {
  const std::string model = train_model(GetParam().options);
  const Tokenizer tokenizer = Tokenizer::from_bytes(model, "trained");
  const Oracle oracle(model);
  Random random(1);
  for (int i = 0; i < 3000; ++i) {
    const std::string text = random_text(random);
    const auto ids = oracle.encode(text);
    ASSERT_EQ(tokenizer.encode(text), ids) << "text " << i << ": "
                                           << Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
    ASSERT_EQ(tokenizer.decode(ids), oracle.decode(ids)) << "text " << i;
  }
  for (int i = 0; i < 3000; ++i) {  // ids no encoder would give
    std::vector<std::int32_t> ids(static_cast<std::size_t>(random.below(12)));
    for (auto& id : ids)
      id = static_cast<std::int32_t>(
          random.below(random.below(2) == 0 ? tokenizer.vocab_size() : std::min(262, tokenizer.vocab_size())));
    ASSERT_EQ(tokenizer.decode(ids), oracle.decode(ids)) << "ids " << i << ": " << ::testing::PrintToString(ids);
  }
}

TEST_P(SentencePieceVariant, WritingAndReadingKeepsTheIds) {
  const Vocabulary vocabulary = parse_sentencepiece_model(train_model(GetParam().options), "trained");
  const std::string written = serialize_sentencepiece_model(vocabulary);
  const Tokenizer tokenizer = Tokenizer::from_bytes(written, "written");
  const Oracle oracle(written);
  EXPECT_EQ(tokenizer.vocabulary().bos_id, vocabulary.bos_id);
  EXPECT_EQ(tokenizer.vocabulary().pad_id, vocabulary.pad_id);
  Random random(2);
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_text(random);
    ASSERT_EQ(tokenizer.encode(text), oracle.encode(text));
  }
}

TEST_P(SentencePieceVariant, StreamsGiveTheSameAsWholes) {
  const Tokenizer tokenizer = Tokenizer::from_bytes(train_model(GetParam().options), "trained");
  StreamEncoder encoder(tokenizer, {.add_bos = tokenizer.bos_id() >= 0, .add_eos = true});
  Random random(3);
  for (int i = 0; i < 500; ++i) {
    const std::string text = random_text(random);
    TokenBuffer streamed;
    for (std::size_t at = 0, n; at < text.size(); at += n) {
      n = static_cast<std::size_t>(1 + random.below(9));
      encoder.push(std::string_view(text).substr(at, n), streamed);
    }
    encoder.finish(streamed);
    const auto ids = tokenizer.encode(text, {.add_bos = tokenizer.bos_id() >= 0, .add_eos = true});
    ASSERT_EQ(std::vector(streamed.ids().begin(), streamed.ids().end()), ids);

    StreamDecoder decoder = tokenizer.stream_decoder();
    std::string decoded;
    for (const auto id : ids) decoder.push(id, decoded);
    decoder.finish(decoded);
    ASSERT_EQ(decoded, tokenizer.decode(ids));
  }
}

/// What SentencePiece cannot be asked for in a trained model: pieces taken out of use afterwards, scores that are equal or out of
/// order.
TEST(Encoder, UnusedPiecesAndEqualScores) {
  Random random(4);
  for (int round = 0; round < 40; ++round) {
    Vocabulary vocabulary = parse_sentencepiece_model(train_model({{"vocab_size", "400"}}), "trained");
    for (Piece& piece : vocabulary.pieces) {
      if (piece.type != PieceType::normal) continue;
      if (round % 2 == 0 && piece.text.size() > 1 && random.below(4) == 0) piece.type = PieceType::unused;
      if (round % 4 >= 2) piece.score = -static_cast<float>(random.below(20));
    }
    const std::string model = serialize_sentencepiece_model(vocabulary);
    const Tokenizer tokenizer = Tokenizer::from_bytes(model, "made");
    const Oracle oracle(model);
    for (int i = 0; i < 100; ++i) {
      const std::string text = random_text(random);
      ASSERT_EQ(tokenizer.encode(text), oracle.encode(text)) << "round " << round;
    }
  }
}

TEST(Encoder, LongWordsTakeTheSameTurns) {  // merge_long against the whole-text rules, on words no cut shortens
  Random random(5);
  for (const bool shuffled : {false, true}) {
    Vocabulary vocabulary =
        parse_sentencepiece_model(train_model({{"split_by_whitespace", "false"}, {"split_by_unicode_script", "false"}}), "trained");
    if (shuffled)  // pairs that rank lower than what they are made of
      for (Piece& piece : vocabulary.pieces) piece.score = -static_cast<float>(random.below(30));
    const EncodingTables tables(vocabulary);
    Encoder encoder(tables);
    for (int i = 0; i < 60; ++i) {
      std::string text;
      while (text.size() < static_cast<std::size_t>(70 + random.below(3000)))
        text += std::string("ab(n+1) the ").substr(static_cast<std::size_t>(random.below(9)), 4);
      TokenBuffer fast, slow;
      encoder.encode(text, true, fast);
      encode_whole_text(tables.vocabulary, tables.index, text, true, slow);
      ASSERT_EQ(std::vector(fast.ids().begin(), fast.ids().end()), std::vector(slow.ids().begin(), slow.ids().end()));
    }
  }
}

/// The claim of word_cuts.h, for each pair of characters by itself: what is cut never merges.
TEST(WordCuts, NoPieceCrossesACut) {
  const EncodingTables tables(parse_sentencepiece_model(train_model(), "trained"));
  int cuts = 0;
  for (const Piece& piece : tables.vocabulary.pieces) {
    if (piece.type != PieceType::normal) continue;
    for (std::size_t at = 1; at < piece.text.size(); ++at) {
      const bool is_cut = tables.cuts.between(piece.text[at - 1], piece.text[at]);
      if (!is_cut) continue;
      ++cuts;
      EXPECT_EQ(
          tables.rules.find(tables.rules.symbol_of(piece.text.substr(at - 1, 1)), tables.rules.symbol_of(piece.text.substr(at, 1))),
          nullptr)
          << piece.text << " at " << at;
    }
  }
  EXPECT_EQ(cuts, 0) << "of a trained model every piece can be merged at every place";
  // And it does cut where Llama's kind of training never joins.
  for (const char* cut : {"a ", "1a", "a1", "11", "\n\n", "a\n", "\na", "a("})
    EXPECT_TRUE(tables.cuts.between(cut[0], cut[1])) << cut;
  for (const char* joined : {"  ", "th", " t"}) EXPECT_FALSE(tables.cuts.between(joined[0], joined[1])) << joined;
}

TEST(Encoder, CachesForgetAndStayRight) {  // more words than the cache has room for, twice
  const Tokenizer tokenizer = Tokenizer::from_bytes(train_model(), "trained");
  const EncodingTables tables(tokenizer.vocabulary());
  Random random(6);
  std::string text;
  while (text.size() < 6'000'000) {
    for (auto n = 1 + random.below(random.below(4) == 0 ? 40 : 8); n > 0; --n) text += static_cast<char>('a' + random.below(26));
    text += ' ';
  }
  const auto once = tokenizer.encode(text);
  EXPECT_EQ(tokenizer.encode(text), once);
  std::vector<std::int32_t> by_word;  // each word by a merger that remembers nothing
  WordMerger merger(tables.vocabulary, tables.index, tables.rules);
  TokenBuffer ids;
  const std::string prefixed = " " + text;
  for (std::size_t at = 0; at < prefixed.size();) {
    const std::size_t end = tables.cuts.next(prefixed, at + 1);
    merger.encode(std::string_view(prefixed).substr(at, end - at), ids);
    at = end;
  }
  EXPECT_TRUE(std::equal(once.begin(), once.end(), ids.ids().begin(), ids.ids().end()));
}

TEST(Encoder, LinearOnOneLongLine) {
  const Tokenizer tokenizer =
      Tokenizer::from_bytes(train_model({{"split_by_whitespace", "false"}, {"split_by_unicode_script", "false"}}), "trained");
  for (const std::string unit : {"a", "ab", "the ring of ", "(n+1)/2", "\xf0\x9f\x98\x80", "\xff"}) {
    std::string text;
    while (text.size() < (1 << 21)) text += unit;
    const auto start = std::chrono::steady_clock::now();
    const auto ids = tokenizer.encode(text);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    EXPECT_LT(seconds, 20) << unit;  // quadratic time would take hours
    if (unit != "\xff") {
      EXPECT_EQ(tokenizer.decode(ids), text) << unit;
    }
  }
}

TEST(Tokenizer, OptionsAndSpecialIds) {
  const Tokenizer tokenizer = Tokenizer::from_bytes(train_model(), "trained");
  EXPECT_EQ(tokenizer.vocab_size(), 420);
  EXPECT_EQ(tokenizer.unk_id(), 0);
  EXPECT_EQ(tokenizer.bos_id(), 1);
  EXPECT_EQ(tokenizer.eos_id(), 2);
  EXPECT_EQ(tokenizer.pad_id(), -1);
  EXPECT_THAT(tokenizer.encode("", {.add_bos = true, .add_eos = true}), ElementsAre(1, 2));
  EXPECT_EQ(tokenizer.encode("<s>"), tokenizer.encode("<s>", {.match_special = true})) << "only tokenizer.json has tokens to match";
  EXPECT_EQ(tokenizer.piece(3), "<0x00>");
  EXPECT_EQ(tokenizer.id_of("</s>"), 2);
  EXPECT_EQ(tokenizer.id_of("no such piece"), std::nullopt);
  EXPECT_THROW((void)tokenizer.piece(420), Error);
  EXPECT_THROW((void)tokenizer.decode(std::vector<std::int32_t>{420}), Error);
  EXPECT_THROW((void)tokenizer.decode(std::vector<std::int32_t>{-1}), Error);
}

TEST(Tokenizer, BatchesAreInOrder) {
  const Tokenizer tokenizer = Tokenizer::from_bytes(train_model(), "trained");
  Random random(8);
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) texts.push_back(random_text(random));
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto all = tokenizer.encode_batch(views);
  for (std::size_t i = 0; i < texts.size(); ++i) ASSERT_EQ(all[i], tokenizer.encode(texts[i]));
}

TEST(Tokenizer, StreamingWithholdsUnfinishedCharacters) {
  const Tokenizer tokenizer = Tokenizer::from_bytes(train_model(), "trained");
  StreamDecoder decoder = tokenizer.stream_decoder();
  std::string text;
  const auto byte = [&](int value) { decoder.push(3 + value, text); };
  byte(0xF0), byte(0x9F), byte(0x98);
  EXPECT_EQ(text, "");
  byte(0x80);
  EXPECT_EQ(text, "\xf0\x9f\x98\x80");
  byte(0xE2), byte(0x41);  // broken off: certain as soon as 'A' is there
  EXPECT_EQ(text,
            "\xf0\x9f\x98\x80\xef\xbf\xbd"
            "A");
  byte(0xC3);
  decoder.finish(text);
  EXPECT_EQ(text,
            "\xf0\x9f\x98\x80\xef\xbf\xbd"
            "A\xef\xbf\xbd");
}

TEST(Tokenizer, SavesWhatOthersLoad) {
  const fs::path folder = fs::path(::testing::TempDir()) / "corollary_tokenizer_save";
  const std::string model = train_model();
  const Tokenizer tokenizer = Tokenizer::from_bytes(model, "trained");
  tokenizer.save(folder);
  EXPECT_EQ(read_file(folder / "tokenizer.model"), model);
  const Json config = read_json_file(folder / "tokenizer_config.json");
  EXPECT_EQ(config["tokenizer_class"], "LlamaTokenizer");
  EXPECT_EQ(config["bos_token"], "<s>");
  EXPECT_TRUE(config["pad_token"].is_null());
  EXPECT_EQ(Tokenizer::load(folder).encode("Let x"), tokenizer.encode("Let x"));
  EXPECT_EQ(Tokenizer::load(folder).digest(), tokenizer.digest());
  fs::remove_all(folder);
}

TEST(Tokenizer, RefusesByNameWhatItCannotEncode) {
  const auto message_of = [](const std::string& bytes) {
    try {
      (void)Tokenizer::from_bytes(bytes, "some/tokenizer.model");
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(message_of(train_model({{"model_type", "unigram"}, {"hard_vocab_limit", "false"}})), HasSubstr("unigram"));
  EXPECT_THAT(message_of(train_model({{"normalization_rule_name", "nmt_nfkc"}})), HasSubstr("nmt_nfkc"));
  EXPECT_THAT(message_of(train_model({{"treat_whitespace_as_suffix", "true"}})), HasSubstr("treat_whitespace_as_suffix"));
  EXPECT_THAT(message_of(""), HasSubstr("some/tokenizer.model"));
  EXPECT_THAT(message_of("hello"), HasSubstr("some/tokenizer.model"));
  const std::string model = train_model();
  for (const std::size_t size : {std::size_t{1}, model.size() / 2, model.size() - 1})
    EXPECT_THAT(message_of(model.substr(0, size)), HasSubstr("some/tokenizer.model")) << size;
  EXPECT_THROW((void)Tokenizer::load("/nonexistent"), Error);
}

}  // namespace
}  // namespace corollary
