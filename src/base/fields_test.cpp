#include "base/fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/flags.h"

namespace corollary {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

struct Inner {
  std::string name;
  double weight = 1;
  bool operator==(const Inner&) const = default;
  static void each(auto& config, auto&& visit) {
    visit("name", config.name);
    visit("weight", config.weight);
  }
};
struct Config {
  bool is_causal = true;
  std::int64_t num_steps = 600;
  std::int32_t small = 0;
  double learning_rate = 2e-3;
  std::string precision = "auto";
  std::vector<std::string> prompts = {"a"};
  Inner inner;
  std::vector<Inner> parts;
  bool operator==(const Config&) const = default;
  static void each(auto& config, auto&& visit) {
    visit("is_causal", config.is_causal);
    visit("num_steps", config.num_steps);
    visit("small", config.small);
    visit("learning_rate", config.learning_rate);
    visit("precision", config.precision);
    visit("prompts", config.prompts);
    visit("inner", config.inner);
    visit("parts", config.parts);
  }
};

void set(Config& config, const char* json) { fields_from_json(config, parse_json(json, "json"), "recipe"); }

TEST(Fields, JsonRoundTrip) {
  Config config;
  set(config, R"({"is_causal": false, "num_steps": -3, "learning_rate": 1, "prompts": [], "inner": {"weight": 0.1},
                  "parts": [{"name": "x"}, {"name": "y", "weight": 2}]})");
  EXPECT_FALSE(config.is_causal);
  EXPECT_EQ(config.learning_rate, 1.0) << "a whole number serves as a number";
  EXPECT_EQ(config.precision, "auto") << "fields not given keep their values";
  EXPECT_TRUE(config.prompts.empty());
  ASSERT_EQ(config.parts.size(), 2u);
  Config again;
  fields_from_json(again, fields_to_json(config), "again");
  EXPECT_EQ(again, config);
}

TEST(Fields, ErrorsNameTheFieldAndWhatIsKnown) {
  const auto error_of = [](const char* json) {
    Config config;
    try {
      set(config, json);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(error_of(R"({"nmu_steps": 1})"), HasSubstr("unknown field recipe.nmu_steps: known are is_causal, num_steps"));
  EXPECT_THAT(error_of(R"({"parts": [{}, {"nane": "x"}]})"),
              HasSubstr("unknown field recipe.parts[1].nane: known are name, weight"));
  EXPECT_THAT(error_of(R"({"num_steps": 1.5})"), HasSubstr("recipe.num_steps must be a whole number, is 1.5"));
  EXPECT_THAT(error_of(R"({"num_steps": "6"})"), HasSubstr("recipe.num_steps must be a whole number"));
  EXPECT_THAT(error_of(R"({"num_steps": 18446744073709551615})"), HasSubstr("of this field's size"));
  EXPECT_THAT(error_of(R"({"small": 2147483648})"), HasSubstr("of this field's size"));
  EXPECT_THAT(error_of(R"({"is_causal": 1})"), HasSubstr("recipe.is_causal must be true or false"));
  EXPECT_THAT(error_of(R"({"precision": 1})"), HasSubstr("recipe.precision must be a string"));
  EXPECT_THAT(error_of(R"({"prompts": "x"})"), HasSubstr("recipe.prompts must be an array"));
  EXPECT_THAT(error_of(R"({"inner": []})"), HasSubstr("recipe.inner must be a table"));
  EXPECT_THAT(error_of("[]"), HasSubstr("recipe must be a table"));
}

TEST(Fields, InfinityIsNoSetting) {
  Config config;
  EXPECT_THAT(
      [&] {
        fields_from_json(config, Json{{"learning_rate", std::numeric_limits<double>::infinity()}}, "recipe");
      },
      ThrowsMessage<Error>(HasSubstr("must be a finite number")));
}

TEST(Flags, OnePerField) {
  Config config;
  CLI::App app;
  add_flags(app, config);
  app.parse("--num-steps 7 --no-is-causal --learning-rate 1e-4 --prompts x y");
  EXPECT_EQ(config.num_steps, 7);
  EXPECT_FALSE(config.is_causal);
  EXPECT_EQ(config.learning_rate, 1e-4);
  EXPECT_THAT(config.prompts, testing::ElementsAre("x", "y"));
  EXPECT_THAT(app.help(), HasSubstr("600")) << "defaults show in --help";
}

}  // namespace
}  // namespace corollary
