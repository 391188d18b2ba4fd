// Any bytes as results.json, samples.jsonl, config.json or a manifest's counts: an Error or a table.
#include <string>
#include <vector>

#include "base/error.h"
#include "explore/counts_table.h"
#include "explore/run_record.h"

std::vector<std::string> fuzz_seeds() {
  return {
      R"({"bits_per_byte":{"code":{"before":8.1,"after":1.5,"xz":2,"bytes":300,"tokens":100},"web":{"after":null}}})",
      "{\"prompt\":\"Let $x$\",\"completion\":\"</script>\",\"seed\":7}\n{\"prompt\":1}\n",
      R"({"vocab_size":8192,"hidden_size":256,"intermediate_size":704,"num_hidden_layers":8,"num_attention_heads":4,"num_key_value_heads":2})",
      R"({"code":{"documents":3,"rejected":{"short":1}},"web":{"documents":4,"rejected":{"long":1}},"bytes":1e9,"list":[1,2],"by":[{"a":1,"b":{"c":2}},{"a":"x"}]})"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corollary;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse_samples(text);
  try {
    overall(parse_results(text, "input"));
  } catch (const Error&) {
  }
  try {
    const Json json = parse_json(text, "input");
    count_parameters(json);
    counts_tables("counts", json);
  } catch (const Error&) {
  }
  return 0;
}
