#include "train/state_export.h"

#include "base/error.h"
#include "base/fields.h"
#include "kernels/adamw.h"
#include "train/state.h"
#include "train/state_shards.h"

namespace corollary {
namespace {

StateFile read_state_file(const fs::path& folder) {
  const fs::path path = folder / "state.json";
  return parse_state_file(read_file(path), path.string());
}

}  // namespace

bool is_training_state(const fs::path& folder) { return fs::exists(folder / "state.json"); }

DType training_state_dtype(const fs::path& folder) {
  return read_state_file(folder).layout.value("precision", Json()) == name_of(DType::bf16) ? DType::bf16 : DType::f32;
}

LoadedModel load_training_state_weights(const fs::path& folder, DType dtype) {
  const StateFile written = read_state_file(folder);
  check(written.identity.contains("model"), "damaged ", folder.string(), ": state.json does not say which model it is");
  LlamaConfig config;
  fields_from_json(config, written.identity["model"], folder.string() + "/state.json: identity.model");
  config = resolve(config);
  const ParameterLayout layout = parameter_layout(config);
  for (const std::string& name : written.files_of("master")) written.check_file(name, folder);
  const ShardReader reader(written.paths_of("master", folder));
  reader.check_tensors(layout);

  LoadedModel model{config, OwnedTensor(dtype, {layout.count})};
  Stream stream;
  OwnedTensor staging;
  for (const OwnedSlice& slice : owned_slices(config, {})) {
    const Tensor there = model.parameters.view().rows(slice.local_offset, slice.local_offset + slice.end);
    if (dtype == DType::f32) {
      reader.read(slice, there);
      continue;
    }
    if (staging.view().count() < slice.end) staging = OwnedTensor(DType::f32, {slice.end});
    const Tensor here = staging.view().rows(0, slice.end);
    reader.read(slice, here);
    cast(stream, there, here);
  }
  return model;
}

fs::path training_state_tokenizer(const fs::path& folder) {
  const fs::path initial = fs::weakly_canonical(folder).parent_path().parent_path() / "initial";  // RUN/checkpoints/step-XXXXXXXX
  return fs::exists(initial / "config.json") ? initial : fs::path();
}

}  // namespace corollary
