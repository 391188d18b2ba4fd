// The order of training samples against tests/python/neox_order.py, which shares no line with it but the rules.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <sstream>
#include <tuple>

#include "base/random.h"
#include "base/test_folder.h"
#include "train/blend.h"
#include "train/test_corpus.h"

namespace corollary {
namespace {

/// What the program prints; empty if there is no Python with numpy.
std::string neox_order(const std::string& arguments) {
  constexpr int kNoNumpy = 77;
  const std::string program = std::string(COROLLARY_SOURCE_DIR) + "/tests/python/neox_order.py";
  for (const std::string interpreter : {"python3", "/usr/bin/python3"}) {
    std::FILE* pipe = ::popen((interpreter + " " + program + " " + arguments).c_str(), "r");
    std::string out;
    for (char buffer[4096]; const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe);) out.append(buffer, n);
    const int status = ::pclose(pipe);
    if (WEXITSTATUS(status) == kNoNumpy || WEXITSTATUS(status) == 127) continue;  // 127: no such interpreter
    EXPECT_EQ(status, 0) << program << " " << arguments;
    return out;
  }
  return "";
}

class NeoxOrder : public ::testing::TestWithParam<std::tuple<std::uint32_t, std::int64_t, std::vector<double>>> {};

TEST_P(NeoxOrder, IsOurs) {
  const auto& [seed, total, weights] = GetParam();
  constexpr std::int64_t kSeqLen = 24;
  const TestFolder folder;
  std::vector<BlendedDataset::Part> parts;
  std::ostringstream arguments;
  arguments.precision(17);
  arguments << seed << " " << kSeqLen << " " << total;
  for (std::size_t set = 0; set < weights.size(); ++set) {  // the smaller sets are read several times over
    const fs::path prefix = folder / ("set" + std::to_string(set));
    TestCorpus::write_indexed(prefix, TestCorpus::documents(set == 1 ? 3 : 60, 5, 17 + set));
    parts.push_back({prefix, weights[set]});
    arguments << " " << weights[set] << "=" << prefix.string();
  }
  const std::string printed = neox_order(arguments.str());
  if (printed.empty()) GTEST_SKIP() << "no python3 with numpy";
  const BlendedDataset dataset(parts, kSeqLen, total, seed);
  std::istringstream lines(printed);
  for (std::int64_t i = 0; i < total; ++i) {
    std::string line;
    ASSERT_TRUE(std::getline(lines, line)) << "the program printed " << i << " samples";
    const auto [set, sample] = dataset.blend().at(i);
    std::ostringstream ours;
    ours << set << " " << sample << " :";
    for (const std::int32_t token : dataset.tokens(i)) ours << " " << token;
    ASSERT_EQ(ours.str(), line) << "sample " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Mixtures, NeoxOrder,
                         ::testing::Values(std::tuple{1234u, 1L, std::vector<double>{1}}, std::tuple{1234u, 500L, std::vector<double>{1}},
                                           std::tuple{0u, 300L, std::vector<double>{2, 4, 1}},
                                           std::tuple{1234u, 2000L, std::vector<double>{2, 4, 1, 0.147368, 0.221053}},
                                           std::tuple{4294967295u, 64L, std::vector<double>{0.5, 0.25, 0.25}},
                                           std::tuple{7u, 1000L, std::vector<double>{1e-3, 1, 1}}));

}  // namespace
}  // namespace corollary
