#include "model/checkpoint_folder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <memory>
#include <set>

#include "base/threads.h"

namespace corollary {
namespace {

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";
constexpr const char* kHead = "lm_head.weight";
constexpr const char* kEmbedding = "model.embed_tokens.weight";
constexpr std::array kTokenizerFiles = {"tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                                        "added_tokens.json"};

/// All tensors of a folder, from one file or from shards.
class FolderTensors {
 public:
  struct Found {
    const SafetensorsFile* file;
    const SafetensorsEntry* entry;
  };

  explicit FolderTensors(const fs::path& folder) {
    if (fs::exists(folder / kSingleFile)) {
      add(folder / kSingleFile, nullptr);
      return;
    }
    check(fs::exists(folder / kIndexFile), "no weights: ", folder.string(), " has neither ", kSingleFile, " nor ", kIndexFile,
          fs::exists(folder / "pytorch_model.bin") ? ": convert its pytorch_model.bin to safetensors first" : "");
    const SafetensorsIndex index = parse_safetensors_index(read_file(folder / kIndexFile), (folder / kIndexFile).string());
    std::set<std::string> names;
    for (const auto& [tensor, file] : index.file_of) names.insert(file);
    for (const std::string& name : names) add(folder / name, &index);
    for (const auto& [tensor, file] : index.file_of)
      check(tensors_.contains(tensor), "damaged ", (folder / file).string(), ": it lacks tensor ", tensor, " that ", kIndexFile,
            " says it holds: download it again");
  }

  const std::map<std::string, Found>& all() const { return tensors_; }
  const Found* find(const std::string& name) const {
    const auto found = tensors_.find(name);
    return found == tensors_.end() ? nullptr : &found->second;
  }

 private:
  void add(const fs::path& path, const SafetensorsIndex* index) {
    files_.push_back(std::make_unique<SafetensorsFile>(path));
    for (const SafetensorsEntry& entry : files_.back()->entries()) {
      if (index) {
        const auto promised = index->file_of.find(entry.name);
        check(promised != index->file_of.end() && promised->second == path.filename().string(), "damaged ", path.string(),
              ": it holds tensor ", entry.name, ", which ", kIndexFile, " does not expect there");
      }
      if (!entry.name.ends_with("rotary_emb.inv_freq")) tensors_[entry.name] = {files_.back().get(), &entry};
    }
  }

  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, Found> tensors_;
};

/// Names for a message: all that matters, not all there is.
class NameList {
 public:
  explicit NameList(const char* title) : title_(title) {}
  void add(const std::string& name) {
    if (++count_ <= 8) text_ += (count_ > 1 ? ", " : "") + name;
  }
  std::string text() const {
    if (count_ == 0) return "";
    return "\n  " + std::to_string(count_) + " " + title_ + ": " + text_ + (count_ > 8 ? ", ..." : "");
  }

 private:
  const char* title_;
  std::string text_;
  std::int64_t count_ = 0;
};

/// The layout's tensors stand in the folder with their shapes and nothing else does; or an Error that says all that is wrong.
void check_tensors(const FolderTensors& tensors, const ParameterLayout& layout, bool ties_embeddings, const fs::path& folder) {
  NameList missing("missing"), unknown("unknown"), misshapen("of another shape");
  std::set<std::string> expected;
  for (const ParameterLayout::Entry& entry : layout.entries) {
    expected.insert(entry.name);
    const FolderTensors::Found* found = tensors.find(entry.name);
    if (!found) {
      if (!(ties_embeddings && entry.name == kHead)) missing.add(entry.name);
    } else if (!std::ranges::equal(found->entry->shape, entry.shape.extents())) {
      misshapen.add(entry.name + " " + shape_text(found->entry->shape) + " instead of " + shape_text(entry.shape.extents()));
    }
  }
  for (const auto& [name, found] : tensors.all())
    if (!expected.contains(name)) unknown.add(name);
  const std::string complaints = missing.text() + unknown.text() + misshapen.text();
  check(complaints.empty(), "the weights of ", folder.string(), " do not fit its config.json:", complaints);
}

/// Tied embeddings mean one table; a file that holds a second, different one says two things at once.
void check_tied_head(const FolderTensors& tensors, const fs::path& folder) {
  const FolderTensors::Found *head = tensors.find(kHead), *table = tensors.find(kEmbedding);
  if (!head) return;
  const bool same = head->entry->dtype == table->entry->dtype &&
                    std::ranges::equal(head->file->bytes(*head->entry), table->file->bytes(*table->entry));
  check(same, "contradictory ", folder.string(), ": config.json ties the embeddings, yet ", kHead, " differs from ", kEmbedding,
        ": set tie_word_embeddings to false to use it, or remove it");
}

/// Index of the first value that is not finite, or -1.
template <class T>
std::int64_t first_non_finite(const T* values, std::int64_t count) {
  constexpr std::int64_t kPiece = 1 << 16;
  for (std::int64_t begin = 0; begin < count; begin += kPiece) {
    const std::int64_t end = std::min(begin + kPiece, count);
    std::uint32_t found = 0;  // an exponent of all ones, looked for without a branch
    for (std::int64_t i = begin; i < end; ++i) {
      if constexpr (std::same_as<T, float>)
        found |= (std::bit_cast<std::uint32_t>(values[i]) & 0x7f800000u) == 0x7f800000u;
      else
        found |= (values[i].bits & 0x7f80u) == 0x7f80u;
    }
    if (!found) continue;
    for (std::int64_t i = begin; i < end; ++i)
      if (!std::isfinite(to_float(values[i]))) return i;
  }
  return -1;
}

void check_finite_tensor(const std::string& name, ConstTensor tensor, const std::string& where) {
  const std::int64_t at = tensor.dtype() == DType::f32 ? first_non_finite(tensor.data<float>(), tensor.count())
                                                       : first_non_finite(tensor.data<bf16>(), tensor.count());
  check(at < 0, "not finite: element ", at, " of ", name, " in ", where, " is NaN or infinite: use an earlier checkpoint");
}

std::string shard_name(std::size_t shard, std::size_t shards) {
  const auto five = [](std::size_t n) {
    return std::string(5 - std::min<std::size_t>(5, std::to_string(n).size()), '0') + std::to_string(n);
  };
  return shards == 1 ? kSingleFile : "model-" + five(shard + 1) + "-of-" + five(shards) + ".safetensors";
}

/// Consecutive tensors, each shard at most max_shard_bytes unless a single tensor is larger.
std::vector<std::vector<const ParameterLayout::Entry*>> cut_into_shards(const ParameterLayout& layout, const SaveOptions& options) {
  std::vector<std::vector<const ParameterLayout::Entry*>> shards(1);
  std::int64_t bytes = 0;
  for (const ParameterLayout::Entry& entry : layout.entries) {
    const std::int64_t size = entry.shape.count() * size_of(options.dtype);
    if (bytes > 0 && bytes + size > options.max_shard_bytes) shards.emplace_back(), bytes = 0;
    shards.back().push_back(&entry);
    bytes += size;
  }
  return shards;
}

void remove_file(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  check(!error, "cannot remove ", path.string(), ": ", error.message());
}

void remove_old_weights(const fs::path& folder, const std::set<std::string>& kept) {
  for (const auto& item : fs::directory_iterator(folder)) {
    const std::string name = item.path().filename().string();
    const bool is_weights = name == kSingleFile || name == kIndexFile || glob_match("model-*-of-*.safetensors", name);
    if (is_weights && !kept.contains(name)) remove_file(item.path());
  }
}

void write_generation_config(const fs::path& folder, const LlamaConfig& config) {
  Json json;
  json["_from_model_config"] = true;
  if (config.bos_token_id >= 0) json["bos_token_id"] = config.bos_token_id;
  if (config.eos_token_id >= 0) json["eos_token_id"] = config.eos_token_id;
  write_json_file(folder / "generation_config.json", json);
}

}  // namespace

LoadedModel load_checkpoint_folder(const fs::path& folder, DType dtype) {
  check(fs::is_directory(folder), "no model folder at ", folder.string());
  check(fs::exists(folder / "config.json"), "no config.json in ", folder.string(),
        ": is it a Hugging Face folder, completely written?");
  const HuggingFaceConfig huggingface = read_huggingface_config(folder / "config.json");
  const FolderTensors tensors(folder);
  // Before the layout is spelled out: a hostile config.json may name a billion layers.
  const auto most_layers = static_cast<std::int64_t>(tensors.all().size());
  check(huggingface.config.num_hidden_layers <= most_layers, "the weights of ", folder.string(),
        " do not fit its config.json: it says ", huggingface.config.num_hidden_layers, " layers, there are ", most_layers,
        " tensors in all");
  const ParameterLayout layout = parameter_layout(huggingface.config);
  check_tensors(tensors, layout, huggingface.ties_embeddings, folder);
  if (huggingface.ties_embeddings) check_tied_head(tensors, folder);

  LoadedModel model{huggingface.config, OwnedTensor(dtype, {layout.count})};
  for (const ParameterLayout::Entry& entry : layout.entries) {
    const bool is_tied_head = huggingface.ties_embeddings && entry.name == kHead;
    const FolderTensors::Found& found = *tensors.find(is_tied_head ? kEmbedding : entry.name);
    const Tensor part = model.parameters.view().rows(entry.offset, entry.offset + entry.shape.count());
    found.file->read(*found.entry, part);
    check_finite_tensor(entry.name, part, found.file->path().string());
  }
  return model;
}

std::vector<FolderTensor> list_folder_tensors(const fs::path& folder) {
  std::vector<FolderTensor> list;
  const FolderTensors tensors(folder);
  for (const auto& [name, found] : tensors.all()) list.push_back({found.file->path().filename().string(), *found.entry});
  return list;
}

void check_finite(const LlamaConfig& config, ConstTensor flat, const std::string& where) {
  for (const ParameterLayout::Entry& entry : parameter_layout(config).entries)
    check_finite_tensor(entry.name, flat.rows(entry.offset, entry.offset + entry.shape.count()), where);
}

void save_checkpoint_folder(const fs::path& folder, const LlamaConfig& config, ConstTensor flat, const SaveOptions& options) {
  const ParameterLayout layout = parameter_layout(config);
  check(flat.shape() == Shape{layout.count}, "save: the model has ", layout.count, " parameters, given are ", flat.shape());
  check_finite(config, flat, "the weights for " + folder.string());  // invariant 3
  require_space(folder, layout.count * size_of(options.dtype), "weights");

  remove_file(folder / "config.json");  // invariant 1
  fsync_folder(folder);
  const auto shards = cut_into_shards(layout, options);
  std::set<std::string> written;
  Json weight_map = Json::object();
  for (std::size_t shard = 0; shard < shards.size(); ++shard) {
    const std::string name = shard_name(shard, shards.size());
    std::vector<SafetensorsDeclaration> declarations;
    for (const ParameterLayout::Entry* entry : shards[shard]) declarations.push_back({entry->name, options.dtype, entry->shape});
    SafetensorsWriter writer(folder / name, std::move(declarations));
    for (const ParameterLayout::Entry* entry : shards[shard]) {
      writer.write(flat.rows(entry->offset, entry->offset + entry->shape.count()).reshaped(entry->shape));
      weight_map[entry->name] = name;
    }
    writer.commit();
    written.insert(name);
  }
  if (shards.size() > 1) {
    Json index;
    index["metadata"]["total_size"] = layout.count * size_of(options.dtype);
    index["weight_map"] = std::move(weight_map);
    write_json_file(folder / kIndexFile, index);
    written.insert(kIndexFile);
  }
  remove_old_weights(folder, written);  // invariant 2

  if (!options.tokenizer.empty())
    for (const char* name : kTokenizerFiles)
      if (fs::exists(options.tokenizer / name) && !fs::equivalent(options.tokenizer, folder))
        write_file(folder / name, read_file(options.tokenizer / name));
  write_generation_config(folder, config);
  write_json_file(folder / "config.json",
                  llama_config_to_huggingface(config, options.dtype == DType::bf16 ? "bfloat16" : "float32"));
}

}  // namespace corollary
