#include "corpus/code/stack_meta.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace corollary {
namespace {

TEST(StackMeta, ProvenanceFromEitherKindOfMeta) {
  const Provenance stack = provenance_of(parse_json(
      R"({"hexsha":"h","size":3,"ext":"py","lang":"Python","max_stars_repo_path":"a/b.py","max_stars_repo_name":"o/r","max_stars_repo_head_hexsha":"c",
          "max_stars_repo_licenses":["MIT","Apache-2.0"],"max_stars_count":7,"max_issues_repo_name":"x/y"})",
      "test"));
  EXPECT_EQ(stack.owner + " " + stack.repo + " " + stack.path + " " + stack.commit + " " + stack.ext, "o r a/b.py c py");
  EXPECT_EQ(stack.licences, (std::vector<std::string>{"MIT", "Apache-2.0"}));
  EXPECT_EQ(stack.stars, 7);
  const Provenance forks = provenance_of(parse_json(
      R"({"max_stars_repo_name":null,"max_stars_count":null,"max_forks_repo_name":"f/g","max_forks_repo_path":"p.x/q","max_forks_repo_licenses":[]})",
      "test"));
  EXPECT_EQ(forks.owner + " " + forks.repo + " " + forks.path + "|" + forks.ext, "f g p.x/q|");
  EXPECT_EQ(forks.stars, -1);
  const Provenance github =
      provenance_of(parse_json(R"({"author":"a","repo":"r","sha":"s","save_path":"t","path":"x/y.lean"})", "test"));
  EXPECT_EQ(github.owner + " " + github.repo + " " + github.commit + " " + github.ext, "a r s lean");
  EXPECT_TRUE(provenance_of(parse_json(R"([1])", "test")).repo.empty());
  EXPECT_TRUE(provenance_of(parse_json(R"({"repo":3,"licence":[1],"max_stars_count":"x"})", "test")).licences.empty());
}

TEST(StackMeta, RowsKeepAllTheirColumns) {
  const auto document =
      document_from_stack_row(parse_json(R"({"hexsha":"h","content":"text","size":4,"max_stars_count":null})", "test"));
  ASSERT_TRUE(document);
  EXPECT_EQ(document->text, "text");
  EXPECT_EQ(document->meta.dump(), R"({"hexsha":"h","size":4,"max_stars_count":null})");
  for (const char* row : {"{}", "[]", R"({"content":3})", "null"})
    EXPECT_FALSE(document_from_stack_row(parse_json(row, "test"))) << row;
}

TEST(StackMeta, Licences) {
  const auto verdict = [](const char* meta, const std::vector<std::string>& allowed) {
    const auto rejection = judge_licence(parse_json(meta, "test"), allowed);
    return rejection ? rejection->reason + " " + rejection->detail : "";
  };
  const std::vector<std::string> allowed = {"mit", "Apache-2.0", "BSD-*"};
  EXPECT_EQ(verdict(R"({"licence":"GPL-3.0"})", {}), "");
  EXPECT_EQ(verdict(R"({"licence":"MIT"})", allowed), "");
  EXPECT_EQ(verdict("{\"licence\":\"BSD-3-Clause (modified)\"}", allowed), "");
  EXPECT_EQ(verdict(R"({"max_stars_repo_name":"a/b","max_stars_repo_licenses":["MIT","GPL-3.0"]})", allowed), "licence GPL-3.0")
      << "each must be allowed";
  EXPECT_EQ(verdict(R"({"licence":"MIT; CC BY 4.0"})", allowed), "licence CC BY 4.0");
  EXPECT_EQ(verdict(R"({"max_stars_repo_name":"a/b","max_stars_repo_licenses":[]})", allowed), "licence none");
  EXPECT_EQ(verdict("{}", allowed), "licence none");
}

}  // namespace
}  // namespace corollary
