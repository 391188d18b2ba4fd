// A training run as a process of its own, or a rank of one, for tests that kill it:
// train_helper FOLDER OUT [field=value | model.field=value ...] [spike=SAMPLE | nan=SAMPLE]
#include <cmath>
#include <cstdio>
#include <exception>
#include <string>

#include "base/fields.h"
#include "base/stop.h"
#include "comm/world.h"
#include "train/test_corpus.h"
#include "train/trainer.h"

int main(int argc, char** argv) {
  using namespace corollary;
  install_stop_handler();
  try {
    check(argc >= 3, "usage: train_helper FOLDER OUT [field=value | model.field=value ...]");
    const fs::path folder = argv[1];
    Json changed = Json::object(), of_model = Json::object();
    GradientFault fault;
    for (int i = 3; i < argc; ++i) {
      const std::string argument = argv[i];
      const std::string name = argument.substr(0, argument.find('='));
      if (name == "spike" || name == "nan") {
        const float factor = name == "nan" ? std::nanf("") : 1000;
        fault = [sample = std::stoll(argument.substr(argument.find('=') + 1)), factor](Tensor gradients, std::int64_t first_sample) {
          for (std::int64_t at = 0; first_sample == sample && at < gradients.count(); ++at) gradients.data<float>()[at] *= factor;
        };
        continue;
      }
      const Json value = parse_json(argument.substr(argument.find('=') + 1), argument);
      (name.starts_with("model.") ? of_model[name.substr(6)] : changed[name]) = value;
    }
    LlamaConfig model = TestCorpus::model();
    fields_from_json(model, of_model, "model");
    TrainConfig config = TestCorpus::config();
    fields_from_json(config, changed, "train");
    const auto world = make_world({.device = config.device, .collective_timeout_seconds = config.collective_timeout_seconds});
    if (world->rank() != world->world_size() - 1) fault = {};  // of several ranks one goes wrong
    in_world(*world, [&] {
      train(model, config, TestCorpus::mixture(), folder / "pack", folder / "tokenizer", argv[2], *world, fault);
    });
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
