#include "cli/bench_corpus_notebook.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <string>

#include "base/compress.h"
#include "base/error.h"
#include "base/json.h"
#include "corpus/code/notebook.h"
#include "corpus/sources/process.h"

namespace corollary {
namespace {

constexpr std::size_t kMaxBytes = 64 << 20;
constexpr std::size_t kPeerBytes = 500'000;

void add_notebooks(const fs::path& path, std::vector<std::string>& notebooks) {
  const auto is_notebook = [](const std::string& text) { return text.find("\"nbformat\"") != std::string::npos; };
  std::size_t bytes = 0;
  for (const fs::path& file : fs::is_directory(path) ? list_files(path) : std::vector<fs::path>{path}) {
    if (file.extension() == ".ipynb") {
      notebooks.push_back(read_file(file));
      bytes += notebooks.back().size();
    } else if (file.filename().string().find(".jsonl") != std::string::npos) {
      LineReader lines(file);
      while (const auto line = lines.next()) {
        const Json json = parse_json(*line, file.string());
        if (!json.is_object() || !json.contains("text") || !json["text"].is_string()) continue;
        if (std::string text = json["text"].get<std::string>(); is_notebook(text) && bytes < kMaxBytes) {
          bytes += text.size();
          notebooks.push_back(std::move(text));
        }
      }
    }
    if (bytes >= kMaxBytes) return;
  }
}

/// A notebook of text, code, printed lines and a picture, of the proportions real ones have.
std::string generated_notebook(int seed) {
  Json cells = Json::array();
  for (int i = 0; i < 20; ++i) {
    const std::string number = std::to_string(seed * 20 + i);
    cells.push_back({{"cell_type", "markdown"},
                     {"metadata", Json::object()},
                     {"source", {"## Step " + number + "\n", "The sum is $\\sum_k k^" + number + "$, see ![plot](plot.png).\n"}}});
    Json output = {{"output_type", "stream"}, {"name", "stdout"}, {"text", std::string(200, 'x') + "\n" + number + "\n"}};
    if (i % 4 == 0)
      output = {{"output_type", "display_data"},
                {"metadata", Json::object()},
                {"data", {{"image/png", std::string(20'000, 'A')}, {"text/plain", "<Figure>"}}}};
    cells.push_back({{"cell_type", "code"},
                     {"metadata", Json::object()},
                     {"execution_count", i},
                     {"source", {"import sympy\n", "x = sympy.Symbol('x')\n", "print(sympy.integrate(x**" + number + ", x))"}},
                     {"outputs", {output}}});
  }
  return to_line(
      {{"cells", cells}, {"metadata", {{"language_info", {{"name", "python"}}}}}, {"nbformat", 4}, {"nbformat_minor", 4}});
}

std::optional<fs::path> beside_the_tree(const char* what) {
  for (fs::path folder = fs::current_path();; folder = folder.parent_path()) {
    if (fs::exists(folder / "src" / "corpus" / "code") && fs::exists(folder / ".." / what)) return folder / ".." / what;
    if (folder == folder.parent_path()) return std::nullopt;
  }
}

std::vector<std::string> find_notebooks(const fs::path& data) {
  std::vector<std::string> notebooks;
  if (!data.empty()) add_notebooks(data, notebooks);
  if (notebooks.empty())
    if (const auto shared = beside_the_tree("shared/data/corpus/source/jupyter-notebook.jsonl.zst"))
      add_notebooks(*shared, notebooks);
  for (int seed = 0; notebooks.size() < 20; ++seed) notebooks.push_back(generated_notebook(seed));
  return notebooks;
}

std::optional<fs::path> peer_script() {
  const fs::path program = fs::read_symlink("/proc/self/exe").parent_path();
  for (const char* folder : {"../../bench/peers", "../bench/peers", "../share/corollary/bench/peers"})
    if (fs::path script = (program / folder / "notebook_nbconvert.py").lexically_normal(); fs::exists(script)) return script;
  return std::nullopt;
}

std::optional<std::string> python_with_nbconvert() {
  for (const char* python : {"python3", "/usr/bin/python3"})
    if (run_process({python, "-c", "import nbconvert"}, fs::temp_directory_path()).status == 0) return python;
  return std::nullopt;
}

}  // namespace

std::vector<BenchRow> bench_corpus_notebook(const fs::path& data) {
  const std::vector<std::string> notebooks = find_notebooks(data);
  std::size_t bytes = 0;
  for (const std::string& notebook : notebooks) bytes += notebook.size();
  std::size_t sum = 0;  // of what was made, so that it is
  const auto ours = [&] {
    const auto start = std::chrono::steady_clock::now();
    for (const std::string& notebook : notebooks) sum += convert_notebook(notebook).markdown.size();
    return static_cast<double>(bytes) / 1e6 / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const auto python = python_with_nbconvert();
  const auto script = peer_script();
  const fs::path folder = fs::temp_directory_path() /
                          ("corollary_bench_" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  std::string version;
  std::function<double()> peer;
  if (python && script) {
    CompressedWriter writer(folder / "notebooks.jsonl");
    const std::size_t step = bytes / kPeerBytes + 1;
    for (std::size_t i = 0; i < notebooks.size(); i += step) writer.write_line(to_line({{"text", notebooks[i]}}));
    writer.commit();
    peer = [&] {
      const ProcessResult result = run_process({*python, script->string(), (folder / "notebooks.jsonl").string()}, folder);
      check(result.status == 0, "nbconvert failed: ", result.err);
      const Json json = parse_json(result.out, "notebook_nbconvert.py");
      version = json.at("version").get<std::string>();
      return json.at("megabytes_per_second").get<double>();
    };
  }
  const Medians medians = measure_in_turn(3, ours, peer);
  fs::remove_all(folder);
  check(sum > 0, "no notebook became Markdown");
  const std::string name = peer      ? "nbconvert " + version
                           : !python ? "absent: install python3-nbconvert"
                                     : "absent: bench/peers/notebook_nbconvert.py is not beside this program";
  return {{"corpus.notebook", "MB/s", medians.ours, name, medians.peer, std::nan("")}};
}

}  // namespace corollary
