#include "cli/recipe_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::string set(const char* json, const std::string& setting) {
  Json recipe = parse_json(json, "recipe");
  apply_setting(recipe, setting);
  return to_line(recipe);
}

TEST(RecipeFile, SettingsReachEveryField) {
  EXPECT_EQ(set(R"({"train":{"iters":600}})", "train.iters=100"), R"({"train":{"iters":100}})");
  EXPECT_EQ(set(R"({"train":{"iters":600}})", "train.rate=2e-3"), R"({"train":{"iters":600,"rate":0.002}})");
  EXPECT_EQ(set("{}", "model.hidden_size=64"), R"({"model":{"hidden_size":64}})");
  EXPECT_EQ(set(R"({"mixture":[{"weight":2},{"weight":4}]})", "mixture.1.weight=1.5"),
            R"({"mixture":[{"weight":2},{"weight":1.5}]})");
  EXPECT_EQ(set("{}", "name=a b=c"), R"({"name":"a b=c"})");
  EXPECT_EQ(set("{}", R"(name="12")"), R"({"name":"12"})");
  EXPECT_EQ(set("{}", R"(prompts=["a", "b"])"), R"({"prompts":["a","b"]})");
  EXPECT_EQ(set("{}", "name="), R"({"name":""})");
}

TEST(RecipeFile, BadSettingsSayWhy) {
  EXPECT_THAT([] { set("{}", "train.iters"); }, ThrowsMessage<Error>(HasSubstr("write it as table.field=value")));
  EXPECT_THAT([] { set("{}", "=3"); }, ThrowsMessage<Error>(HasSubstr("write it as")));
  EXPECT_THAT([] { set("{}", "a..b=3"); }, ThrowsMessage<Error>(HasSubstr("an empty name")));
  EXPECT_THAT([] { set("{}", "a.=3"); }, ThrowsMessage<Error>(HasSubstr("an empty name")));
  EXPECT_THAT([] { set(R"({"a":[1]})", "a.1=3"); }, ThrowsMessage<Error>(HasSubstr("1 is no index of a list of 1")));
  EXPECT_THAT([] { set(R"({"a":[1]})", "a.x=3"); }, ThrowsMessage<Error>(HasSubstr("x is no index")));
  EXPECT_THAT([] { set(R"({"a":3})", "a.x=3"); }, ThrowsMessage<Error>(HasSubstr("is a value, not a table")));
}

TEST(RecipeFile, FolderOrFile) {
  const TestFolder folder;
  EXPECT_THAT([&] { find_recipe_file(folder.path()); }, ThrowsMessage<Error>(HasSubstr("no recipe.toml in")));
  EXPECT_THAT([&] { find_recipe_file(folder / "absent"); }, ThrowsMessage<Error>(HasSubstr("no recipe at")));
  write_file(folder / "recipe.toml", "name = \"x\"\n[train]\niters = 1\n");
  EXPECT_EQ(find_recipe_file(folder.path()), folder / "recipe.toml");
  EXPECT_EQ(find_recipe_file(folder / "recipe.toml"), folder / "recipe.toml");
  EXPECT_EQ(to_line(read_recipe_file(folder / "recipe.toml", {"train.iters=2", "train.iters=3"})),
            R"({"name":"x","train":{"iters":3}})");
}

}  // namespace
}  // namespace corollary
