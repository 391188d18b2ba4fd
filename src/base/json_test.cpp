#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Json, KeysKeepTheirOrder) {
  EXPECT_EQ(to_line(parse_json(R"({"z": 1, "a": [true, null, "x"]})", "here")), R"({"z":1,"a":[true,null,"x"]})");
}

TEST(Json, ErrorsNamePlaceAndByte) {
  EXPECT_THAT([] { parse_json("{\"a\": }", "file.json"); }, ThrowsMessage<Error>(HasSubstr("not valid JSON: file.json at byte 7")));
  for (const char* bad : {"", "{", "[1,]", "nul", "\"\xff\"", "\"\\ud800\"", "1e999", "[1] x", "01"})
    EXPECT_THROW(parse_json(bad, "here"), Error) << bad;
}

TEST(Json, DeepNestingIsRefused) {
  EXPECT_NO_THROW(parse_json(std::string(200, '[') + std::string(200, ']'), "here"));
  EXPECT_THAT([] { parse_json(std::string(1'000'000, '['), "here"); }, ThrowsMessage<Error>(HasSubstr("nested deeper than 256")));
}

TEST(Json, FilesRoundTrip) {
  const TestFolder folder;
  const Json json = {{"tiny", 1e-300}, {"third", 1.0 / 3}, {"big", 18446744073709551615u}, {"text", "\u2200 \n \""}};
  write_json_file(folder / "a.json", json);
  EXPECT_EQ(read_json_file(folder / "a.json"), json);
  EXPECT_EQ(read_file(folder / "a.json").back(), '\n');
  EXPECT_THAT([&] { read_json_file(folder / "absent.json"); }, ThrowsMessage<Error>(HasSubstr("absent.json")));
}

TEST(Json, InvalidUtf8IsReplacedOnOutput) { EXPECT_EQ(to_line(Json("a\xff")), "\"a\xef\xbf\xbd\""); }

}  // namespace
}  // namespace corollary
