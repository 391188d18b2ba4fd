#include "corpus/estimate.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace corollary {
namespace {

TEST(Estimate, FollowsBytesRatesAndCores) {
  SourceConfig code, web;
  code.subset = "code", code.language = "python", code.expected_bytes = 1'000'000'000;
  web.subset = "web", web.language = "text", web.expected_bytes = 2'000'000'000;
  CorpusConfig config;
  CorpusCluster cluster;
  cluster.disk_mb_per_second = 1e9;  // cores decide
  const auto one = estimate_corpus({code, web}, config, cluster);
  ASSERT_EQ(one.front().stage, "fetch");
  EXPECT_NEAR(one.front().hours, 3e9 / 100e6 / 3600, 1e-9);
  EXPECT_EQ(one.back().stage, "all");
  double hours = 0;
  for (std::size_t i = 0; i + 1 < one.size(); ++i) hours += one[i].hours;
  EXPECT_NEAR(one.back().hours, hours, 1e-9);
  cluster.nodes = 10;
  const auto ten = estimate_corpus({code, web}, config, cluster);
  EXPECT_NEAR(ten[1].hours, one[1].hours / 10, 1e-9) << "extract code";
  EXPECT_NEAR(ten[1].core_hours, one[1].core_hours, 1e-9);
  config.decontaminate.tests = {"x"};
  EXPECT_EQ(estimate_corpus({code, web}, config, cluster).size(), ten.size() + 1);
  cluster.nodes = 0;
  EXPECT_THROW(estimate_corpus({code}, config, cluster), Error);
}

}  // namespace
}  // namespace corollary
