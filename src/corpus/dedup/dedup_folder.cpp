#include "corpus/dedup/dedup_folder.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "base/compress.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/threads.h"
#include "corpus/dedup/duplicates.h"
#include "corpus/dedup/fingerprints.h"

namespace corollary {
namespace {

bool is_json_lines(const fs::path& path) {
  std::string name = path.filename().string();
  for (const std::string_view ending : {".zst", ".gz"})
    if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  return name.ends_with(".jsonl") && name != "rejected.jsonl";
}

/// What tells two states of a shard apart without reading it.
std::uint64_t state_of(const fs::path& shard) {
  const auto time = fs::last_write_time(shard).time_since_epoch().count();
  return hash64(fs::absolute(shard).string() + " " + std::to_string(fs::file_size(shard)) + " " + std::to_string(time));
}

std::uint64_t digest_of(const std::vector<fs::path>& files, RecordFileType type) {
  std::string digests;
  for (const fs::path& file : files) digests += std::to_string(read_record_head(file, type).digest) + " ";
  return hash64(digests);
}

/// Whether an earlier run left this file for the same configuration and inputs. Its records are checked when they are read.
bool is_there(const fs::path& path, RecordFileType type, const DedupConfig& config, std::uint64_t source) {
  if (!fs::exists(path)) return false;
  try {
    const RecordFileHead head = read_record_head(path, type);
    return head.config == dedup_digest(config) && head.source == source;
  } catch (const Error& error) {
    log_warning("{}", error.what());
    return false;
  }
}

/// What a killed run was writing below `out` when it died: AtomicFile's temporary files.
void remove_leftovers(const fs::path& out, const std::vector<DedupInput>& inputs) {
  std::set<std::string> ours = {"rejected.jsonl", "manifest.json"};
  for (const DedupInput& input : inputs) ours.insert(input.name);
  if (!fs::is_directory(out)) return;
  for (const fs::path& path : list_files(out)) {
    const std::string name = path.lexically_relative(out).generic_string();
    std::error_code ignored;
    if (const auto at = name.rfind(".tmp."); at != std::string::npos && ours.contains(name.substr(0, at)))
      fs::remove(path, ignored);
  }
}

void check_stop() { check(!stop_requested(), "stopped while deduplicating: run again to go on"); }

/// All at once, the budget shared; or, where tasks use all threads themselves and are too few for that, one after another.
void for_each_task(const DedupConfig& config, std::size_t n, bool uses_threads,
                   const std::function<void(const DedupConfig&, std::size_t)>& task) {
  const auto threads = static_cast<std::int64_t>(num_threads()), count = static_cast<std::int64_t>(n);
  if (uses_threads && count < threads) {
    for (std::size_t i = 0; i < n; ++i) check_stop(), task(config, i);
    return;
  }
  DedupConfig part = config;
  part.memory_bytes = std::max<std::int64_t>(config.memory_bytes / std::min(threads, std::max<std::int64_t>(count, 1)), 1 << 16);
  parallel_for(count, [&](std::int64_t i) {
    check_stop();
    task(part, static_cast<std::size_t>(i));
  });
}

}  // namespace

std::vector<DedupInput> dedup_inputs(const fs::path& folder) {
  check(fs::is_directory(folder), "no folder ", folder.string());
  std::vector<DedupInput> inputs;
  for (const fs::path& path : list_files(folder))
    if (is_json_lines(path)) inputs.push_back({path, path.lexically_relative(folder).generic_string()});
  check(!inputs.empty(), "no .jsonl, .jsonl.zst or .jsonl.gz file below ", folder.string());
  return inputs;
}

StageResult dedup_files(const DedupConfig& config, const std::vector<DedupInput>& inputs, const fs::path& out) {
  const auto start = std::chrono::steady_clock::now();
  check_config(config);
  Manifest manifest;
  manifest.stage = "dedup";
  manifest.config = fields_to_json(config);
  for (const char* name : {"memory_bytes", "num_buckets"}) manifest.config.erase(name);
  std::vector<std::string> digests(inputs.size());
  parallel_for(std::ssize(inputs), [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    digests[index] = sha256_file(inputs[index].path);
  });
  std::int64_t input_bytes = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    check(!manifest.inputs.contains(inputs[i].name) && inputs[i].name != "rejected.jsonl" && inputs[i].name != "manifest.json",
          "two outputs named ", inputs[i].name);
    manifest.inputs[inputs[i].name] = digests[i];
    input_bytes += static_cast<std::int64_t>(fs::file_size(inputs[i].path));
  }
  if (auto done = up_to_date(out, "dedup", manifest.config, manifest.inputs)) return {std::move(*done), true};
  require_space(out, 2 * input_bytes, "deduplicated documents");
  std::error_code ignored;
  fs::remove(out / "manifest.json", ignored);

  remove_leftovers(out, inputs);

  const fs::path work = out / ".dedup";
  std::vector<fs::path> fingerprints, matches, drops, rejected;
  for (const DedupInput& input : inputs) {
    fingerprints.push_back(work / "fingerprints" / (input.name + ".prints"));
    drops.push_back(work / "drops" / (input.name + ".drops"));
    rejected.push_back(work / "rejected" / (input.name + ".rejected.jsonl.zst"));
  }
  for (std::int64_t bucket = 0; bucket < config.num_buckets; ++bucket)
    matches.push_back(work / "matches" / (std::to_string(bucket) + ".matches"));

  for_each_task(config, inputs.size(), true, [&](const DedupConfig& part, std::size_t i) {
    const std::uint64_t state = state_of(inputs[i].path);
    if (!is_there(fingerprints[i], RecordFileType::fingerprints, config, state))
      fingerprint_shard(part, inputs[i].path, fingerprints[i], state);
  });
  const std::uint64_t prints_digest = digest_of(fingerprints, RecordFileType::fingerprints);
  for_each_task(config, matches.size(), false, [&](const DedupConfig& part, std::size_t i) {
    if (!is_there(matches[i], RecordFileType::matches, config, prints_digest))
      match_bucket(part, fingerprints, static_cast<std::int64_t>(i), matches[i], prints_digest);
  });
  resolve_matches(config, fingerprints, matches, drops, digest_of(matches, RecordFileType::matches));
  std::vector<DropCounts> counts(inputs.size());
  for_each_task(config, inputs.size(), false, [&](const DedupConfig&, std::size_t i) {
    counts[i] = drop_lines(inputs[i].path, i, drops[i], out / inputs[i].name, rejected[i],
                           [&](std::uint64_t shard) { return inputs[shard].name; });
  });

  CompressedWriter all_rejected(out / "rejected.jsonl");
  DropCounts sum;
  std::vector<std::string> outputs;
  Json dropped = Json::object();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    LineReader lines(rejected[i]);
    while (const auto line = lines.next()) all_rejected.write_line(*line);
    sum.documents += counts[i].documents, sum.bytes += counts[i].bytes;
    for (const auto& [reason, n] : counts[i].dropped) sum.dropped[reason] += n;
    outputs.push_back(inputs[i].name);
  }
  all_rejected.commit();
  outputs.emplace_back("rejected.jsonl");
  for (const auto& [reason, n] : sum.dropped) dropped[reason] = n;
  manifest.counts = {{"documents", sum.documents}, {"bytes", sum.bytes}, {"rejected_by_reason", dropped}};
  manifest.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  write_manifest(out, manifest, outputs);
  fs::remove_all(work, ignored);
  return {read_manifest(out), false};
}

StageResult dedup_folder(const DedupConfig& config, const fs::path& folder, const fs::path& out) {
  const fs::path from = fs::weakly_canonical(folder), to = fs::weakly_canonical(out);
  const fs::path below = to.lexically_relative(from);
  check(!below.empty() && *below.begin() == "..", "the output ", out.string(), " lies in the input ", folder.string(),
        ": give another folder");
  return dedup_files(config, dedup_inputs(folder), out);
}

}  // namespace corollary
