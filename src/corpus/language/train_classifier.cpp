#include <map>

#include "base/error.h"
#include "corpus/language/classifier.h"

#ifdef COROLLARY_HAS_FASTTEXT
#include <fasttext/args.h>
#include <fasttext/fasttext.h>
#endif

namespace corollary {

#ifdef COROLLARY_HAS_FASTTEXT
namespace {

/// One line a text: fastText ends an example at a newline.
void append_example(AtomicFile& out, const LabelledText& example) {
  std::string line = "__label__";
  for (const char c : example.label) line += static_cast<unsigned char>(c) <= ' ' ? '_' : c;
  line += ' ';
  for (const char c : example.text) line += static_cast<unsigned char>(c) <= ' ' ? ' ' : c;
  out.write(line + "\n");
}

}  // namespace

bool can_train_classifier() { return true; }

void train_classifier(const ClassifierTraining& config, const std::vector<LabelledText>& examples, const fs::path& model,
                      const fs::path& scratch) {
  std::map<std::string, std::int64_t> labels;
  for (const LabelledText& example : examples) ++labels[example.label];
  check(labels.size() >= 2, "a classifier needs examples of two labels, there are ", labels.size(), " among ", examples.size(), " texts");
  AtomicFile lines(scratch);
  for (const LabelledText& example : examples) append_example(lines, example);
  lines.commit();

  fasttext::Args args;
  args.input = scratch.string();
  args.model = fasttext::model_name::sup;
  args.loss = fasttext::loss_name::softmax;
  args.lr = config.learning_rate;
  args.dim = static_cast<int>(config.dim);
  args.epoch = static_cast<int>(config.epochs);
  args.minCount = static_cast<int>(config.min_count);
  args.wordNgrams = static_cast<int>(config.word_ngrams);
  args.minn = static_cast<int>(config.min_chars);
  args.maxn = static_cast<int>(config.max_chars);
  args.bucket = config.word_ngrams > 1 || config.max_chars > 0 ? static_cast<int>(config.buckets) : 0;
  args.thread = 1;
  args.seed = static_cast<int>(config.seed);
  args.verbose = 0;
  const fs::path temporary = scratch.string() + ".model";
  try {
    fasttext::FastText fast_text;
    fast_text.train(args);
    if (config.is_quantized) {
      fasttext::Args quantize = args;
      quantize.qnorm = true;
      quantize.dsub = 2;
      quantize.cutoff = static_cast<std::size_t>(config.quantized_rows);
      quantize.retrain = false;
      fast_text.quantize(quantize);
    }
    fast_text.saveModel(temporary.string());
  } catch (const std::exception& error) {
    fs::remove(scratch), fs::remove(temporary);
    fail("fastText could not train: ", error.what());
  }
  write_file(model, MappedFile(temporary).text());
  fs::remove(scratch), fs::remove(temporary);
}
#else
bool can_train_classifier() { return false; }

void train_classifier(const ClassifierTraining&, const std::vector<LabelledText>&, const fs::path&, const fs::path&) {
  fail("this program was built without fastText: install libfasttext-dev and build again, or take a model made elsewhere");
}
#endif

}  // namespace corollary
