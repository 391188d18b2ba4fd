#include "cli/bench_corpus_html.h"

#include <chrono>
#include <cstdlib>
#include <limits>

#include "base/compress.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/bench_material.h"
#include "cli/web_pages.h"
#include "corpus/sources/process.h"
#include "corpus/web/html_text.h"

namespace corollary {
namespace {

/// Prints the pages a second it has read: the main part by readability (lxml), its text by html2text.
constexpr const char* kPeer = R"(
import json, sys, time, logging
import html2text, readability
logging.disable(logging.CRITICAL)
pages = [json.loads(line)['text'] for line in open(sys.argv[1])]
start = time.perf_counter()
for page in pages:
    try:
        html2text.html2text(readability.Document(page).summary())
    except Exception:
        pass
print(len(pages) / (time.perf_counter() - start))
)";

std::vector<WebPage> find_pages(const fs::path& data) {
  if (!data.empty() && fs::is_regular_file(data) && data.string().find(".warc") != std::string::npos) return read_web_pages(data);
  const fs::path shared = own_tree() / ".." / "shared" / "data" / "corpus" / "html";
  std::vector<WebPage> pages;
  for (const char* name : {"pages_math.warc.gz", "pages_general.warc.gz"})
    if (fs::exists(shared / name))
      for (WebPage& page : read_web_pages(shared / name)) pages.push_back(std::move(page));
  if (!pages.empty()) return pages;
  for (int i = 0; i < 50; ++i) {
    WebPage page;
    page.html = "<!DOCTYPE html><html><head><title>Page</title><script src='MathJax.js'></script></head><body><nav><ul>";
    for (int k = 0; k < 100; ++k)
      page.html += "<li class='menu-item'><a href='/page/" + std::to_string(k) + "'>Chapter " + std::to_string(k) + "</a></li>";
    page.html += "</ul></nav><div id='content' class='post entry'><h1>Numbers</h1>";
    for (int k = 0; k < 200 + i; ++k)
      page.html += "<p class='par'>Let <em>n</em> be a number &amp; \\(x_" + std::to_string(k) +
                   "^2 + 1\\) its <a href='#d'>square</a>; then $$\\sum_{i<n} i = "
                   "\\frac{n(n-1)}{2}$$ holds for it.</p><ul><li>one</li><li>two</li></ul>";
    page.html += "</div><div class='site-footer'>Copyright</div></body></html>";
    pages.push_back(std::move(page));
  }
  return pages;
}

}  // namespace

std::vector<BenchRow> bench_corpus_html(const fs::path& data) {
  const std::vector<WebPage> pages = find_pages(data);
  check(!pages.empty(), "no pages in ", data.string());
  const fs::path folder = fs::temp_directory_path() /
                          ("corollary_bench_html_" + std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  {
    CompressedWriter file(folder / "pages.jsonl");
    const std::size_t step = pages.size() / 40 + 1;  // the peer reads some ten a second
    for (std::size_t i = 0; i < pages.size(); i += step) file.write_line(to_line({{"text", html_to_utf8(pages[i].html)}}));
    file.commit();
  }
  std::size_t bytes = 0;
  bool has_peer = true;
  const Medians medians = measure_in_turn(
      3,
      [&] {
        const auto start = std::chrono::steady_clock::now();
        for (const WebPage& page : pages) bytes += html_to_text(page.html).text.size();
        return static_cast<double>(pages.size()) / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      },
      [&] {
        if (!has_peer) return std::numeric_limits<double>::quiet_NaN();
        for (const char* python : {"python3", "/usr/bin/python3"}) {
          const ProcessResult run = run_process({python, "-c", kPeer, (folder / "pages.jsonl").string()}, folder);
          if (run.status == 0) return std::strtod(run.out.c_str(), nullptr);
        }
        has_peer = false;
        return std::numeric_limits<double>::quiet_NaN();
      });
  fs::remove_all(folder);
  check(bytes > 0, "nothing was extracted");
  return {{"corpus.html", "pages/s", medians.ours,
           has_peer ? "python3-readability + python3-html2text" : "absent: install python3-readability python3-html2text",
           medians.peer, std::numeric_limits<double>::quiet_NaN()}};
}

}  // namespace corollary
