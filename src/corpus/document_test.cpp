#include "corpus/document.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace corollary {
namespace {

TEST(Document, LineAndBack) {
  const Document document{"a\n\"b\" \u2203", {{"subset", "code"}, {"n", 3}}};
  const std::string line = document_to_line(document);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const Document back = document_from_line(line, "here");
  EXPECT_EQ(back.text, document.text);
  EXPECT_EQ(back.meta, document.meta);
}

TEST(Document, ReadsMetaAsStringAndFieldsBesideIt) {
  const Document document = document_from_line(R"({"text":"x","meta":"{\"lang\":\"coq\"}","url":"u"})", "here");
  EXPECT_EQ(document.meta["lang"], "coq");
  EXPECT_EQ(document.meta["url"], "u");
  EXPECT_TRUE(document_from_line(R"({"text":"x","meta":null})", "here").meta.empty());
}

TEST(Document, WhatIsNoneNamesThePlace) {
  for (const char* line :
       {"", "{", "[]", "{}", R"({"text":3})", R"({"text":"x","meta":[1]})", R"({"text":"x","meta":"{"})", "{\"text\":\"\xff\"}"}) {
    try {
      document_from_line(line, "file.jsonl line 7");
      FAIL() << line;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("file.jsonl line 7"), std::string::npos) << error.what();
    }
  }
}

TEST(Document, InvalidUtf8IsReplacedOnWriting) {
  EXPECT_EQ(document_from_line(document_to_line({"a\xff", {}}), "here").text, "a\uFFFD");
}

}  // namespace
}  // namespace corollary
