// The report in a real browser: formulas set, curves drawn, hostile samples inert, nothing asked of the network.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>

#include "explore/fixture_run.h"
#include "explore/report.h"

namespace corollary {
namespace {

using testing::HasSubstr;
using testing::Not;

std::int64_t count(const std::string& text, const std::string& part) {
  std::int64_t found = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++found;
  return found;
}

class ReportInBrowser : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    for (const char* name : {"chromium", "chromium-browser", "google-chrome"})
      if (browser_.empty() && std::system((std::string(name) + " --version >/dev/null 2>&1").c_str()) == 0) browser_ = name;
    if (browser_.empty()) return;
    write_fixture_run(folder_ / "quickstart");
    write_report({}, folder_ / "quickstart", folder_ / "report");
    browse("--virtual-time-budget=5000 --dump-dom --log-net-log='" + (folder_ / "net.json").string() + "'");
    dom_ = read_file(folder_ / "stdout");
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }
  void SetUp() override {
    if (browser_.empty()) GTEST_SKIP() << "no chromium here";
    ASSERT_EQ(count(dom_, "</html>"), 1) << read_file(folder_ / "stderr").substr(0, 2000);
  }

  static void browse(const std::string& options) {
    const fs::path profile = folder_ / "profile";
    fs::remove_all(profile);
    const std::string command = "timeout 280 " + browser_ +
                                " --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic --no-first-run "
                                "--disable-background-networking --disable-component-update --disable-sync --hide-scrollbars "
                                "--host-resolver-rules='MAP * ~NOTFOUND' --user-data-dir='" +
                                profile.string() + "' " + options + " 'file://" + (folder_ / "report/report.html").string() +
                                "' >'" + (folder_ / "stdout").string() + "' 2>'" + (folder_ / "stderr").string() + "'";
    ASSERT_EQ(std::system(command.c_str()), 0) << read_file(folder_ / "stderr").substr(0, 2000);
  }
  /// The element's attributes and content up to the end tag.
  static std::string between(const std::string& begin, const std::string& end) {
    const std::size_t at = dom_.find(begin);
    return at == std::string::npos ? "" : dom_.substr(at, dom_.find(end, at) - at);
  }

  inline static std::string browser_, dom_;
  inline static const fs::path folder_ = fs::temp_directory_path() / ("corollary_browser_" + std::to_string(::getpid()));
};

TEST_F(ReportInBrowser, RunsToTheEndWithoutAnError) {
  const std::string root = between("<html", ">");
  EXPECT_THAT(root, HasSubstr("data-ready=\"yes\""));
  EXPECT_THAT(root, Not(HasSubstr("data-errors"))) << "scripts, console and the content policy report here";
}

TEST_F(ReportInBrowser, FormulasAreSet) {
  EXPECT_EQ(count(dom_, "<span class=\"katex-display\">"), 2) << "$$...$$ and \\[...\\]";
  EXPECT_GE(count(dom_, "<span class=\"katex\">"), 6);
  EXPECT_EQ(count(dom_, "<mtable"), 1) << "a formula that begins in the prompt and ends in the completion";
  EXPECT_EQ(count(dom_, "An unfinished $\\frac{1}{ stays as it is"), 1) << "what is no formula stays text";
  EXPECT_THAT(between("<pre class=\"said\"><b>Theorem", "</pre>"), Not(HasSubstr("katex"))) << "proofs are code";
}

TEST_F(ReportInBrowser, CurvesAreDrawn) {
  EXPECT_EQ(count(dom_, "<figure class=\"chart drawn\""), 4);
  EXPECT_EQ(count(dom_, "<canvas"), 4);
  EXPECT_THAT(between("id=\"chart-loss\"", "</figure>"), HasSubstr("validation: papers"));
}

TEST_F(ReportInBrowser, HostileSamplesAreInert) {
  EXPECT_THAT(between("<title>", "</title>"), Not(HasSubstr("owned")));
  const std::string content = between("<body>", "<script type=\"application/json\"");
  EXPECT_EQ(count(content, "<img"), 0);
  EXPECT_EQ(count(content, "<script"), 0);
  EXPECT_EQ(count(content, "href=\"javascript"), 0);
  EXPECT_EQ(count(read_file(folder_ / "net.json"), "example.org"), 0) << "\\includegraphics of a sample";
}

TEST_F(ReportInBrowser, LeavesPicturesToLookAt) {
  const fs::path pictures = fs::path(COROLLARY_BUILD_DIR) / "tests/report_pictures";
  fs::create_directories(pictures);
  for (const auto& [name, options] : {std::pair{"light.png", "--window-size=1200,4200"},
                                      std::pair{"dark.png", "--window-size=1200,4200 --blink-settings=preferredColorScheme=0"},
                                      std::pair{"phone.png", "--window-size=400,6400"}}) {
    fs::remove(pictures / name);
    browse(std::string(options) + " --virtual-time-budget=3000 --screenshot='" + (pictures / name).string() + "'");
    EXPECT_GT(fs::file_size(pictures / name), 20000u) << name;
  }
}

}  // namespace
}  // namespace corollary
