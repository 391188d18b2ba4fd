#include "corpus/code/proof_steps.h"

#include <cstdint>
#include <string>
#include <vector>

std::vector<std::string> fuzz_seeds() {
  return {
      "[GOAL]\na : Nat\n|- a = a\n[PROOFSTEP]\nrfl\n[GOAL]\n[PROOFSTEP]\nx\n",
      R"~({"translations":[["","lemma foo [simp]: \"x = x\""],["proof (prove)\ngoal","by simp"],["","theorem (in monoid) \"a\": b"],["s","t",1],3,["x"]]})~",
      "lemma (in foo) bar [simp]: \"x\"\n  by auto\n\ntheorem baz (a : Nat) : a = a := rfl\n\n@[simp] lemma a.b.c : x\n  \nlemma "
      "\"x = y\"\n"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace corollary;
  static const TestTheorems tests = {{"lemma foo [simp]: \"x = x\"", "lemma \"x = y\"", "theorem a:", "lemma"},
                                     {{"A.lean", "a.b.c"}, {"A.lean", "x.baz"}, {"", "baz"}}};
  static const TheoremDecontaminator exact(tests, true), ours(tests);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const bool as_published : {false, true}) {
    const TheoremDecontaminator& decontaminator = as_published ? exact : ours;
    for (const auto& result : {decontaminator.isabelle(bytes), decontaminator.lean(bytes, "x/A.lean")}) {
      std::int64_t removed = 0;
      for (const auto& removal : result.removed) removed += removal.bytes;
      if (static_cast<std::int64_t>(result.text.size()) + removed != static_cast<std::int64_t>(size)) __builtin_trap();
    }
    (void)decontaminator.isabelle_hit(bytes);
    (void)lean_proof_steps(bytes, "A", {.as_published = as_published});
    for (const bool execution : {false, true})
      (void)isabelle_proof_steps(bytes, "a", &decontaminator, {.as_published = as_published, .execution_layout = execution});
  }
  return 0;
}
