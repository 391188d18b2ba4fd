#include "corpus/code/proof_steps.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace corollary {
namespace {

TEST(LeanProofSteps, OneDocumentAFile) {
  const std::string output =
      "[GOAL]\na b : \u2115\n\u22a2 a + b = b + a\n[PROOFSTEP]\nrw [add_comm]\n[GOAL]\ncase h\n\u22a2 p\n\n\u22a2 "
      "q\n[PROOFSTEP]\nsimp\n";
  const auto read =
      lean_proof_steps(output, lean_module_name("Mathlib/Algebra/Group/Basic.lean"),
                       {.count_tokens = [](std::string_view text) { return static_cast<std::int64_t>(text.size()); }});
  ASSERT_EQ(read.documents.size(), 1U);
  EXPECT_EQ(read.documents[0].text, output);
  EXPECT_EQ(read.documents[0].meta.dump(),
            R"({"mathlib_filename":"Mathlib.Algebra.Group.Basic","llama_tokens":)" + std::to_string(output.size()) + "}");
  EXPECT_EQ(read.steps, 2);
  EXPECT_EQ(read.malformed, 0);
}

TEST(LeanProofSteps, WhatIsBrokenIsCountedAndLeftOut) {
  const auto read = lean_proof_steps(
      "info: "
      "building\r\n[PROOFSTEP]\nx\n[GOAL]\ng\n[GOAL]\nh\n[PROOFSTEP]\ny\n[PROOFSTEP]\nz\n[GOAL]\n[PROOFSTEP]\nw\n[GOAL]\ni\n["
      "PROOFSTEP]\n",
      "A");
  ASSERT_EQ(read.documents.size(), 1U);
  EXPECT_EQ(read.documents[0].text, "[GOAL]\nh\n[PROOFSTEP]\ny\n");
  EXPECT_EQ(read.steps, 1);
  EXPECT_EQ(read.malformed, 5);
  const auto exact = lean_proof_steps("error: x\n", "A", {.as_published = true});
  EXPECT_EQ(exact.documents.at(0).text, "error: x\n") << "the output is the document, whatever it is";
  EXPECT_EQ(lean_proof_steps("", "A").rejection->reason, "no_proof_steps");
  EXPECT_EQ(lean_proof_steps("[GOAL]\n\xff", "A").rejection->reason, "invalid_utf8");
}

const char* const kExtraction =
    R"~({"translations": [["orphan", "step"], ["", "lemma foo: \"x = x\""], ["proof (prove)\ngoal (1 subgoal):\n 1. x = x", "by simp"],
  ["", "definition d where \"d = 1\""], ["", "theorem bar:", "more"], ["s1", "proof -"], 3, ["s2"], ["s2", "qed"]]})~";

TEST(IsabelleProofSteps, OneDocumentATheorem) {
  const auto read = isabelle_proof_steps(kExtraction, "dir/2022-12-06_thys_Abs_Main.thy_output.json");
  ASSERT_EQ(read.documents.size(), 2U);
  EXPECT_EQ(read.documents[0].text,
            "[STATEMENT]\nlemma foo: \"x = x\"\n[PROOF STATE]\nproof (prove)\ngoal (1 subgoal):\n 1. x = x\n[PROOF STEP]\nby simp");
  EXPECT_EQ(read.documents[0].meta.dump(), R"({"file":"Abs_Main","length":1})");
  EXPECT_EQ(read.documents[1].text,
            "[STATEMENT]\ntheorem bar:\n[PROOF STATE]\ns1\n[PROOF STEP]\nproof -\n[PROOF STATE]\ns2\n[PROOF STEP]\nqed");
  EXPECT_EQ(read.theorems, 3);
  EXPECT_EQ(read.other_commands, 1);
  EXPECT_EQ(read.malformed, 3) << "the orphan and two items that are no pairs";
  EXPECT_EQ(read.steps, 3);
  EXPECT_EQ(published_proof_step_row(read.documents[1]).dump(),
            Json({{"proof", read.documents[1].text}, {"metadata", {{"file", "Abs_Main"}, {"length", 2}}}}).dump());
}

TEST(IsabelleProofSteps, AsPublishedAnOrphanBeginsATheorem) {
  const auto read =
      isabelle_proof_steps(R"({"translations": [["state", "lemma a: x"], ["s", "t"]]})", "x", nullptr, {.as_published = true});
  ASSERT_EQ(read.documents.size(), 1U);
  EXPECT_EQ(read.documents[0].text, "[STATEMENT]\nlemma a: x\n[PROOF STATE]\ns\n[PROOF STEP]\nt");
  EXPECT_TRUE(isabelle_proof_steps(R"({"translations": [["state", "lemma a: x"], ["s", "t"]]})", "x").documents.empty());
}

TEST(IsabelleProofSteps, ExecutionLayout) {
  const auto read = isabelle_proof_steps(kExtraction, "a/thys_Abs_Sub_Main_ground_x.json", nullptr, {.execution_layout = true});
  ASSERT_EQ(read.documents.size(), 1U);
  EXPECT_EQ(read.documents[0].text,
            "lemma foo: \"x = x\"\n(*  proof (prove)\n    goal (1 subgoal):\n     1. x = x\n*)\nby simp\n\ntheorem bar:\n(* s1 "
            "*)\nproof -\n(* s2 *)\nqed");
  EXPECT_EQ(read.documents[0].meta.dump(), R"({"file":"Abs_Sub/Main.thy"})");
  EXPECT_EQ(isabelle_file_name("a/b.json", true), "b.json");
}

TEST(IsabelleProofSteps, TestTheoremsAreLeftOut) {
  const TheoremDecontaminator tests(TestTheorems{{"lemma foo: \"y\""}, {}}), exact(TestTheorems{{"theorem bar:"}, {}}, true);
  const auto ours = isabelle_proof_steps(kExtraction, "x", &tests);
  EXPECT_EQ(ours.documents.size(), 1U);
  EXPECT_EQ(ours.contaminated, 1);
  EXPECT_EQ(ours.hits, std::vector<std::string>{"foo"});
}

TEST(IsabelleProofSteps, HostileFiles) {
  const auto reason = [](const std::string& json) {
    const auto read = isabelle_proof_steps(json, "x");
    return read.rejection ? read.rejection->reason : "";
  };
  EXPECT_EQ(reason(""), "malformed_json");
  EXPECT_EQ(reason("[]"), "no_proof_steps");
  EXPECT_EQ(reason(R"({"translations": {}})"), "no_proof_steps");
  EXPECT_EQ(reason("{\"translations\": [[\"\", \"\xff\"]]}"), "invalid_utf8");
  EXPECT_EQ(reason(std::string(1 << 20, '[')), "malformed_json");
  std::string many = "{\"translations\":[";
  for (int i = 0; i < 200'000; ++i) many += "[\"\",\"lemma a\"],[\"s\",\"\"],";
  many += "null]}";
  const auto read = isabelle_proof_steps(many, "x");
  EXPECT_EQ(read.documents.size(), 200'000U);
  EXPECT_EQ(read.malformed, 1);
}

}  // namespace
}  // namespace corollary
