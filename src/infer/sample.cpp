#include "infer/sample.h"

#include <chrono>

#include "base/compress.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/stop.h"
#include "infer/generate.h"

namespace corollary {

StageResult sample(const SampleConfig& config, const fs::path& model_folder, const fs::path& out) {
  const auto start = std::chrono::steady_clock::now();
  Manifest manifest;
  manifest.stage = "sample";
  manifest.config = fields_to_json(config);
  manifest.inputs = {{"model", model_folder_digests(model_folder)}};
  if (const auto done = up_to_date(out, manifest.stage, manifest.config, manifest.inputs)) return {*done, true};

  const SamplingConfig sampling{config.temperature, config.top_k, config.top_p, config.seed};
  check_sampling(sampling);
  const LanguageModel model = load_language_model(model_folder, config.precision);
  CompressedWriter writer(out / "samples.jsonl");
  std::int64_t tokens = 0;
  for (std::size_t i = 0; i < config.prompts.size(); ++i) {
    const Generation generation = generate(model, config.prompts[i], config.max_new_tokens, sampling, i);
    check(!stop_requested(), "stopped: run the same command again to sample from the start, it is short");
    tokens += static_cast<std::int64_t>(generation.tokens.size());
    writer.write_line(to_line({{"prompt", config.prompts[i]},
                               {"completion", generation.text},
                               {"seed", config.seed},
                               {"sample", i},
                               {"finish", name_of(generation.finish)}}));
  }
  writer.commit();
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  manifest.counts = {{"samples", config.prompts.size()}, {"tokens", tokens}};
  write_manifest(out, manifest, {"samples.jsonl"});
  log_info("sample: {} completions, {} tokens in {}", config.prompts.size(), tokens, format_seconds(manifest.seconds));
  return {manifest, false};
}

}  // namespace corollary
