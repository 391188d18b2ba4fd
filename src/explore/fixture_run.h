#pragma once
#include <cmath>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "base/manifest.h"

namespace corollary {

/// What the tests' invented samples try to smuggle into the page.
inline const std::string kAttack = "</script><img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";

/// A whole run's folder with invented numbers: every stage's manifest, 600 training steps, results, samples.
inline void write_fixture_run(const fs::path& run) {
  const auto stage = [&](const std::string& name, const Json& config, const Json& inputs, const Json& counts, double seconds,
                         const std::vector<std::string>& outputs) {
    Manifest manifest;
    manifest.stage = name, manifest.config = config, manifest.inputs = inputs, manifest.counts = counts, manifest.seconds = seconds;
    write_manifest(run / name, manifest, outputs);
  };
  const auto digest_of = [&](const std::string& name) {
    return read_manifest(run / fs::path(name).parent_path()).outputs[fs::path(name).filename().string()]["sha256"];
  };

  write_file(run / "fetch/sources.json", "[]\n");
  const Json sources = {
      {{"subset", "code"}, {"language", "coq"}, {"uri", "deb:libcoq-stdlib"}, {"path", "/home/someone/x.deb"}, {"files", 583}},
      {{"subset", "web"}, {"language", "html"}, {"uri", "deb:python-scipy-doc"}, {"path", "/home/someone/y.deb"}, {"files", 4304}}};
  stage("fetch", {{"sources", {{{"uri", "deb:libcoq-stdlib"}, {"subset", "code"}}}}}, Json::object(),
        {{"sources", 9}, {"files", 9201}, {"bytes", 87654321}, {"by_source", sources}}, 12.5, {"sources.json"});

  for (const std::string subset : {"code", "papers", "web"}) write_file(run / ("corpus/" + subset + ".jsonl.zst"), subset);
  const auto splits = [](int documents, int bytes) {
    return Json{{"train", {{"documents", documents}, {"bytes", bytes}}},
                {"validation", {{"documents", documents / 200}, {"bytes", bytes / 200}}},
                {"test", {{"documents", documents / 200}, {"bytes", bytes / 200}}}};
  };
  stage(
      "corpus", {{"test_fraction", 0.005}}, {{"sources.json", digest_of("fetch/sources.json")}},
      {{"documents", 8862},
       {"bytes", 53900000},
       {"rejected", 1722},
       {"rejected_by_reason", {{"too_short", 415}, {"too_many_digits", 77}, {"duplicate", 1220}, {"no_section", 8}, {kAttack, 2}}},
       {"by_subset", {{"code", splits(4720, 31400000)}, {"papers", splits(61, 4200000)}, {"web", splits(4081, 18300000)}}},
       {"by_source",
        {{{"subset", "code"},
          {"uri", "deb:libcoq-stdlib"},
          {"kept", {{"documents", 571}, {"bytes", 9100000}}},
          {"rejected", {{"too_short", 9}, {"duplicate", 3}}}},
         {{"subset", "web"},
          {"uri", "deb:python-scipy-doc"},
          {"kept", {{"documents", 4081}, {"bytes", 18300000}}},
          {"rejected", {{"duplicate", 221}, {kAttack, 2}}}}}}},
      41.0, {"code.jsonl.zst", "papers.jsonl.zst", "web.jsonl.zst"});

  write_file(run / "tokenizer/tokenizer.model", "pieces");
  stage("tokenizer", {{"vocab_size", 8192}}, {{"web", digest_of("corpus/web.jsonl.zst")}},
        {{"vocab_size", 8192}, {"input_bytes", 16000000}, {"documents", 2712}, {"bytes_per_token", 3.31}}, 24.0,
        {"tokenizer.model"});
  write_file(run / "pack/web_train_text_document.bin", "tokens");
  stage("pack", {{"append_eod", true}}, {{"tokenizer.model", digest_of("tokenizer/tokenizer.model")}},
        {{"code", {{"train", {{"documents", 4673}, {"tokens", 9800000}}}, {"test", {{"documents", 23}, {"tokens", 48000}}}}},
         {"web", {{"train", {{"documents", 4041}, {"tokens", 5300000}}}, {"test", {{"documents", 20}, {"tokens", 26000}}}}}},
        3.2, {"web_train_text_document.bin"});

  std::string metrics;
  for (int step = 1; step <= 600; ++step) {
    const double t = step, warm = std::min(1.0, t / 40), noise = 0.09 * std::sin(t * 12.9898) * std::cos(t * 4.1);
    const double loss = 2.55 + 6.4 * std::exp(-t / 45) + 0.9 * std::exp(-t / 260) + noise;
    metrics += to_line({{"step", step},
                        {"loss", loss},
                        {"grad_norm", 0.55 + 2.4 * std::exp(-t / 30) + std::abs(noise)},
                        {"learning_rate", 2e-3 * (step <= 40 ? warm : 0.1 + 0.45 * (1 + std::cos(3.14159265 * (t - 40) / 560)))},
                        {"tokens", 8192 * step},
                        {"seconds", 0.51 * t},
                        {"tokens_per_second", 16000 + 900 * noise * 8},
                        {"mfu", 0.47}}) +
               "\n";
    if (step % 50 == 0)
      metrics +=
          to_line({{"step", step},
                   {"validation", {{"code", loss - noise - 0.3}, {"papers", loss - noise + 0.4}, {"web", loss - noise + 0.1}}}}) +
          "\n";
  }
  write_file(run / "train/metrics.jsonl", metrics);
  write_json_file(run / "train/final/config.json", {{"architectures", {"LlamaForCausalLM"}},
                                                    {"hidden_size", 256},
                                                    {"intermediate_size", 704},
                                                    {"num_hidden_layers", 8},
                                                    {"num_attention_heads", 4},
                                                    {"num_key_value_heads", 2},
                                                    {"vocab_size", 8192},
                                                    {"max_position_embeddings", 512},
                                                    {"rope_theta", 10000.0},
                                                    {"rms_norm_eps", 1e-5},
                                                    {"tie_word_embeddings", false}});
  stage("train", {{"learning_rate", 2e-3}, {"train_iters", 600}}, {{"web_train", digest_of("pack/web_train_text_document.bin")}},
        {{"steps", 600}, {"tokens", 8192 * 600}}, 318.4, {"metrics.jsonl", "final/config.json"});

  write_json_file(run / "evaluate/results.json",
                  {{"bits_per_byte",
                    {{"code", {{"before", 4.02}, {"after", 1.031}, {"xz", 1.402}, {"bytes", 158000}, {"tokens", 48000}}},
                     {"papers", {{"before", 4.21}, {"after", 1.874}, {"xz", 2.391}, {"bytes", 21000}, {"tokens", 6700}}},
                     {"web", {{"before", 3.95}, {"after", 1.466}, {"xz", 1.913}, {"bytes", 91000}, {"tokens", 26000}}}}}});
  stage("evaluate", Json::object(),
        {{"config.json", Json{{"sha256", read_manifest(run / "train").outputs["final/config.json"]["sha256"]}, {"bytes", 9}}}},
        Json::object(), 14.1, {"results.json"});

  std::string samples;
  for (const auto& [prompt, completion] : std::vector<std::pair<std::string, std::string>>{
           {"Let $f$ be a continuous function. Then",
            " the integral $\\int_a^b f(x)\\,dx$ exists, and for every partition\n$$\\sum_{i=1}^{n} f(\\xi_i)(x_i - x_{i-1}) \\to "
            "\\int_a^b f(x)\\,dx$$\nas the mesh goes to zero. See \\cite{rudin} and \\(\\lim_{n\\to\\infty} a_n = 0\\)."},
           {"Theorem add_comm : forall n m : nat,",
            " n + m = m + n.\nProof.\n  intros n m. induction n as [| n IHn].\n  - rewrite add_0_r. reflexivity.\n  - simpl. "
            "rewrite IHn. auto.\nQed."},
           {"The eigenvalues of the matrix $A = ",
            "\\begin{pmatrix} 2 & 1 \\\\ 1 & 2 \\end{pmatrix}$ are \\[\\lambda_{1,2} = 2 \\pm 1.\\] "
            "An unfinished $\\frac{1}{ stays as it is, and so does $\\undefinedmacro{x}$."},
           {"def factorial(n):", "\n    if n <= 1:\n        return 1\n    return n * factorial(n - 1)\n"},
           {"Attack " + kAttack,
            kAttack +
                " in prose with $x$, \\(\\href{javascript:alert(1)}{click}\\) and $\\includegraphics{http://example.org/x.png}$"}})
    samples += to_line({{"prompt", prompt}, {"completion", completion}, {"seed", 1234}}) + "\n";
  write_file(run / "sample/samples.jsonl", samples);
  stage("sample", {{"prompts", {kAttack}}}, Json::object(), {{"samples", 5}}, 6.0, {"samples.jsonl"});
}

}  // namespace corollary
