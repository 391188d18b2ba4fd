#include "corpus/code/notebook.h"

#include <cstdint>
#include <string>
#include <vector>

#include "corpus/text.h"

std::vector<std::string> fuzz_seeds() {
  return {
      R"~({"nbformat":4,"nbformat_minor":5,"metadata":{"kernelspec":{"name":"p","display_name":"P"},"language_info":{"name":"python"},
    "kw":"import sympy"},"cells":[{"cell_type":"markdown","id":"a","metadata":{},"source":["# T\n","![p](a.png \"x\") <img src=y> <video>b</video>"]},
    {"cell_type":"code","metadata":{"scrolled":true},"execution_count":1,"source":"%%bash\nls","outputs":[{"output_type":"execute_result",
    "execution_count":1,"metadata":{},"data":{"text/plain":["2"],"text/html":"  <b>2</b>\n  <td>x"}},{"output_type":"stream","name":"stdout",
    "text":"a\rb\u001b[31m\ud83d\ude00\ud800"},{"output_type":"display_data","metadata":{},"data":{"image/svg+xml":"<svg/>"}}]},
    {"cell_type":"raw","metadata":{"raw_mimetype":"text/html"},"source":""}]})~",
      R"~({"nbformat":3,"nbformat_minor":0,"metadata":{"name":"","kw":"import sympy"},"worksheets":[{"cells":[{"cell_type":"heading","level":2,
    "source":["a\n","b"]},{"cell_type":"code","input":["x","y"],"language":"python","outputs":[{"output_type":"pyout","prompt_number":1,
    "latex":"$x$","png":"aGk=","value":NaN},{"output_type":"pyerr","ename":"E","evalue":"v","traceback":[]},{"output_type":"stream","text":"s"}]}]}]})~"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const bool as_published : {false, true}) {
    const auto notebook = corollary::convert_notebook(bytes, {.as_published = as_published});
    // Five bytes of output for each escaped newline, and a cell's frame.
    if (notebook.markdown.size() > 8 * size + (1 << 12)) __builtin_trap();
    if (notebook.rejection && !notebook.markdown.empty()) __builtin_trap();
    if (corollary::invalid_utf8_at(notebook.markdown)) __builtin_trap();
  }
  return 0;
}
