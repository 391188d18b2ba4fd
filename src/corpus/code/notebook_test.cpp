#include "corpus/code/notebook.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "base/compress.h"
#include "base/json.h"
#include "base/test_folder.h"
#include "corpus/code/markup_removal.h"
#include "corpus/sources/process.h"

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
  for (const char* bytes : {"", "[]", "{}", "\xff", R"({"nbformat":3,"cells":[]})", R"({"nbformat":1,"cells":[]})",
                            R"({"nbformat":5,"cells":[]})", R"({"nbformat":4})", R"({"nbformat":"4","cells":[]})"})
    EXPECT_EQ(notebook_to_markdown(bytes), std::nullopt) << bytes;
  EXPECT_EQ(notebook_to_markdown(R"({"nbformat":4,"cells":[null,3,{"cell_type":5,"source":{}}]})"), "");
}

std::string reason(const std::string& bytes, bool as_published = false) {
  const auto notebook = convert_notebook(bytes, {.as_published = as_published});
  return notebook.rejection ? notebook.rejection->reason : "";
}

TEST(Notebook, FormatThree) {
  const char* bytes = R"~({"nbformat":3,"nbformat_minor":0,"metadata":{"name":""},"worksheets":[{"cells":[
    {"cell_type":"heading","level":2,"source":["A\n","b"]},
    {"cell_type":"code","language":"python","input":["x","y"],"outputs":[{"output_type":"pyout","prompt_number":1,"text":["1","2"]},
      {"output_type":"stream","stream":"stdout","text":"s\n"}]},
    {"cell_type":"code","language":"python","input":"f()","outputs":[{"output_type":"pyerr","ename":"E","evalue":"v","traceback":[]}]}]},
    {"cells":[{"cell_type":"markdown","source":"import sympy"}]}]})~";
  EXPECT_EQ(notebook_to_markdown(bytes),
            "## A b\n\n```python\nx\ny\n```\n\n    1\n    2\n\n    s\n\n```python\nf()\n```\n\nimport sympy\n");
  EXPECT_EQ(convert_notebook(bytes, {.as_published = true}).markdown,
            "## A b\n\n\n```\nx\ny\n```\n\n\n\n\n    1\n    2\n\n\n\n    s\n\n\n\n```\nf()\n```\n\nimport sympy\n");
}

TEST(Notebook, WhatAnOutputShows) {
  const auto shown = [](const std::string& data) {
    const auto markdown = notebook_to_markdown(
        R"~({"nbformat":4,"cells":[{"cell_type":"code","source":"f","outputs":[{"output_type":"display_data","data":)~" + data +
        "}]}]}");
    return markdown ? markdown->substr(std::min<std::size_t>(markdown->size(), 11)) : "none";
  };
  EXPECT_EQ(shown(R"({"text/html":"<b>x</b>","text/plain":"x"})"), "    x\n");
  EXPECT_EQ(shown(R"({"text/latex":"$x$","text/plain":"x"})"), "$x$\n");
  EXPECT_EQ(shown(R"({"text/html":"<style>b{}</style><table><tr><td>a</td><td>&lt;b&gt;</td></tr><tr><td>c</td></tr></table>"})"),
            "    a <b>\n    c\n");
  EXPECT_EQ(shown(R"({"text/plain":"\u001b[1;31mred\u001b[0m\u001b["})"), "    red\u001b[\n") << "what is no escape stays";
  EXPECT_EQ(shown(R"({"image/jpeg":"x","text/plain":"y"})"), "") << "an image clears the cell";
  EXPECT_EQ(shown(R"({"application/json":{"a":1}})"), "");
}

TEST(Notebook, CodeIsLeftAloneUnlessAsPublished) {
  const std::string bytes =
      R"({"nbformat":4,"nbformat_minor":0,"metadata":{},"cells":[{"cell_type":"code","metadata":{},"execution_count":null,
    "outputs":[],"source":"import sympy\ns = '<img src=x>```'\n\n\n<script"},{"cell_type":"markdown","metadata":{},"source":"a</script>b"}]})";
  EXPECT_EQ(notebook_to_markdown(bytes), "````\nimport sympy\ns = '<img src=x>```'\n\n\n<script\n````\n\na</script>b\n");
  EXPECT_EQ(convert_notebook(bytes, {.as_published = true}).markdown, "```\nimport sympy\ns = '```'\n\n\nb\n");
}

TEST(Notebook, AsPublishedAsksTheSchemaAndTheKeywordFirst) {
  const auto with = [](const std::string& cell) {
    return R"({"nbformat":4,"nbformat_minor":2,"metadata":{"kw":"import sympy"},"cells":[)" + cell + "]}";
  };
  EXPECT_EQ(reason(R"({"nbformat":4,"nbformat_minor":2,"metadata":{},"cells":[]})", true), "no_required_word");
  EXPECT_EQ(reason(with(R"({"cell_type":"markdown","metadata":{},"source":"x"})"), true), "");
  for (const char* cell :
       {R"({"cell_type":"markdown","source":"x"})", R"({"cell_type":"code","metadata":{},"source":"x","outputs":[]})",
        R"({"cell_type":"heading","metadata":{},"source":"x"})", R"({"cell_type":"markdown","metadata":{},"source":3})", "3"}) {
    EXPECT_EQ(reason(with(cell), true), "invalid_notebook") << cell;
    EXPECT_EQ(reason(with(cell)), "") << cell;
  }
}

TEST(Notebook, JsonAsPythonReadsIt) {
  const auto with = [](const std::string& source) {
    return R"({"nbformat":4,"x":[NaN,-Infinity],"cells":[{"cell_type":"markdown","source":")" + source + "\"}]}";
  };
  EXPECT_EQ(notebook_to_markdown(with("a\\ud800b \\ud83d\\ude00 NaN")), "a\ufffdb \U0001F600 NaN\n");
  EXPECT_EQ(notebook_to_markdown("\xEF\xBB\xBF" + with("a\tb\n\x01")), "a\tb\n");
  EXPECT_EQ(reason(with("\xff")), "invalid_utf8");
  EXPECT_EQ(reason(with("a").substr(0, 40)), "malformed_json");
  EXPECT_EQ(notebook_to_markdown(R"({"nbformat":3,"nbformat":4,"cells":3,"cells":[]})"), "") << "the last of equal keys counts";
}

TEST(Notebook, MarkupRemoval) {
  const std::pair<const char*, const char*> kCases[] = {{"a![x](y)b", "ab"},
                                                        {"![x](y \"t\")b", "b"},
                                                        {"![x\ny](z)b", "b"},
                                                        {"![x](y\nz)b", "![x](y\nz)b"},
                                                        {"![a](b \"t\") c ![d](e \"f\")g", "g"},
                                                        {"![a](b) c ![d](e \"f\")g", " c g"},
                                                        {"![a](\"b)c", "c"},
                                                        {"![a](\")c", "c"},
                                                        {"![a][b] ![c](d)", "![a][b] "},
                                                        {"![[a]](b)", "![[a]](b)"},
                                                        {"![a ![b](c)", ""},
                                                        {"a<img\nsrc='x'>b<img", "ab<img"},
                                                        {"a<video>\n</video>b<script>c", "ab<script>c"},
                                                        {"<script><video></script>x</video>", "x</video>"},
                                                        {"<video><script></video>x</script>", "x</script>"},
                                                        {"<iframe></script></iframe>x", "x"}};
  for (const auto& [text, expected] : kCases) EXPECT_EQ(remove_markup(text), expected) << text;
}

TEST(Notebook, HostileNotebooksTakeLinearTime) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(reason(std::string(1 << 20, '[')), "malformed_json");
  std::string nested = R"({"nbformat":4,"cells":[],"x":)";
  for (int i = 0; i < 100'000; ++i) nested += "{\"a\":";
  EXPECT_EQ(reason(nested), "malformed_json");
  const auto in_cell = [](const std::string& source) {
    return R"({"nbformat":4,"nbformat_minor":0,"metadata":{"k":"import sympy"},"cells":[{"cell_type":"markdown","metadata":{},"source":")" +
           source + "\"}]}";
  };
  const std::string huge = in_cell(std::string(100'000'000, 'x'));
  EXPECT_EQ(notebook_to_markdown(huge)->size(), 100'000'001U);
  for (const char* piece :
       {"![", "![](", "![](\\\"", "<img ", "<script", "<script<video<iframe", "![]", "![](\\\"\\\") ", "\\u001b["}) {
    std::string many;
    while (many.size() < 2'000'000) many += piece;
    for (const bool as_published : {false, true}) EXPECT_EQ(reason(in_cell(many), as_published), "") << piece;
  }
  std::string returns =
      R"({"nbformat":4,"cells":[{"cell_type":"code","source":"","outputs":[{"output_type":"stream","name":"s","text":")";
  for (int i = 0; i < 500'000; ++i) returns += "\\r";
  EXPECT_EQ(reason(returns + "\"}]}]}"), "");
  std::string outputs = R"({"nbformat":4,"cells":[{"cell_type":"code","source":"","outputs":[)";
  for (int i = 0; i < 50'000; ++i) outputs += R"({"output_type":"stream","name":"s","text":"x"},)";
  EXPECT_EQ(notebook_to_markdown(outputs + "{}]}]}"), "    " + std::string(50'000, 'x') + "\n");
  EXPECT_EQ(
      notebook_to_markdown(R"({"nbformat":3,"worksheets":[{"cells":[{"cell_type":"heading","level":1000000000,"source":"x"}]}]})"),
      "###### x\n");
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 60);
}

/// nbconvert itself, where it is installed, over real notebooks: as they are (many lack the keyword, which is therefore added).
TEST(Notebook, AsPublishedIsWhatNbconvertPrints) {
  const fs::path data = fs::path(COROLLARY_SOURCE_DIR) / "../shared/data/corpus/source/jupyter-notebook.jsonl.zst";
  if (!fs::exists(data)) GTEST_SKIP() << "no shared data";
  const TestFolder folder;
  std::string python;
  for (const char* name : {"python3", "/usr/bin/python3"})
    if (python.empty() && run_process({name, "-c", "import nbconvert"}, folder.path()).status == 0) python = name;
  if (python.empty()) GTEST_SKIP() << "no nbconvert: install python3-nbconvert";
  std::vector<std::string> notebooks;
  CompressedWriter writer(folder.path() / "in.jsonl");
  LineReader lines(data);
  while (const auto line = lines.next()) {
    if (lines.line_number() % 3 != 0) continue;  // nbconvert takes seconds a megabyte
    Json notebook = parse_json(parse_json(*line, "record")["text"].get<std::string>(), "notebook");
    notebook["metadata"]["keyword"] = "import sympy";
    notebooks.push_back(notebook.dump());
    writer.write_line(to_line({{"text", notebooks.back()}}));
  }
  writer.commit();
  const ProcessResult peer = run_process(
      {python, COROLLARY_SOURCE_DIR "/bench/peers/notebook_nbconvert.py", (folder.path() / "in.jsonl").string(), "--print"},
      folder.path(), std::size_t{1} << 26);
  ASSERT_EQ(peer.status, 0) << peer.err;
  write_file(folder.path() / "out.jsonl", peer.out);
  LineReader printed(folder.path() / "out.jsonl");
  for (const std::string& notebook : notebooks) {
    const auto line = printed.next();
    ASSERT_TRUE(line.has_value());
    const Json expected = parse_json(*line, "nbconvert")["markdown"];
    const auto ours = convert_notebook(notebook, {.as_published = true});
    ASSERT_EQ(expected.is_null(), ours.rejection.has_value());
    if (expected.is_null()) continue;
    EXPECT_EQ(ours.markdown, expected.get<std::string>());
  }
  EXPECT_EQ(notebooks.size(), 10U);
}

}  // namespace
}  // namespace corollary
