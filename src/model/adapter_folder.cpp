#include "model/adapter_folder.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "model/parameters.h"
#include "model/safetensors.h"

namespace corollary {
namespace {

constexpr const char* kFile = "adapter_model.safetensors";
constexpr const char* kConfig = "adapter_config.json";
const std::string kPrefix = "base_model.model.";

}  // namespace

void save_adapters(const fs::path& folder, const LlamaConfig& model, const LoraConfig& lora, ConstTensor flat, const std::string& base) {
  const ParameterLayout layout = adapter_layout(model, lora);
  check(flat.shape() == Shape{layout.count}, "save: there are ", layout.count, " parameters of adapters, given are ", flat.shape());
  std::vector<SafetensorsDeclaration> declarations;
  for (const auto& entry : layout.entries) declarations.push_back({kPrefix + entry.name, DType::f32, entry.shape});
  SafetensorsWriter writer(folder / kFile, std::move(declarations));
  for (const auto& entry : layout.entries) writer.write(flat.rows(entry.offset, entry.offset + entry.shape.count()).reshaped(entry.shape));
  writer.commit();
  write_json_file(folder / kConfig, {{"peft_type", "LORA"},
                                     {"task_type", "CAUSAL_LM"},
                                     {"base_model_name_or_path", base},
                                     {"r", lora.rank},
                                     {"lora_alpha", lora.alpha},
                                     {"lora_dropout", 0.0},
                                     {"target_modules", lora.targets},
                                     {"bias", "none"},
                                     {"fan_in_fan_out", false},
                                     {"inference_mode", true}});
}

LoadedAdapters load_adapters(const fs::path& folder, const LlamaConfig& model) {
  const Json json = read_json_file(folder / kConfig);
  const std::string where = (folder / kConfig).string();
  LoadedAdapters loaded;
  try {
    loaded.lora = {json.at("r").get<std::int64_t>(), json.at("lora_alpha").get<double>(),
                   json.at("target_modules").get<std::vector<std::string>>()};
  } catch (const Json::exception& error) {
    fail("cannot read ", where, ": ", error.what());
  }
  check(loaded.lora.is_on(), "no adapters in ", where, ": its rank is ", loaded.lora.rank);
  check_lora(loaded.lora);
  const ParameterLayout layout = adapter_layout(model, loaded.lora);
  const SafetensorsFile file(folder / kFile);
  loaded.flat = OwnedTensor(DType::f32, {layout.count});
  for (const auto& entry : layout.entries) {
    const SafetensorsEntry* found = file.find(kPrefix + entry.name);
    check(found != nullptr, "no tensor ", kPrefix + entry.name, " in ", file.path().string());
    const auto extents = entry.shape.extents();
    check(std::ranges::equal(found->shape, extents), "tensor ", found->name, " of ", file.path().string(), " is ", shape_text(found->shape),
          ", the model asks for ", entry.shape);
    const Tensor part = loaded.flat.view().rows(entry.offset, entry.offset + entry.shape.count());
    file.read(*found, part);
    check(std::all_of(part.data<float>(), part.data<float>() + part.count(), [](float x) { return std::isfinite(x); }), "tensor ",
          found->name, " of ", file.path().string(), " holds numbers that are not finite");
  }
  return loaded;
}

}  // namespace corollary
