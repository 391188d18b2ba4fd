#include "eval/bits_per_byte.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <numbers>

#include "base/compress.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/stop.h"
#include "infer/score.h"

namespace corollary {
namespace {

constexpr const char* kTestFile = "test.jsonl.zst";

/// Subset name -> its test file, in the order of names.
std::map<std::string, fs::path> test_files(const fs::path& corpus_folder) {
  check(fs::is_directory(corpus_folder), "no corpus folder at ", corpus_folder.string());
  std::map<std::string, fs::path> files;
  for (const auto& item : fs::directory_iterator(corpus_folder))
    if (fs::is_regular_file(item.path() / kTestFile)) files[item.path().filename().string()] = item.path() / kTestFile;
  check(!files.empty(), "nothing to evaluate on: no folder of ", corpus_folder.string(), " holds ", kTestFile);
  return files;
}

/// The text of a document, or nullopt and the reason if the line is none.
std::optional<std::string> text_of(std::string_view line, const std::string& where, std::string& reason) {
  try {
    const Json json = parse_json(line, where);
    if (json.is_object() && json.contains("text") && json["text"].is_string()) return json["text"].get<std::string>();
    reason = where + " is no object with a \"text\"";
  } catch (const Error& error) {
    reason = error.what();
  }
  return std::nullopt;
}

double xz_bits_per_byte(const EvaluationTexts& set) {
  std::string all;
  all.reserve(static_cast<std::size_t>(set.bytes));
  for (const std::string& text : set.texts) all += text;
  return 8.0 * static_cast<double>(xz_compressed_bytes(all)) / static_cast<double>(set.bytes);
}

}  // namespace

EvaluationTexts read_evaluation_texts(const fs::path& file, std::int64_t max_bytes) {
  EvaluationTexts set;
  LineReader reader(file);
  while (const auto line = reader.next()) {
    if (line->find_first_not_of(" \t\r") == std::string_view::npos) continue;
    std::string reason;
    std::optional<std::string> text = text_of(*line, file.string() + " line " + std::to_string(reader.line_number()), reason);
    if (!text) {
      constexpr std::int64_t kMostLogged = 5;
      if (++set.rejected <= kMostLogged) log_warning("left out: {}", reason);
      continue;
    }
    const auto bytes = static_cast<std::int64_t>(text->size());
    if (max_bytes > 0 && set.bytes > 0 && bytes > max_bytes - set.bytes) break;
    set.bytes += bytes;
    set.texts.push_back(std::move(*text));
  }
  if (set.rejected > 0) log_warning("left out {} lines of {} that are no documents", set.rejected, file.string());
  check(set.bytes > 0, "no text in ", file.string(), ": expected JSON Lines with a \"text\" in each (", set.rejected,
        " lines are none)");
  return set;
}

double Likelihood::bits_per_byte() const { return nats / std::numbers::ln2 / static_cast<double>(bytes); }
double Likelihood::nats_per_token() const { return nats / static_cast<double>(tokens); }

Likelihood measure_likelihood(const LanguageModel& model, const std::vector<std::string>& texts, const EvaluateConfig& config) {
  check(model.start_token() >= 0, "this model has no start token: the first token of a text cannot be scored");
  std::vector<std::string_view> views(texts.begin(), texts.end());
  std::vector<std::vector<std::int32_t>> sequences = model.tokenizer.encode_batch(views);
  Likelihood result;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    sequences[i].insert(sequences[i].begin(), model.start_token());
    result.bytes += static_cast<std::int64_t>(texts[i].size());
  }
  Scorer scorer(model.config(), model.model.weights(), config.seq_len, config.batch_tokens);
  Stream stream;
  for (const std::vector<float>& losses : scorer.losses(stream, sequences)) {
    for (const float loss : losses) result.nats += static_cast<double>(loss);
    result.tokens += static_cast<std::int64_t>(losses.size());
  }
  return result;
}

StageResult evaluate(const EvaluateConfig& config, const fs::path& corpus_folder, const fs::path& train_folder,
                     const fs::path& out) {
  const auto start = std::chrono::steady_clock::now();
  const auto files = test_files(corpus_folder);
  Manifest manifest;
  manifest.stage = "evaluate";
  manifest.config = fields_to_json(config);
  for (const auto& [subset, file] : files) manifest.inputs["test"][subset] = sha256_file(file);
  for (const char* model : {"initial", "final"}) manifest.inputs[model] = model_folder_digests(train_folder / model);
  if (const auto done = up_to_date(out, manifest.stage, manifest.config, manifest.inputs)) return {*done, true};

  std::map<std::string, EvaluationTexts> sets;
  Json results = Json::object();
  for (const auto& [subset, file] : files) {
    const EvaluationTexts& set = sets[subset] = read_evaluation_texts(file, config.max_bytes_per_subset);
    results[subset] = {{"before", 0.0},      {"after", 0.0}, {"xz", xz_bits_per_byte(set)},
                       {"bytes", set.bytes}, {"tokens", 0},  {"documents", set.texts.size()}};
  }
  for (const auto& [folder, key] : {std::pair("initial", "before"), std::pair("final", "after")}) {
    const LanguageModel model = load_language_model(train_folder / folder, config.precision);
    for (const auto& [subset, set] : sets) {
      check(!stop_requested(), "stopped: run the same command again to evaluate from the start, it is short");
      const Likelihood likelihood = measure_likelihood(model, set.texts, config);
      results[subset][key] = likelihood.bits_per_byte();
      results[subset]["tokens"] = likelihood.tokens;
      log_info("evaluate: {} {}: {:.4f} bits per byte, {} tokens of {} bytes; xz -9e {:.4f}", folder, subset,
               likelihood.bits_per_byte(), likelihood.tokens, likelihood.bytes, results[subset]["xz"].get<double>());
    }
  }
  write_json_file(out / "results.json", {{"bits_per_byte", results}});
  manifest.counts = {{"bits_per_byte", results}};
  for (const auto& [subset, set] : sets) manifest.counts["rejected"][subset] = set.rejected;
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  write_manifest(out, manifest, {"results.json"});
  return {manifest, false};
}

}  // namespace corollary
