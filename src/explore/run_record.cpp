#include "explore/run_record.h"

#include <array>
#include <cmath>
#include <functional>
#include <limits>

#include "base/digest.h"
#include "base/error.h"

namespace corollary {
namespace {

constexpr std::array kStages = {"fetch", "corpus", "tokenizer", "pack", "train", "evaluate", "sample"};

double number_or_nan(const Json& object, const char* key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::numeric_limits<double>::quiet_NaN();
  check(found->is_number(), "wrong type: ", where, ".", key, " must be a number");
  return found->get<double>();
}

std::string folder_name(const fs::path& folder) {
  const fs::path absolute = fs::absolute(folder).lexically_normal();
  return (absolute.has_filename() ? absolute : absolute.parent_path()).filename().string();
}

}  // namespace

const Manifest* RunRecord::manifest(std::string_view stage) const {
  for (const StageRecord& record : stages)
    if (record.name == stage && record.manifest) return &*record.manifest;
  return nullptr;
}

std::vector<BitsPerByte> parse_results(std::string_view text, const std::string& where) {
  const Json json = parse_json(text, where);
  check(json.is_object() && json.contains("bits_per_byte") && json["bits_per_byte"].is_object(), "no results: ", where,
        " lacks an object \"bits_per_byte\": run the evaluate stage again");
  std::vector<BitsPerByte> results;
  for (const auto& [subset, values] : json["bits_per_byte"].items()) {
    const std::string at = where + ": bits_per_byte." + subset;
    check(values.is_object(), "wrong type: ", at, " must be an object");
    results.push_back({.subset = subset,
                       .before = number_or_nan(values, "before", at),
                       .after = number_or_nan(values, "after", at),
                       .xz = number_or_nan(values, "xz", at),
                       .bytes = number_or_nan(values, "bytes", at),
                       .tokens = number_or_nan(values, "tokens", at)});
  }
  return results;
}

std::optional<BitsPerByte> overall(const std::vector<BitsPerByte>& results) {
  BitsPerByte all{.subset = "all"};
  for (const BitsPerByte& one : results) {
    if (!(one.bytes > 0) || !std::isfinite(one.before + one.after + one.xz)) return std::nullopt;
    all.bytes += one.bytes, all.tokens += one.tokens;
    all.before += one.before * one.bytes, all.after += one.after * one.bytes, all.xz += one.xz * one.bytes;
  }
  if (!(all.bytes > 0)) return std::nullopt;
  all.before /= all.bytes, all.after /= all.bytes, all.xz /= all.bytes;
  return all;
}

Samples parse_samples(std::string_view text) {
  Samples samples;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    try {
      const Json json = parse_json(line, "a line");
      check(json.is_object() && json.contains("prompt") && json["prompt"].is_string() && json.contains("completion") &&
                json["completion"].is_string(),
            "no sample");
      Sample sample{json["prompt"].get<std::string>(), json["completion"].get<std::string>(), std::nullopt};
      if (json.contains("seed") && json["seed"].is_number_integer()) sample.seed = json["seed"].get<std::int64_t>();
      samples.samples.push_back(std::move(sample));
    } catch (const Error&) {
      ++samples.malformed_lines;
    }
  }
  return samples;
}

std::optional<std::int64_t> count_parameters(const Json& config) {
  constexpr std::int64_t kMax = 1 << 24;  // keeps every product below within 64 bits
  bool ok = config.is_object();
  const auto size = [&](const char* key, std::int64_t otherwise) -> std::int64_t {
    if (!ok || !config.contains(key) || config[key].is_null()) return otherwise;
    if (!config[key].is_number_integer()) return 0;
    return config[key].get<std::int64_t>();
  };
  const std::int64_t vocab = size("vocab_size", 0), hidden = size("hidden_size", 0), inner = size("intermediate_size", 0);
  const std::int64_t layers = size("num_hidden_layers", 0), heads = size("num_attention_heads", 0);
  const std::int64_t kv_heads = size("num_key_value_heads", heads), head = size("head_dim", heads > 0 ? hidden / heads : 0);
  for (const std::int64_t n : {vocab, hidden, inner, layers, heads, kv_heads, head}) ok = ok && n > 0 && n <= kMax;
  if (!ok || layers > 4096 || heads > 4096 || kv_heads > 4096 || head > 65536) return std::nullopt;
  const bool is_tied = config.contains("tie_word_embeddings") && config["tie_word_embeddings"] == true;
  const std::int64_t attention = 2 * hidden * heads * head + 2 * hidden * kv_heads * head;
  const double total = static_cast<double>(layers) *
                       (static_cast<double>(attention) + 3.0 * static_cast<double>(hidden) * static_cast<double>(inner));
  if (total > 1e17) return std::nullopt;
  return vocab * hidden * (is_tied ? 1 : 2) + layers * (attention + 3 * hidden * inner + 2 * hidden) + hidden;
}

RunRecord read_run(const fs::path& run_folder) {
  check(fs::is_directory(run_folder), "no run at ", run_folder.string(), ": name the folder that corollary run wrote");
  RunRecord run;
  run.name = folder_name(run_folder);
  const auto read = [&](const std::string& name, const std::function<void(std::string_view)>& parse) {
    const fs::path path = run_folder / name;
    if (!fs::exists(path)) return;
    try {
      const MappedFile file(path);
      run.inputs[name] = sha256_hex(file.text());
      parse(file.text());
    } catch (const Error& error) {
      run.problems.push_back(name + " cannot be used: " + reason(error));
    }
  };

  bool any_manifest = false;
  for (const char* stage : kStages) {
    StageRecord record{stage, std::nullopt, ""};
    read(std::string(stage) + "/manifest.json", [&](std::string_view text) {
      record.manifest = read_manifest(run_folder / stage);
      record.manifest_sha256 = sha256_hex(text);
      any_manifest = true;
    });
    run.stages.push_back(std::move(record));
  }
  read("train/metrics.jsonl", [&](std::string_view text) { run.metrics = parse_run_metrics(text); });
  read("train/final/config.json", [&](std::string_view text) {
    run.model_config = parse_json(text, "train/final/config.json");
    run.parameters = count_parameters(run.model_config);
  });
  read("evaluate/results.json", [&](std::string_view text) { run.bits_per_byte = parse_results(text, "evaluate/results.json"); });
  read("sample/samples.jsonl", [&](std::string_view text) { run.samples = parse_samples(text); });
  check(any_manifest || run.metrics, "nothing to report in ", run_folder.string(),
        ": it holds no stage's manifest.json and no train/metrics.jsonl; name the folder that corollary run wrote");
  return run;
}

}  // namespace corollary
