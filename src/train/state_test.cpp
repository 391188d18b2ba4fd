#include "train/state.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <numeric>
#include <thread>

#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/random.h"
#include "base/test_error.h"
#include "base/test_folder.h"
#include "model/safetensors.h"
#include "train/state_shards.h"

namespace corollary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A limit on the size of files stands for the full disk.
class SmallFilesOnly {
 public:
  SmallFilesOnly() {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{.rlim_cur = 4096, .rlim_max = before_.rlim_max};
    ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallFilesOnly() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, SIG_DFL);
  }

 private:
  rlimit before_{};
};

class CheckpointsTest : public ::testing::Test {
 protected:
  CheckpointsTest() { use_model(2); }

  void use_model(std::int64_t layers) {
    model_ = resolve(LlamaConfig{.vocab_size = 32, .hidden_size = 8, .num_hidden_layers = layers, .num_attention_heads = 2});
    layout_ = parameter_layout(model_);
  }
  OwnedState owned(Optimizer& optimizer) const {
    return {.master = optimizer.master(), .m = optimizer.m(), .v = optimizer.v(), .slices = owned_slices(model_, {})};
  }
  std::optional<TrainState> load_newest(Optimizer& optimizer) const {
    auto loaded = open()->load_newest(owned(optimizer));
    return loaded ? std::optional(loaded->state) : std::nullopt;
  }
  std::unique_ptr<Checkpoints> open() const { return std::make_unique<Checkpoints>(folder_, layout_, identity_, note_); }
  std::vector<SafetensorsDeclaration> declarations() const {
    std::vector<SafetensorsDeclaration> all;
    for (const auto& entry : layout_.entries) all.push_back({entry.name, DType::f32, entry.shape});
    return all;
  }
  /// The tensors of a file of one rank.
  OwnedTensor whole(const fs::path& path) const {
    const SafetensorsFile file(path);
    OwnedTensor flat(DType::f32, {layout_.count});
    for (const auto& entry : layout_.entries)
      file.read(*file.find(entry.name), flat.view().rows(entry.offset, entry.offset + entry.shape.count()));
    return flat;
  }
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
    open()->save(state_at(step), owned(optimizer), {.newest = keep});
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
  EXPECT_THAT(open()->steps(), ElementsAre(6, 8));
  Optimizer loaded = fresh();
  EXPECT_EQ(load_newest(loaded)->step, 8);
}

// Invariant 1: only the rename makes a checkpoint; whatever stood under another name is none.
TEST_F(CheckpointsTest, AHalfWrittenFolderIsNoCheckpoint) {
  save(2);
  fs::create_directories(folder_ / ".step-00000004");
  fs::copy(folder_ / "step-00000002" / "master-00000.safetensors", folder_ / ".step-00000004" / "master-00000.safetensors");
  EXPECT_THAT(open()->steps(), ElementsAre(2));
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

// Invariant 2: a save that fails leaves the older ones as they were.
TEST_F(CheckpointsTest, AFailedSaveLeavesTheOlderOnes) {
  save(2);
  Optimizer bad = filled(4);
  bad.v().data<float>()[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(error_of([&] { open()->save(state_at(4), owned(bad), {.newest = 1}); }), HasSubstr("not finite"));

  Optimizer good = filled(4);
  const auto checkpoints = open();
  {
    const SmallFilesOnly full_disk;
    EXPECT_THAT(error_of([&] { checkpoints->save(state_at(4), owned(good), {.newest = 1}); }), HasSubstr("step 4 was not saved"));
  }

  EXPECT_THAT(open()->steps(), ElementsAre(2));
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

// Version 1 had one file a kind, without places.
TEST_F(CheckpointsTest, ReadsVersionOne) {
  save(2);
  const fs::path f = folder_ / "step-00000002";
  Json json = read_json_file(f / "state.json"), files = Json::object();
  for (const char* kind : {"master", "m", "v"}) {
    const std::string then = std::string(kind) + ".safetensors";
    SafetensorsWriter writer(f / then, declarations());
    const OwnedTensor flat = whole(f / (std::string(kind) + "-00000.safetensors"));
    for (const auto& entry : layout_.entries) writer.write(flat.view().rows(entry.offset, entry.offset + entry.shape.count()));
    writer.commit();
    fs::remove(f / (std::string(kind) + "-00000.safetensors"));
    const std::string bytes = read_file(f / then);
    const Hash128 hash = hash128(bytes);
    files[then] = {{"bytes", bytes.size()}, {"xxh3_128", fmt::format("{:016x}{:016x}", hash.high, hash.low)}};
  }
  json["version"] = 1;
  json["files"] = files;
  for (const char* name : {"skipped_samples", "guard", "rewinds", "forward_check"}) json["state"].erase(name);
  write_json_file(f / "state.json", json);
  Optimizer loaded = fresh(), expected = filled(2);
  EXPECT_EQ(load_newest(loaded)->step, 2);
  EXPECT_TRUE(same(loaded.master(), expected.master()));
  EXPECT_TRUE(same(loaded.v(), expected.v()));
}

TEST_F(CheckpointsTest, KeepsWhatItIsToldTo) {
  const auto kept = [&](const Retention& retention) {
    fs::remove_all(folder_);
    const auto checkpoints = open();
    for (std::int64_t step = 2; step <= 20; step += 2) {
      Optimizer optimizer = filled(static_cast<std::uint64_t>(step));
      checkpoints->save(state_at(step), owned(optimizer), retention);
    }
    return checkpoints->steps();
  };
  EXPECT_THAT(kept({.newest = 1}), ElementsAre(20));
  EXPECT_THAT(kept({.newest = 2, .every = 8}), ElementsAre(8, 16, 18, 20));
  EXPECT_THAT(kept({.newest = 1, .rewind_steps = 5}), ElementsAre(14, 16, 18, 20));
  EXPECT_THAT(kept({.newest = 1, .rewind_steps = 4}), ElementsAre(16, 18, 20));
}

// Invariant 3: what this process resumed from stands as long as it runs.
TEST_F(CheckpointsTest, KeepsTheOneItResumedFrom) {
  for (const std::int64_t step : {2, 4, 6}) save(step);
  Optimizer optimizer = fresh();
  const auto checkpoints = open();
  EXPECT_EQ(checkpoints->load_step(owned(optimizer), 4).state.step, 4);
  checkpoints->set_aside_after(4);
  EXPECT_THAT(checkpoints->steps(), ElementsAre(2, 4));
  EXPECT_TRUE(fs::exists(folder_ / "aside-step-00000006"));
  for (const std::int64_t step : {6, 8}) checkpoints->save(state_at(step), owned(optimizer), {.newest = 1});
  EXPECT_THAT(checkpoints->steps(), ElementsAre(4, 8));
  checkpoints->remove_after(4);
  EXPECT_THAT(checkpoints->steps(), ElementsAre(4));
  EXPECT_THAT(error_of([&] { checkpoints->load_step(owned(optimizer), 8); }), HasSubstr("there are: 4"));
}

// Invariant 6: the tensors may change as soon as save() returns.
TEST_F(CheckpointsTest, AnAsynchronousSaveHoldsWhatWasThenThere) {
  const auto checkpoints = open();
  Optimizer optimizer = filled(3), expected = filled(3);
  checkpoints->save(state_at(3), owned(optimizer), {}, /*asynchronous=*/true);
  for (const Tensor& tensor : {optimizer.master(), optimizer.m(), optimizer.v()})
    for (std::int64_t i = 0; i < layout_.count; ++i) tensor.data<float>()[i] = -1;
  Optimizer loaded = fresh();
  EXPECT_EQ(checkpoints->load_newest(owned(loaded))->state.step, 3);  // which waits
  EXPECT_TRUE(same(loaded.master(), expected.master()));
  EXPECT_TRUE(same(loaded.m(), expected.m()));
  EXPECT_TRUE(same(loaded.v(), expected.v()));
}

// Invariants 2 and 6: a writer that fails says so, with its step, and the older checkpoints stand.
TEST_F(CheckpointsTest, AFailedAsynchronousSaveIsHeardOf) {
  save(2);
  Optimizer optimizer = filled(4);
  const auto broken = [&](const auto& hears) {
    const auto checkpoints = open();
    const SmallFilesOnly full_disk;
    checkpoints->save(state_at(4), owned(optimizer), {}, /*asynchronous=*/true);
    const std::string error = error_of([&] { hears(*checkpoints); });
    EXPECT_THAT(checkpoints->steps(), ElementsAre(2));
    return error;
  };
  EXPECT_THAT(broken([](Checkpoints& checkpoints) { checkpoints.wait(); }), HasSubstr("step 4 was not saved"));
  EXPECT_THAT(broken([&](Checkpoints& checkpoints) { checkpoints.save(state_at(6), owned(optimizer), {}); }),
              HasSubstr("step 4 was not saved"));
  EXPECT_THAT(broken([](Checkpoints& checkpoints) {
                for (int i = 0; i < 2000; ++i)
                  checkpoints.check_failure(), std::this_thread::sleep_for(std::chrono::milliseconds(5));
              }),
              HasSubstr("step 4 was not saved"));
  Optimizer loaded = fresh();
  EXPECT_EQ(load_newest(loaded)->step, 2);
}

// Master weights that are not kept in f32 are written as f32 and come back exactly.
TEST_F(CheckpointsTest, SplitMasterWeightsGiveBackEveryBit) {
  TrainConfig config;
  config.master_weights = "split";
  const auto split = [&] { return Optimizer(layout_.count, layout_.decayed_count, DType::bf16, config); };
  const auto owned_split = [&](Optimizer& optimizer) {
    return OwnedState{
        .master = {},
        .m = optimizer.m(),
        .v = optimizer.v(),
        .slices = owned_slices(model_, {}),
        .read_master = [&](Stream& s, Tensor values, std::int64_t begin) { optimizer.read_master(s, values, begin); },
        .write_master = [&](Stream& s, ConstTensor values, std::int64_t begin) { optimizer.write_master(s, values, begin); }};
  };
  Stream stream;
  for (const bool asynchronous : {false, true}) {
    Optimizer saved = split(), loaded = split(), values = filled(7);
    saved.write_master(stream, values.master(), 0);
    const auto checkpoints = open();
    checkpoints->save(state_at(asynchronous ? 4 : 2), owned_split(saved), {}, asynchronous);
    ASSERT_TRUE(checkpoints->load_newest(owned_split(loaded)));
    OwnedTensor read(DType::f32, {layout_.count});
    loaded.read_master(stream, read, 0);
    EXPECT_TRUE(same(read, values.master()));
  }
}

// ---- many ranks, as threads ----

/// Runs f(rank layout, CheckpointRanks) on tensor_size * data_size threads; the first error of the lowest rank is thrown.
void on_ranks(int tensor_size, int data_size, const std::function<void(const RankLayout&, const CheckpointRanks&)>& f) {
  const int world_size = tensor_size * data_size;
  std::barrier barrier(world_size);
  std::vector<double> terms(static_cast<std::size_t>(world_size));
  std::vector<std::exception_ptr> errors(terms.size());
  std::vector<std::thread> threads;
  for (int rank = 0; rank < world_size; ++rank)
    threads.emplace_back([&, rank] {
      const auto meet = [&] { barrier.arrive_and_wait(); };
      const auto sum = [&, rank](double x) {
        terms[static_cast<std::size_t>(rank)] = x;
        barrier.arrive_and_wait();
        const double total = std::accumulate(terms.begin(), terms.end(), 0.0);
        barrier.arrive_and_wait();
        return total;
      };
      try {
        f(rank_layout(world_size, rank, tensor_size), {.rank = rank, .world_size = world_size, .barrier = meet, .sum = sum});
      } catch (...) {
        errors[static_cast<std::size_t>(rank)] = std::current_exception();
        barrier.arrive_and_drop();
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
}

class CheckpointsOfManyRanks : public CheckpointsTest {
 protected:
  /// A rank's shard of three tensors.
  struct Shard {
    std::vector<OwnedSlice> slices;
    OwnedTensor master, m, v;
    OwnedState state() { return {.master = master, .m = m, .v = v, .slices = slices}; }
  };
  Shard shard(const RankLayout& layout) const {
    Shard shard{.slices = owned_slices(model_, layout), .master = {}, .m = {}, .v = {}};
    for (OwnedTensor* tensor : {&shard.master, &shard.m, &shard.v}) *tensor = OwnedTensor(DType::f32, {count_of(shard.slices)});
    return shard;
  }
  void save_from(int tensor_size, int data_size, std::int64_t from, std::int64_t step, bool asynchronous) const {
    on_ranks(tensor_size, data_size, [&](const RankLayout& layout, const CheckpointRanks& ranks) {
      Checkpoints checkpoints(folder_, layout_, identity_, note_, ranks);
      Shard mine = shard(layout);
      ASSERT_EQ(checkpoints.load_newest(mine.state())->state.step, from);
      checkpoints.save(state_at(step), mine.state(), {.newest = 10}, asynchronous);
      checkpoints.wait();
      EXPECT_EQ(checkpoints.steps().back(), step);  // on every rank
    });
  }
};

TEST_F(CheckpointsOfManyRanks, AnyLayoutResumesAnyOther) {
  save(1);
  save_from(2, 4, 1, 2, /*asynchronous=*/true);
  save_from(1, 3, 2, 3, /*asynchronous=*/false);
  save_from(2, 1, 3, 4, /*asynchronous=*/true);
  save_from(1, 1, 4, 5, /*asynchronous=*/true);
  Optimizer loaded = fresh(), expected = filled(1);
  EXPECT_EQ(load_newest(loaded)->step, 5);
  EXPECT_TRUE(same(loaded.master(), expected.master()));
  EXPECT_TRUE(same(loaded.m(), expected.m()));
  EXPECT_TRUE(same(loaded.v(), expected.v()));
  EXPECT_TRUE(fs::exists(folder_ / "step-00000002" / "m-00007.safetensors"));
  EXPECT_FALSE(fs::exists(folder_ / "step-00000002" / "rank-00007.json"));
}

// Invariant 4: damage that one rank sees sends all to the same older one.
TEST_F(CheckpointsOfManyRanks, AgreeOnTheOneToResumeFrom) {
  save(1);
  save_from(2, 2, 1, 2, /*asynchronous=*/true);
  damage(folder_ / "step-00000002" / "m-00002.safetensors", 700);
  save_from(2, 2, 1, 3, /*asynchronous=*/true);
  fs::remove(folder_ / "step-00000003" / "v-00003.safetensors");
  save_from(1, 4, 1, 4, /*asynchronous=*/false);
}

// Invariants 2 and 4: one rank's failure is everyone's, and no checkpoint comes of it.
TEST_F(CheckpointsOfManyRanks, FailTogether) {
  save(1);
  for (const bool asynchronous : {false, true}) {
    std::atomic<int> failed = 0;
    const auto run = [&](const RankLayout& layout, const CheckpointRanks& ranks) {
      Checkpoints checkpoints(folder_, layout_, identity_, note_, ranks);
      Shard mine = shard(layout);
      ASSERT_TRUE(checkpoints.load_newest(mine.state()));
      if (ranks.rank == 2) mine.m.view().data<float>()[1] = std::numeric_limits<float>::infinity();
      failed += error_of([&] { checkpoints.save(state_at(2), mine.state(), {}, asynchronous); }) != "no error";
      mine.m.view().data<float>()[1] = 0;
      ranks.barrier();
      if (ranks.rank == 3) mine.slices.front().end += 1;  // its shard cannot be written
      failed += error_of([&] {
                  checkpoints.save(state_at(2), mine.state(), {}, asynchronous);
                  checkpoints.wait();
                }) != "no error";
      EXPECT_THAT(checkpoints.steps(), ElementsAre(1));
    };
    on_ranks(2, 2, run);
    EXPECT_EQ(failed, 8);
  }
}

}  // namespace
}  // namespace corollary
