#include "train/sample_index.h"

#include <gmock/gmock.h>

#include <chrono>
#include <cstdio>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/random.h"
#include "train/blend.h"
#include "train/numpy_shuffle.h"

namespace corollary {
namespace {

using ::testing::ElementsAre;

std::vector<std::int64_t> shuffled(std::uint32_t seed, std::size_t n, int times = 1) {
  std::vector<std::int64_t> values(n);
  std::iota(values.begin(), values.end(), 0);
  NumpyRandom random(seed);
  for (int i = 0; i < times; ++i) random.shuffle(std::span(values));
  return values;
}

/// Runs a line of Python with numpy as `np`; empty if there is none.
std::string python(const std::string& code) {
  for (const char* interpreter : {"python3", "/usr/bin/python3"}) {
    std::string out;
    std::FILE* pipe = ::popen((std::string(interpreter) + " -c 'import numpy as np; " + code + "' 2>/dev/null").c_str(), "r");
    if (pipe == nullptr) continue;
    for (char buffer[4096]; const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe);) out.append(buffer, n);
    if (::pclose(pipe) == 0) return out;
  }
  return "";
}

TEST(NumpyRandom, KnownValues) {  // np.random.RandomState(seed).shuffle(np.arange(n)) of numpy 1.24
  EXPECT_THAT(shuffled(1234, 10), ElementsAre(7, 2, 9, 1, 0, 8, 4, 5, 6, 3));
  EXPECT_THAT(shuffled(0, 8), ElementsAre(6, 2, 1, 7, 3, 0, 5, 4));
  NumpyRandom random(5489);  // the reference implementation's first outputs for its default seed
  EXPECT_EQ(random.next_u32(), 3499211612u);
  EXPECT_EQ(random.next_u32(), 581869302u);
}

TEST(NumpyRandom, EqualsNumpy) {  // twice with one generator: its state after the first shuffle counts too
  const std::vector<std::uint32_t> seeds = {0, 1, 1234, 4294967295};
  const std::vector<std::size_t> sizes = {1, 2, 3, 64, 65, 1000, 100000};
  const std::string out = python(
      "[(r := np.random.RandomState(s), a := np.arange(n), r.shuffle(a), r.shuffle(a), print(*a)) "
      "for s in (0, 1, 1234, 4294967295) for n in (1, 2, 3, 64, 65, 1000, 100000)]");
  if (out.empty()) GTEST_SKIP() << "no python3 with numpy";
  std::istringstream lines(out);
  for (const std::uint32_t seed : seeds) {
    for (const std::size_t n : sizes) {
      std::string line;
      std::getline(lines, line);
      std::istringstream numbers(line);
      ASSERT_EQ(shuffled(seed, n, 2), (std::vector<std::int64_t>{std::istream_iterator<std::int64_t>(numbers), {}}))
          << seed << " " << n;
    }
  }
}

TEST(NumpyRandom, IntervalsAreWithinBounds) {
  NumpyRandom random(1);
  for (const std::uint64_t max :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{0xffffffff}, std::uint64_t{0x100000000}})
    for (int i = 0; i < 1000; ++i) ASSERT_LE(random.interval(max), max);
}

class SampleIndexTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::remove_all(folder); }
  void TearDown() override { fs::remove_all(folder); }
  fs::path folder = fs::path(::testing::TempDir()) /
                    ("corollary_samples_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));

  /// Documents of lengths 1 to `longest` whose tokens count up through the whole set.
  fs::path write(const std::string& name, int documents, std::int64_t longest, std::uint64_t seed) {
    IndexedDatasetWriter writer(folder / name, 1 << 20);
    Random random(seed);
    std::int32_t next = 0;
    for (int i = 0; i < documents; ++i) {
      std::vector<std::int32_t> ids(static_cast<std::size_t>(1 + random.below(longest)));
      for (auto& id : ids) id = next++ % (1 << 20);
      writer.add(ids);
    }
    writer.commit();
    return folder / name;
  }
};

/// NeoX's own loops, written down from recipe and paper: walk the shuffled documents, keep (document, offset) where samples begin.
std::vector<std::vector<std::int32_t>> samples_by_walking(const IndexedDataset& dataset, std::int64_t seq_len, std::int64_t needed,
                                                          std::uint32_t seed) {
  std::int64_t epochs = 0, total = 0;
  do total += dataset.num_tokens(), ++epochs;
  while ((total - 1) / seq_len < needed);
  std::vector<std::int32_t> documents;
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch)
    for (std::int32_t i = 0; i < dataset.num_documents(); ++i) documents.push_back(i);
  NumpyRandom random(seed);
  random.shuffle(std::span(documents));
  const std::int64_t samples = (epochs * dataset.num_tokens() - 1) / seq_len;
  std::vector<std::vector<std::int32_t>> in_order(static_cast<std::size_t>(samples));
  std::size_t document = 0;
  std::int64_t offset = 0;
  for (auto& sample : in_order) {
    for (std::int64_t left = seq_len + 1; left > 0;) {
      const std::int64_t length = dataset.length(documents[document]) - offset, taken = std::min(left, length);
      std::vector<std::int32_t> ids(static_cast<std::size_t>(taken));
      dataset.read(documents[document], offset, ids);
      sample.insert(sample.end(), ids.begin(), ids.end());
      left -= length;
      if (left <= 0)
        offset += left + length - 1;  // the last token again, as the first of the next sample
      else
        ++document, offset = 0;
    }
  }
  std::vector<std::int64_t> order(in_order.size());
  std::iota(order.begin(), order.end(), 0);
  random.shuffle(std::span(order));
  std::vector<std::vector<std::int32_t>> out;
  for (const std::int64_t i : order) out.push_back(in_order[static_cast<std::size_t>(i)]);
  return out;
}

TEST_F(SampleIndexTest, EqualsTheWalk) {
  for (const auto& [documents, longest, seq_len, needed] : std::vector<std::tuple<int, int, int, int>>{
           {40, 30, 16, 5}, {40, 30, 16, 100}, {1, 5, 3, 20}, {7, 200, 8, 1}, {100, 1, 64, 10}}) {
    const IndexedDataset dataset(write("set", documents, longest, 3));
    const SampleIndex index(dataset, seq_len, needed, 1234);
    const auto expected = samples_by_walking(dataset, seq_len, needed, 1234);
    ASSERT_EQ(index.size(), static_cast<std::int64_t>(expected.size()));
    ASSERT_GE(index.size(), needed);
    std::vector<std::int32_t> tokens(static_cast<std::size_t>(seq_len) + 1);
    for (std::int64_t i = 0; i < index.size(); ++i) {
      index.read(i, tokens);
      ASSERT_EQ(tokens, expected[static_cast<std::size_t>(i)]) << "sample " << i;
    }
  }
}

TEST_F(SampleIndexTest, SaysWhatIsWrong) {
  const IndexedDataset dataset(write("set", 10, 10, 1));
  EXPECT_THROW(SampleIndex(dataset, 0, 1, 1), Error);
  EXPECT_THROW(SampleIndex(dataset, 16, 0, 1), Error);
  EXPECT_THROW(SampleIndex(dataset, 1 << 30, 1 << 30, 1), Error) << "more documents than memory";
  const SampleIndex index(dataset, 4, 3, 1);
  std::vector<std::int32_t> tokens(5);
  EXPECT_THROW(index.read(index.size(), tokens), Error);
  EXPECT_THROW(index.read(-1, tokens), Error);
  tokens.resize(4);
  EXPECT_THROW(index.read(0, tokens), Error);
  IndexedDatasetWriter(folder / "empty", 100).commit();
  EXPECT_THROW(SampleIndex(IndexedDataset(folder / "empty"), 4, 1, 1), Error);
}

TEST(BlendIndex, TheLargestErrorFirst) {
  const BlendIndex halves(std::vector<double>{1, 1}, 6);
  std::vector<std::size_t> sets;
  for (std::int64_t i = 0; i < 6; ++i) sets.push_back(halves.at(i).set);
  EXPECT_THAT(sets, ElementsAre(0, 1, 0, 1, 0, 1));
  const BlendIndex blend(std::vector<double>{2, 4, 1}, 7000);
  std::vector<std::int64_t> used(3, 0);
  for (std::int64_t i = 0; i < blend.size(); ++i) {
    const auto [set, sample] = blend.at(i);
    ASSERT_EQ(sample, used[set]++) << "samples of a set come in their order";
    const double weights[] = {2. / 7, 4. / 7, 1. / 7};
    for (std::size_t k = 0; k < 3; ++k)
      ASSERT_LT(std::abs(static_cast<double>(used[k]) - weights[k] * static_cast<double>(i + 1)), 1.01);
  }
  EXPECT_THAT(used, ElementsAre(2000, 4000, 1000));
  EXPECT_EQ(blend.used(1), 4000);
  EXPECT_EQ(needed_samples(1000, 0.5), 503);
  EXPECT_THROW(BlendIndex(std::vector<double>{}, 5), Error);
  EXPECT_THROW(BlendIndex(std::vector<double>{1, 0}, 5), Error);
  EXPECT_THROW(BlendIndex(std::vector<double>{1}, 0), Error);
}

TEST_F(SampleIndexTest, BlendsByWeightAndIsAFunctionOfTheNumber) {
  const std::vector<BlendedDataset::Part> parts = {
      {write("papers", 30, 50, 1), 2}, {write("web", 50, 80, 2), 4}, {write("code", 10, 40, 3), 1}};
  const BlendedDataset dataset(parts, 16, 700, 1234), again(parts, 16, 700, 1234), other(parts, 16, 700, 1235);
  EXPECT_EQ(dataset.size(), 700);
  bool differs = false;
  for (std::int64_t i = 699; i >= 0; --i) {
    const auto [set, sample] = dataset.blend().at(i);
    std::vector<std::int32_t> expected(17);
    dataset.part(set).read(sample, expected);
    ASSERT_EQ(dataset.tokens(i), expected);
    ASSERT_EQ(again.tokens(i), expected);
    differs = differs || other.tokens(i) != expected;
  }
  EXPECT_TRUE(differs);
}

TEST_F(SampleIndexTest, TenMillionSamplesInUnderASecondOrSo) {
  const fs::path prefix = write("set", 20'000, 10'000, 1);
  const std::vector<BlendedDataset::Part> parts = {{prefix, 1}, {prefix, 2}};
  const auto start = std::chrono::steady_clock::now();
  const BlendedDataset dataset(parts, 512, 10'000'000, 1);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%.2f s\n", seconds);
  EXPECT_LT(seconds, 30) << "with room for a slow machine";
  EXPECT_EQ(dataset.tokens(9'999'999).size(), 513u);
}

}  // namespace
}  // namespace corollary
