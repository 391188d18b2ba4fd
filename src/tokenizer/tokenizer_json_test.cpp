#include "tokenizer/tokenizer_json.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "base/json.h"
#include "tokenizer/encoder.h"
#include "tokenizer/test_tokenizers.h"
#include "tokenizer/whole_text.h"

namespace corollary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::random_text;
using testing::train_model;

/// The tokenizer.json Hugging Face's converter makes of a SentencePiece model: every split of every piece, best piece first.
Json converted(const Vocabulary& vocabulary) {
  Json vocab = Json::object(), rules = Json::array();
  const PieceIndex index(vocabulary);
  std::vector<std::size_t> by_score;
  for (std::size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    vocab[vocabulary.pieces[id].text] = id;
    if (vocabulary.pieces[id].type == PieceType::normal) by_score.push_back(id);
  }
  std::stable_sort(by_score.begin(), by_score.end(),
                   [&](std::size_t a, std::size_t b) { return vocabulary.pieces[a].score > vocabulary.pieces[b].score; });
  for (const std::size_t id : by_score) {
    const std::string& text = vocabulary.pieces[id].text;
    for (std::size_t at = 1; at < text.size(); ++at)
      if (index.mergeable.contains(text.substr(0, at)) && index.mergeable.contains(text.substr(at)))
        rules.push_back(text.substr(0, at) + " " + text.substr(at));
  }
  const auto special = [](int id, const char* text) {
    return Json{{"id", id},        {"content", text},     {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"special", true}};
  };
  return {
      {"version", "1.0"},
      {"added_tokens", Json::array({special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")})},
      {"normalizer",
       {{"type", "Sequence"},
        {"normalizers", Json::array({Json{{"type", "Prepend"}, {"prepend", "\xe2\x96\x81"}},
                                     Json{{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\xe2\x96\x81"}}})}}},
      {"pre_tokenizer", nullptr},
      {"post_processor", nullptr},
      {"decoder", nullptr},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", "<unk>"},
        {"continuing_subword_prefix", nullptr},
        {"end_of_word_suffix", nullptr},
        {"fuse_unk", true},
        {"byte_fallback", true},
        {"vocab", vocab},
        {"merges", rules}}}};
}

class TokenizerJson : public ::testing::Test {
 protected:
  TokenizerJson() : model(train_model()), json(converted(parse_sentencepiece_model(model, "trained"))) {}
  Tokenizer load() const { return Tokenizer::from_bytes(json.dump(), "made.json"); }
  std::string refusal() const {
    try {
      (void)load();
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }
  std::string model;
  Json json;
};

TEST_F(TokenizerJson, EqualsTheModelItWasMadeFrom) {
  const Tokenizer ours = load(), original = Tokenizer::from_bytes(model, "trained");
  EXPECT_EQ(ours.bos_id(), 1);
  EXPECT_EQ(ours.eos_id(), 2);
  EXPECT_EQ(ours.unk_id(), 0);
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = random_text(random);
    const auto ids = ours.encode(text);
    ASSERT_EQ(ids, original.encode(text));
    ASSERT_EQ(ours.decode(ids), original.decode(ids));
  }
}

TEST_F(TokenizerJson, ArraysOfTwoAreMergesToo) {
  const auto before = load().encode("the theorem of rings");
  for (Json& rule : json["model"]["merges"]) {
    const std::string both = rule;
    const std::size_t space = both.find(' ');
    rule = Json::array({both.substr(0, space), both.substr(space + 1)});
  }
  EXPECT_EQ(load().encode("the theorem of rings"), before);
}

TEST_F(TokenizerJson, RanksDecideNotIds) {  // merges in another order than the pieces: against the rules applied to the whole text
  Random random(2);
  auto& rules = json["model"]["merges"];
  for (std::size_t i = rules.size(); i-- > 1;)
    std::swap(rules[i], rules[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(i) + 1))]);
  const EncodingTables tables(parse_tokenizer_json(json.dump(), "made.json"));
  Encoder encoder(tables);
  for (int i = 0; i < 1000; ++i) {
    const std::string text = random_text(random);
    TokenBuffer fast, slow;
    encoder.encode(text, true, fast);
    encode_whole_text(tables.vocabulary, tables.index, text, true, slow);
    ASSERT_EQ(std::vector(fast.ids().begin(), fast.ids().end()), std::vector(slow.ids().begin(), slow.ids().end())) << text;
  }
}

TEST_F(TokenizerJson, SpecialTokensMatchOnRequestOnly) {
  const Tokenizer tokenizer = load();
  const auto plain = tokenizer.encode("the</s>");
  EXPECT_THAT(plain, ::testing::Not(::testing::Contains(2)));
  // Each part gets a prefix of its own, as Hugging Face's normalizer gives it.
  const auto matched = tokenizer.encode("the</s>the", {.match_special = true});
  std::vector<std::int32_t> expected = tokenizer.encode("the");
  expected.push_back(2);
  for (const auto id : tokenizer.encode("the")) expected.push_back(id);
  EXPECT_EQ(matched, expected);
  EXPECT_EQ(tokenizer.decode(matched), "the the");
}

TEST_F(TokenizerJson, AddedTokensAlwaysMatch) {
  json["added_tokens"].push_back(
      {{"id", 420}, {"content", "[MATH]"}, {"normalized", false}, {"special", false}, {"lstrip", true}, {"rstrip", true}});
  json["added_tokens"].push_back({{"id", 421}, {"content", "[MATH]]"}, {"normalized", false}, {"special", false}});
  json["added_tokens"].push_back({{"id", 422}, {"content", "@@"}, {"normalized", true}, {"special", false}});
  const Tokenizer tokenizer = load();
  EXPECT_EQ(tokenizer.vocab_size(), 423);
  const auto the = tokenizer.encode("the");
  EXPECT_THAT(tokenizer.encode("[MATH]"), ElementsAre(420));
  EXPECT_THAT(tokenizer.encode("[MATH]]"), ElementsAre(421)) << "the longest";
  auto expected = the;
  expected.push_back(420);
  expected.insert(expected.end(), the.begin(), the.end());
  EXPECT_EQ(tokenizer.encode("the \xc2\xa0\n[MATH] \xe2\x80\x83the"), expected) << "lstrip and rstrip take the white space";
  // A normalized token is rewritten by the normalizer, prefix and all, and looked for in rewritten text: only after a space.
  EXPECT_THAT(tokenizer.encode("@@"), ElementsAre(422));
  EXPECT_THAT(tokenizer.encode("the @@"), ::testing::Contains(422));
  EXPECT_THAT(tokenizer.encode("the@@"), ::testing::Not(::testing::Contains(422)));
}

TEST_F(TokenizerJson, MetaspaceInPlaceOfTheNormalizer) {
  const auto plain = load().encode("the ring"), spaced = load().encode("  the ring");
  json["normalizer"] = nullptr;
  json["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "\xe2\x96\x81"}, {"prepend_scheme", "always"}, {"split", false}};
  EXPECT_EQ(load().encode("the ring"), plain);
  EXPECT_EQ(load().encode(" the ring"), plain) << "no prefix where there is a space already";
  EXPECT_EQ(load().encode("   the ring"), spaced);
  json["pre_tokenizer"]["prepend_scheme"] = "never";
  EXPECT_EQ(load().encode(" the ring"), plain);
  EXPECT_NE(load().encode("the ring"), plain);
  json["pre_tokenizer"]["prepend_scheme"] = "first";
  EXPECT_EQ(load().encode("the ring"), plain);
  auto expected = load().encode("the");
  expected.push_back(2);
  json["pre_tokenizer"]["prepend_scheme"] = "never";
  for (const auto id : load().encode("the")) expected.push_back(id);
  json["pre_tokenizer"]["prepend_scheme"] = "first";
  EXPECT_EQ(load().encode("the</s>the", {.match_special = true}), expected);
  // split: no merge over the start of a space.
  json["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "\xe2\x96\x81"}, {"add_prefix_space", true}};
  const Tokenizer split = load();
  const std::int32_t space = *split.id_of("\xe2\x96\x81");
  EXPECT_EQ(split.encode("a    a")[1], space);
  EXPECT_EQ(split.encode("a    a")[2], space);
}

TEST_F(TokenizerJson, RefusesByName) {
  const Json whole = json;
  const auto with = [&](const std::string& pointer, const Json& value) {
    json = whole;
    json[Json::json_pointer(pointer)] = value;
    return refusal();
  };
  EXPECT_THAT(with("/model/type", "Unigram"), HasSubstr("Unigram"));
  EXPECT_THAT(with("/model/dropout", 0.1), HasSubstr("model.dropout"));
  EXPECT_THAT(with("/model/ignore_merges", true), HasSubstr("ignore_merges"));
  EXPECT_THAT(with("/model/merges/3", "no_such piece"), HasSubstr("model.merges[3]"));
  EXPECT_THAT(with("/model/merges/3", 5), HasSubstr("model.merges[3]"));
  EXPECT_THAT(with("/model/vocab/the", 1 << 24), HasSubstr("vocab"));
  EXPECT_THAT(with("/model/vocab/xyzzy", 7), HasSubstr("id 7"));
  EXPECT_THAT(with("/normalizer", {{"type", "NFKC"}}), HasSubstr("NFKC"));
  EXPECT_THAT(with("/pre_tokenizer", {{"type", "ByteLevel"}}), HasSubstr("ByteLevel"));
  EXPECT_THAT(with("/added_tokens/0/single_word", true), HasSubstr("single_word"));
  EXPECT_THAT(with("/normalizer", nullptr), HasSubstr("U+2581"));
  EXPECT_THROW((void)Tokenizer::from_bytes(whole.dump().substr(0, 5000), "cut.json"), Error);
}

}  // namespace
}  // namespace corollary
