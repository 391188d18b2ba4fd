#include "corpus/code/notebook.h"

#include <gtest/gtest.h>

namespace corollary {
namespace {

TEST(Notebook, CellsBecomeMarkdown) {
  EXPECT_EQ(notebook_to_markdown(R"({"nbformat":4,"metadata":{"kernelspec":{"language":"python"}},"cells":[
    {"cell_type":"markdown","source":["# T\n","![p](a.png \"x\") and <img src=y> b"]},
    {"cell_type":"code","source":"1 + 1","outputs":[{"output_type":"execute_result","data":{"text/plain":["2"]}}]}]})"),
            "# T\n and  b\n\n```python\n1 + 1\n```\n\n    2\n");
}

TEST(Notebook, OutputsGoIfOneIsAnImageOrAnError) {
  const auto with = [](const std::string& output) {
    return notebook_to_markdown(
        R"~({"nbformat":4,"cells":[{"cell_type":"code","source":"f()","outputs":[{"output_type":"stream","text":"hi"},)~" + output +
        "]}]}");
  };
  const std::string bare = "```\nf()\n```\n";
  EXPECT_EQ(with(R"({"output_type":"display_data","data":{"image/png":"iVBO"}})"), bare);
  EXPECT_EQ(with(R"({"output_type":"error","ename":"E","traceback":[]})"), bare);
  EXPECT_EQ(with(R"({"output_type":"stream","text":"ho"})"), bare + "\n    hiho\n");
}

TEST(Notebook, WhatIsNoneIsNone) {
  for (const char* bytes :
       {"", "[]", "{}", "\xff", R"({"nbformat":3,"cells":[]})", R"({"nbformat":4})", R"({"nbformat":"4","cells":[]})"})
    EXPECT_EQ(notebook_to_markdown(bytes), std::nullopt) << bytes;
  EXPECT_EQ(notebook_to_markdown(R"({"nbformat":4,"cells":[null,3,{"cell_type":5,"source":{}}]})"), "");
}

}  // namespace
}  // namespace corollary
