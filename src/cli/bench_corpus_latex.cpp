#include "cli/bench_corpus_latex.h"

#include <chrono>
#include <cstdlib>
#include <limits>
#include <string>

#include "base/error.h"
#include "corpus/papers/latex.h"
#include "corpus/papers/paper_files.h"

namespace corollary {
namespace {

constexpr std::size_t kMostBytes = 16 << 20;

/// Paragraphs with formulas, comments and macros about as dense as papers have them.
std::string made_up_paper() {
  std::string text =
      "\\documentclass{article}\n\\newcommand{\\R}{\\mathbb{R}}\n\\newcommand{\\norm}[1]{\\lVert #1 \\rVert}\n"
      "\\newcommand{\\sk}[2][X]{\\langle #2\\rangle_{#1}}\n\\def\\eps{\\varepsilon}\n\\begin{document}\n\\section{Introduction}\n";
  for (int i = 0; i < 10'000; ++i)
    text += "Let $f_{" + std::to_string(i) +
            "}\\colon\\R^n\\to\\R$ be a convex function; for every $\\eps>0$ there is some $\\delta$ with\n"
            "\\begin{equation}\\label{eq:" +
            std::to_string(i) +
            "}\n  \\norm{f(x)-f(y)}\\leq\\eps+\\sk{x,y}, % as above\n\\end{equation}\n"
            "which is the bound that we used in Section~\\ref{sec:b} to prove \\emph{uniform} continuity \\cite{a}.\n\n";
  return text + "\\end{document}\n";
}

std::vector<std::string> find_texts(const fs::path& data) {
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  const auto add = [&](std::string text) {
    if (bytes + text.size() > kMostBytes) return;
    bytes += text.size();
    texts.push_back(std::move(text));
  };
  fs::path tree = fs::current_path();
  while (!fs::exists(tree / "src" / "corpus" / "papers" / "latex.h") && tree != tree.parent_path()) tree = tree.parent_path();
  const fs::path shared = tree / ".." / "shared" / "data" / "corpus" / "arxiv";
  const fs::path folder = !data.empty() ? data : shared;
  if (!fs::is_directory(folder)) return {made_up_paper()};
  for (const fs::path& path : list_files(folder)) {
    if (path.extension() == ".tex") add(read_file(path));
    if (path.extension() != ".gz") continue;
    for (auto& [name, text] : decode_paper(unpack_paper(read_file(path)).files))
      if (name.ends_with(".tex")) add(text);
  }
  if (texts.empty()) texts.push_back(made_up_paper());
  return texts;
}

double seconds_of(const auto& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

std::vector<BenchRow> bench_corpus_latex(const fs::path& data) {
  const std::vector<std::string> texts = find_texts(data);
  std::size_t bytes = 0, sum = 0;
  for (const std::string& text : texts) bytes += text.size();
  const bool has_peer = std::system("command -v detex >/dev/null 2>&1") == 0;
  const fs::path folder = fs::temp_directory_path() /
                          ("corollary_bench_latex_" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  std::string command = "detex -n";  // as we here, it follows no \input
  if (has_peer)
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const fs::path path = folder / (std::to_string(i) + ".tex");
      write_file(path, texts[i]);
      command += " " + path.string();
    }
  command += " >/dev/null 2>&1 || true";
  const auto mb_per_second = [&](double seconds) { return static_cast<double>(bytes) / 1e6 / seconds; };
  const auto ours = [&] {
    return mb_per_second(seconds_of([&] {
      for (const std::string& text : texts) sum += clean_latex(text).size();
    }));
  };
  const auto peer = [&] {
    const double seconds = seconds_of([&] { check(std::system(command.c_str()) == 0, "detex could not be run"); });
    return mb_per_second(seconds);
  };
  const Medians medians = measure_in_turn(7, ours, has_peer ? std::function<double()>(peer) : std::function<double()>());
  if (has_peer) fs::remove_all(folder);
  check(sum > 0, "nothing was cleaned");
  return {{"corpus.latex", "MB/s", medians.ours, has_peer ? "detex" : "absent: install texlive-binaries", medians.peer,
           std::numeric_limits<double>::quiet_NaN()}};
}

}  // namespace corollary
