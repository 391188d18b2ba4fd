#include "train/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstring>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/fields.h"
#include "base/random.h"
#include "base/test_error.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CheckpointsTest : public ::testing::Test {
 protected:
  CheckpointsTest() {
    use_model(2);
  }

  void use_model(std::int64_t layers) {
    model_ = resolve(LlamaConfig{.vocab_size = 32, .hidden_size = 8, .num_hidden_layers = layers, .num_attention_heads = 2});
    layout_ = parameter_layout(model_);
  }
  OwnedState owned(Optimizer& optimizer) const {
    return {.master = optimizer.master(), .m = optimizer.m(), .v = optimizer.v(), .slices = owned_slices(model_, {})};
  }
  std::optional<TrainState> load_newest(Optimizer& optimizer) const {
    auto loaded = open().load_newest(owned(optimizer));
    return loaded ? std::optional(loaded->state) : std::nullopt;
  }
  Checkpoints open() const { return {folder_, layout_, identity_, note_}; }
  Optimizer fresh() const { return {layout_.count, layout_.decayed_count, DType::bf16, TrainConfig{}}; }

  /// An optimizer whose every number depends on `seed`, and the state that goes with it.
  Optimizer filled(std::uint64_t seed) const {
    Optimizer optimizer = fresh();
    Random random(seed);
    for (const Tensor& tensor : {optimizer.master(), optimizer.m(), optimizer.v()})
      for (std::int64_t i = 0; i < layout_.count; ++i) tensor.data<float>()[i] = static_cast<float>(random.normal());
    return optimizer;
  }
  static TrainState state_at(std::int64_t step) {
    return {.step = step,
            .samples = 16 * step,
            .tokens = 512 * step,
            .seconds = 0.1 * static_cast<double>(step),
            .optimizer = {step, 0, 0}};
  }
  void save(std::int64_t step, std::int64_t keep = 10) {
    Optimizer optimizer = filled(static_cast<std::uint64_t>(step));
    open().save(state_at(step), owned(optimizer), {.newest = keep});
  }
  static bool same(Tensor a, Tensor b) { return std::memcmp(a.raw(), b.raw(), static_cast<std::size_t>(a.size_bytes())) == 0; }

  void damage(const fs::path& path, std::size_t at) {
    std::string bytes = read_file(path);
    bytes.at(at) = static_cast<char>(bytes[at] ^ 1);
    write_file(path, bytes);
  }

  TestFolder temporary_;
  fs::path folder_ = temporary_ / "checkpoints";
  LlamaConfig model_;
  ParameterLayout layout_;
  Json identity_ = {{"model", {{"hidden_size", 8}}}, {"train", {{"learning_rate", 1e-3}}}, {"inputs", {{"a.bin", "00ff"}}}};
  Json note_ = {{"threads", 2}};
};

TEST_F(CheckpointsTest, AnEmptyFolderHasNothingToResume) {
  Optimizer optimizer = fresh();
  EXPECT_FALSE(load_newest(optimizer).has_value());
}

TEST_F(CheckpointsTest, GivesBackEveryBit) {
  save(3);
  Optimizer loaded = fresh(), expected = filled(3);
  const auto state = load_newest(loaded);
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(fields_to_json(*state), fields_to_json(state_at(3)));
  EXPECT_TRUE(same(loaded.master(), expected.master()));
  EXPECT_TRUE(same(loaded.m(), expected.m()));
  EXPECT_TRUE(same(loaded.v(), expected.v()));
}

TEST_F(CheckpointsTest, TakesTheNewestAndKeepsTheNewest) {
  for (const std::int64_t step : {2, 4, 6, 8}) save(step, /*keep=*/2);
  EXPECT_THAT(open().steps(), ElementsAre(6, 8));
  Optimizer loaded = fresh();
  EXPECT_EQ(load_newest(loaded)->step, 8);
}

// Invariant 1: only the rename makes a checkpoint; whatever stood under another name is none.
TEST_F(CheckpointsTest, AHalfWrittenFolderIsNoCheckpoint) {
  save(2);
  fs::create_directories(folder_ / ".step-00000004");
  fs::copy(folder_ / "step-00000002" / "master-00000.safetensors", folder_ / ".step-00000004" / "master-00000.safetensors");
  EXPECT_THAT(open().steps(), ElementsAre(2));
  Optimizer loaded = fresh();
  EXPECT_EQ(load_newest(loaded)->step, 2);
}

// Invariants 2 and 3: leftovers of a killed save or removal go with the next open.
TEST_F(CheckpointsTest, LeftoversAreSweptOnOpen) {
  save(2);
  for (const char* name : {".step-00000004", ".removed-step-00000001"}) {
    fs::create_directories(folder_ / name);
    write_file(folder_ / name / "m-00000.safetensors", "torn");
  }
  fs::create_directories(folder_ / "notes-of-the-user");
  open();
  EXPECT_FALSE(fs::exists(folder_ / ".step-00000004"));
  EXPECT_FALSE(fs::exists(folder_ / ".removed-step-00000001"));
  EXPECT_TRUE(fs::exists(folder_ / "notes-of-the-user"));
}

// Invariant 2: a save that fails leaves the older ones as they were. A limit on the size of files stands for the full disk.
TEST_F(CheckpointsTest, AFailedSaveLeavesTheOlderOnes) {
  save(2);
  Optimizer bad = filled(4);
  bad.v().data<float>()[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(error_of([&] { open().save(state_at(4), owned(bad), {.newest = 1}); }), HasSubstr("not finite"));

  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{.rlim_cur = 4096, .rlim_max = before.rlim_max};
  ::signal(SIGXFSZ, SIG_IGN);
  Optimizer good = filled(4);
  Checkpoints checkpoints = open();
  ::setrlimit(RLIMIT_FSIZE, &small);
  const std::string error = error_of([&] { checkpoints.save(state_at(4), owned(good), {.newest = 1}); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_DFL);
  EXPECT_THAT(error, HasSubstr("step 4 was not saved"));

  EXPECT_THAT(open().steps(), ElementsAre(2));
  Optimizer loaded = fresh();
  EXPECT_EQ(load_newest(loaded)->step, 2);
}

// Invariant 4: every way a file can be torn sends us to the next older checkpoint, and the damaged folder stays for its owner to
// look at.
TEST_F(CheckpointsTest, DamageIsSeenAndTheNextOlderTaken) {
  const auto damages = std::vector<std::function<void(const fs::path&)>>{
      [&](const fs::path& f) { fs::resize_file(f / "m-00000.safetensors", fs::file_size(f / "m-00000.safetensors") / 2); },
      [&](const fs::path& f) { fs::resize_file(f / "v-00000.safetensors", 0); },
      [&](const fs::path& f) { damage(f / "master-00000.safetensors", 3000); },
      [&](const fs::path& f) { damage(f / "v-00000.safetensors", 2); },
      [&](const fs::path& f) { fs::remove(f / "master-00000.safetensors"); },
      [&](const fs::path& f) { fs::remove(f / "state.json"); },
      [&](const fs::path& f) { fs::resize_file(f / "state.json", 40); },
      [&](const fs::path& f) { write_file(f / "state.json", "{\"format\":\"something else\"}"); },
      [&](const fs::path& f) { write_file(f / "state.json", ""); },
      [&](const fs::path& f) {
        Json json = read_json_file(f / "state.json");
        json["state"]["step"] = 5;
        write_json_file(f / "state.json", json);
      },
      [&](const fs::path& f) {
        Json json = read_json_file(f / "state.json");
        json["files"].erase("m-00000.safetensors");
        write_json_file(f / "state.json", json);
      },
  };
  for (std::size_t i = 0; i < damages.size(); ++i) {
    fs::remove_all(folder_);
    save(2);
    save(4);
    damages[i](folder_ / "step-00000004");
    Optimizer loaded = fresh(), expected = filled(2);
    const auto state = load_newest(loaded);
    ASSERT_TRUE(state.has_value()) << "damage " << i;
    EXPECT_EQ(state->step, 2) << "damage " << i;
    EXPECT_TRUE(same(loaded.master(), expected.master())) << "damage " << i;
    EXPECT_TRUE(fs::exists(folder_ / "step-00000004")) << "damage " << i;

    // The run comes by step 3, then 4 again: neither is thrown away in favour of the damaged one.
    save(3, /*keep=*/1);
    Optimizer third = fresh();
    EXPECT_EQ(load_newest(third)->step, 3) << "damage " << i;
    save(4, /*keep=*/1);
    Optimizer fourth = fresh();
    EXPECT_EQ(load_newest(fourth)->step, 4) << "damage " << i;
  }
}

// Invariant 4: with nothing whole left, training does not start over by itself.
TEST_F(CheckpointsTest, OnlyDamagedOnesAreAnError) {
  save(2);
  fs::remove(folder_ / "step-00000002" / "state.json");
  Optimizer loaded = fresh();
  EXPECT_THAT(error_of([&] { load_newest(loaded); }), HasSubstr("delete the folder to train anew"));
}

// Invariant 5.
TEST_F(CheckpointsTest, RefusesAnotherRunByName) {
  save(2);
  const Json before = identity_;
  Optimizer loaded = fresh();
  identity_["inputs"]["a.bin"] = "11ff";
  EXPECT_THAT(error_of([&] { load_newest(loaded); }), HasSubstr("inputs.a.bin: \"00ff\" there, \"11ff\" here"));
  identity_ = before;
  identity_["model"]["hidden_size"] = 16;
  EXPECT_THAT(error_of([&] { load_newest(loaded); }), HasSubstr("model.hidden_size: 8 there, 16 here"));
  identity_ = before;
  identity_["train"]["learning_rate"] = 2e-3;
  EXPECT_THAT(error_of([&] { load_newest(loaded); }), HasSubstr("train.learning_rate"));
  identity_ = before;
  identity_["train"].erase("learning_rate");
  EXPECT_THAT(error_of([&] { load_newest(loaded); }), HasSubstr("absent here"));
  identity_ = before;
  note_["threads"] = 4;  // costs rounding, not meaning: allowed, with a warning
  EXPECT_EQ(load_newest(loaded)->step, 2);
}

// Invariant 5: same configuration, files of other shapes (somebody mixed folders by hand).
TEST_F(CheckpointsTest, RefusesTensorsOfAnotherShape) {
  save(2);
  use_model(1);
  Optimizer loaded = fresh();
  EXPECT_THAT(error_of([&] { load_newest(loaded); }), HasSubstr("tensors"));
}

TEST_F(CheckpointsTest, RefusesAFormatItDoesNotKnow) {
  save(2);
  Json json = read_json_file(folder_ / "step-00000002" / "state.json");
  json["version"] = 3;
  write_json_file(folder_ / "step-00000002" / "state.json", json);
  Optimizer loaded = fresh();
  EXPECT_THAT(error_of([&] { load_newest(loaded); }), HasSubstr("version 3"));
}

}  // namespace
}  // namespace corollary
