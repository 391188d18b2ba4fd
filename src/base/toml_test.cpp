#include "base/toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

TEST(Toml, BecomesJson) {
  const TestFolder folder;
  write_file(folder / "a.toml", R"(name = "x"
seed = 12
rate = 2e-3
flag = true
day = 2023-10-16
[[sources]]
uri = "deb:a"
[[sources]]
uri = "b"
[model.inner]
sizes = [1, 2]
)");
  EXPECT_EQ(to_line(read_toml_file(folder / "a.toml")),
            R"({"day":"2023-10-16","flag":true,"model":{"inner":{"sizes":[1,2]}},"name":"x","rate":0.002,"seed":12,)"
            R"("sources":[{"uri":"deb:a"},{"uri":"b"}]})");
}

TEST(Toml, ErrorsNameFileLineAndColumn) {
  const TestFolder folder;
  for (const auto& [text, place] : {std::pair{"a = 1\nb = = 2\n", "line 2 column 5"},
                                    {"a = 1\na = 2\n", "line 2 column"},
                                    {"a = \"\xff\"", "line 1"},
                                    {"[$x]\n", "not valid TOML"}}) {
    write_file(folder / "bad.toml", text);
    EXPECT_THAT([&] { read_toml_file(folder / "bad.toml"); },
                testing::ThrowsMessage<Error>(testing::AllOf(testing::HasSubstr("bad.toml"), testing::HasSubstr(place))));
  }
}

TEST(Toml, LettersOfAllAlphabets) {
  const TestFolder folder;
  const std::string text = "\u00e9\u03b1\u0416\u2200\U0001d538";
  write_file(folder / "a.toml", "a = \"" + text + "\" # " + text + "\nb = \"\"\"\n" + text + " \\\n   " + text + "\"\"\"\n");
  EXPECT_EQ(read_toml_file(folder / "a.toml"), (Json{{"a", text}, {"b", text + " " + text}}));
}

}  // namespace
}  // namespace corollary
