// What every subcommand promises: exit status 0, 1 or 2, results on stdout, complaints on stderr, --help at once and with an
// example.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <sstream>

#include "base/json.h"
#include "run_program.h"

namespace corollary {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// The names below "Subcommands:" in a help text.
std::vector<std::string> subcommands(const std::string& help) {
  std::vector<std::string> names;
  std::istringstream in(help);
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) inside = false;
    if (inside && line.starts_with("  ") && line[2] != ' ') names.push_back(line.substr(2, line.find(' ', 2) - 2));
    if (line == "Subcommands:") inside = true;
  }
  return names;
}

void expect_examples(std::vector<std::string> command) {
  command.push_back("--help");
  const Outcome outcome = run_program(command);
  command.pop_back();
  EXPECT_EQ(outcome.status, 0);
  const auto below = subcommands(outcome.out);
  if (below.empty()) {
    EXPECT_THAT(outcome.out, HasSubstr("corollary " + command[0]))
        << "no example in the help of " << testing::PrintToString(command);
  }
  for (const std::string& name : below) {
    command.push_back(name);
    expect_examples(command);
    command.pop_back();
  }
}

TEST(Program, EverySubcommandHasHelpWithAnExample) {
  const auto names = subcommands(run_program({"--help"}).out);
  EXPECT_THAT(names, testing::Contains("doctor"));
  for (const std::string& name : names) expect_examples({name});
}

/// Processor time of all children that have ended, in milliseconds.
double children_milliseconds() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto milliseconds = [](const timeval& t) { return 1e3 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_usec); };
  return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

/// Of the fastest of 21 runs, in milliseconds of processor time, which other programs do not stretch as they do a clock's.
double fastest_milliseconds(const std::function<int()>& run) {
  double fastest = 1e9;
  for (int i = 0; i < 21; ++i) {
    const double before = children_milliseconds();
    EXPECT_EQ(run(), 0);
    fastest = std::min(fastest, children_milliseconds() - before);
  }
  return fastest;
}

TEST(Program, HelpIsThereAtOnce) {
  const double help = fastest_milliseconds([] { return run_program({"--help"}).status; });
  // Starting is page faults, one for each page that is touched first, and a virtual machine within another may take ten times as long for
  // one. A shell that does nothing takes 0.7 ms where a page fault costs what it should: there the limit is 20 ms.
  const double nothing = fastest_milliseconds([] { return std::system(":"); });
  RecordProperty("fastest_milliseconds", std::to_string(help));
  RecordProperty("shell_milliseconds", std::to_string(nothing));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's own start takes longer";
#endif
  EXPECT_LT(help, 20.0 * std::max(1.0, nothing / 0.7)) << "a shell that does nothing takes " << nothing << " ms here";
}

TEST(Program, Version) {
  EXPECT_THAT(run_program({"--version"}).out, testing::MatchesRegex("corollary [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

TEST(Program, BadUsageIsStatus2) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"no-such-command"},
                                                    {"doctor", "--no-such-flag"},
                                                    {"--threads", "0", "doctor"},
                                                    {"--threads", "two", "doctor"}}) {
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.status, 2) << testing::PrintToString(arguments);
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err, "");
  }
}

TEST(Program, DoctorSpeaksJson) {
  const Outcome outcome = run_program({"doctor", "--json"});
  EXPECT_EQ(outcome.status, 0);
  const Json findings = parse_json(outcome.out, "doctor");
  ASSERT_TRUE(findings.is_array());
  for (const Json& finding : findings) EXPECT_TRUE(finding.contains("present") && finding.contains("needed_for")) << finding;
}

}  // namespace
}  // namespace corollary
