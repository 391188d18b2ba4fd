#include "explore/run_record.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/error.h"
#include "explore/counts_table.h"
#include "explore/sample_section.h"

namespace corollary {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Results, ReadAndWeighedByBytes) {
  const auto results = parse_results(
      R"({"bits_per_byte":{"code":{"before":8,"after":1,"xz":2,"bytes":300,"tokens":100},"web":{"before":8,"after":2,"xz":4,"bytes":100,"tokens":50}}})",
      "r");
  ASSERT_EQ(results.size(), 2u);
  const auto all = overall(results);
  EXPECT_DOUBLE_EQ(all->after, 1.25);
  EXPECT_DOUBLE_EQ(all->xz, 2.5);
  EXPECT_FALSE(overall({}).has_value());
  EXPECT_FALSE(overall(parse_results(R"({"bits_per_byte":{"code":{"after":1,"bytes":3}}})", "r")).has_value())
      << "xz was not measured";
}

TEST(Results, WrongShapesNameTheirPlace) {
  for (const char* text :
       {"", "[]", "{}", R"({"bits_per_byte":3})", R"({"bits_per_byte":{"code":1}})", R"({"bits_per_byte":{"code":{"after":"x"}}})"})
    EXPECT_THROW(parse_results(text, "results.json"), Error) << text;
  try {
    parse_results(R"({"bits_per_byte":{"code":{"after":"x"}}})", "results.json");
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("results.json: bits_per_byte.code.after"));
  }
}

TEST(SamplesFile, MalformedLinesAreCounted) {
  const Samples samples =
      parse_samples("{\"prompt\":\"a\",\"completion\":\"b\",\"seed\":7}\n{\"prompt\":1,\"completion\":\"b\"}\n\nx\n");
  ASSERT_EQ(samples.samples.size(), 1u);
  EXPECT_EQ(samples.samples[0].seed, 7);
  EXPECT_EQ(samples.malformed_lines, 2);
}

TEST(Parameters, OfLlamaShapes) {
  const Json quickstart = {{"vocab_size", 8192},     {"hidden_size", 256},       {"intermediate_size", 704},
                           {"num_hidden_layers", 8}, {"num_attention_heads", 4}, {"num_key_value_heads", 2}};
  EXPECT_EQ(count_parameters(quickstart), 2 * 8192 * 256 + 8 * (2 * 256 * 256 + 2 * 256 * 128 + 3 * 256 * 704 + 2 * 256) + 256);
  const Json llama_2_7b = {{"vocab_size", 32000},     {"hidden_size", 4096},       {"intermediate_size", 11008},
                           {"num_hidden_layers", 32}, {"num_attention_heads", 32}, {"num_key_value_heads", nullptr}};
  EXPECT_EQ(count_parameters(llama_2_7b), 6738415616);  // as published
  for (const Json& hidden : {Json(-1), Json(0), Json("256"), Json(1e9), Json(std::int64_t{1} << 62)}) {
    Json config = quickstart;
    config["hidden_size"] = hidden;
    EXPECT_FALSE(count_parameters(config).has_value()) << hidden;
  }
  EXPECT_FALSE(count_parameters(nullptr).has_value());
}

TEST(LooksLikeCode, ProseWithFormulasIsProse) {
  EXPECT_TRUE(looks_like_code("def f(n):\n  return n"));
  EXPECT_TRUE(looks_like_code("Theorem t : forall n, n = n.\nProof. auto. Qed."));
  EXPECT_FALSE(looks_like_code("Theorem 1. For $x == y$ we have"));
  EXPECT_FALSE(looks_like_code("The eigenvalues of the matrix are real."));
}

TEST(CountsTables, AnyShapeBecomesTables) {
  const Json alike = {{"code", {{"documents", 1234567}, {"bytes", 5000000}}}, {"web", {{"documents", 2}}}};
  const std::string html = counts_tables("Documents", alike).str();
  EXPECT_THAT(html,
              AllOf(HasSubstr("<th scope=\"row\">code</th><td>1,234,567</td><td>5.0 MB</td>"), HasSubstr("<td>2</td><td>–</td>")));
  const std::string nested =
      counts_tables("c", {{"code", {{"rejected", {{"<b>", 1}}}}}, {"web", {{"rejected", {{"<b>", 2}}}}}}).str();
  EXPECT_THAT(nested, AllOf(HasSubstr("<caption>c: rejected</caption>"), HasSubstr("&lt;b&gt;"), Not(HasSubstr("<b>"))));
  EXPECT_TRUE(counts_tables("c", Json::object()).empty());
  const Json list = {
      {"by_source",
       {{{"uri", "deb:a"}, {"path", "/home/x"}, {"files", 12345}, {"rejected", {{"too_short", 3}}}}, {{"uri", "<i>"}}}}};
  EXPECT_THAT(counts_tables("Sources", list).str(), AllOf(HasSubstr("<caption>Sources: by source</caption>"),
                                                          HasSubstr("<td>12,345</td><td class=\"words\">too short 3</td>"),
                                                          HasSubstr("&lt;i&gt;"), Not(HasSubstr("/home"))));
  Json deep = 1;
  for (int i = 0; i < 100; ++i) deep = Json{{"a", deep}, {"b", 1}};
  EXPECT_FALSE(counts_tables("c", deep).empty());
}

TEST(Numbers, AsPeopleReadThem) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(-1234567), "-1,234,567");
  EXPECT_EQ(whole(NAN), "–");
  EXPECT_EQ(fixed(NAN, 2), "NaN");
  EXPECT_EQ(fixed(1.005, 1), "1.0");
}

}  // namespace
}  // namespace corollary
