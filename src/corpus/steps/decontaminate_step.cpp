#include <mutex>

#include "base/digest.h"
#include "base/error.h"
#include "base/fields.h"
#include "base/stop.h"
#include "base/threads.h"
#include "corpus/document_head.h"
#include "corpus/ngrams/decontaminate.h"
#include "corpus/steps/context.h"

namespace corollary {
namespace {

constexpr const char* kStep = "decontaminate";

/// The index, made when the first task of a process asks for it.
class Shared {
 public:
  explicit Shared(DecontaminateConfig config) : config_(std::move(config)) {}
  const Decontaminator& get() {
    const std::lock_guard lock(mutex_);
    if (!decontaminator_) decontaminator_ = std::make_unique<Decontaminator>(config_);
    return *decontaminator_;
  }
  /// {file: sha256}, read once.
  const Json& digests() {
    const std::lock_guard lock(mutex_);
    if (digests_.is_null()) {
      digests_ = Json::object();
      for (const std::string& file : config_.tests) {
        check(fs::is_regular_file(file), "no test file ", file, ": give JSON Lines files of test items");
        digests_["test " + file] = sha256_file(file);
      }
    }
    return digests_;
  }

 private:
  DecontaminateConfig config_;
  std::mutex mutex_;
  std::unique_ptr<Decontaminator> decontaminator_;
  Json digests_;
};

/// What became of a line.
struct Judged {
  std::string language, source, path, line;  ///< line: to write; empty: dropped
  std::int64_t text_bytes = 0;
  std::vector<Contamination> found;
};

Judged judge(const Decontaminator& decontaminator, const std::string& line, const std::string& where) {
  thread_local DocumentHeadReader reader;
  const auto head = reader.read(line);
  check(head.has_value(), "", where, " is no document: ", reader.why());
  Judged judged{head->language, head->source, head->path, {}, static_cast<std::int64_t>(head->text.size()), {}};
  Decontaminator::Verdict verdict = decontaminator.judge(head->text);
  judged.found = std::move(verdict.found);
  if (judged.found.empty()) {
    judged.line = line;
  } else if (verdict.text && verdict.text->size() == head->text.size()) {
    judged.line = line;  // reported only
  } else if (verdict.text) {
    Document document = document_from_line(line, where);
    document.text = std::move(*verdict.text);
    judged.text_bytes = static_cast<std::int64_t>(document.text.size());
    judged.line = document_to_line(document);
  }
  return judged;
}

class DecontaminateTask {
 public:
  DecontaminateTask(const BuildContext& context, const std::string& from, const Shard& shard, const Decontaminator& decontaminator)
      : from_(context.tasks.path(documents_path(from, shard.name))),
        shard_(shard),
        decontaminator_(decontaminator),
        kept_(context.tasks.path(documents_path(kStep, shard.name))),
        report_path_(std::string(kStep) + "/" + shard.name + ".contaminated.jsonl.zst"),
        report_(context.tasks.path(report_path_)),
        rejected_(context, kStep, shard) {}

  TaskResult run() {
    LineReader lines(from_);
    while (const auto line = lines.next()) {
      batch_.emplace_back(*line);
      bytes_ += line->size();
      if (bytes_ >= (std::size_t{32} << 20)) flush();
    }
    flush();
    kept_.commit();
    report_.commit();
    const Json rejected = rejected_.commit();
    return {{documents_path(kStep, shard_.name), rejected_.path(), report_path_},
            {{"groups", to_json(groups_)}, {"rejected", rejected}, {"contaminated", by_test_}, {"documents_changed", changed_}}};
  }

 private:
  void flush() {
    check(!stop_requested(), "stopped while decontaminating: run again, finished shards are kept");
    std::vector<Judged> judged(batch_.size());
    parallel_for(static_cast<std::int64_t>(batch_.size()), [&](std::int64_t i) {
      const auto index = static_cast<std::size_t>(i);
      judged[index] = judge(decontaminator_, batch_[index], from_.string());
    });
    for (std::size_t i = 0; i < judged.size(); ++i) {
      const Judged& document = judged[i];
      const char* action = document.line.empty() ? "dropped" : document.line == batch_[i] ? "reported" : "cut";
      for (const Contamination& found : document.found) {
        report_.write_line(to_line({{"source", document.source},
                                    {"path", document.path},
                                    {"test", found.test},
                                    {"ngram_n", found.n},
                                    {"coverage", found.coverage},
                                    {"offset", found.offset},
                                    {"bytes", found.bytes},
                                    {"ngram", found.ngram},
                                    {"action", action}}));
        ++by_test_[found.test.substr(0, found.test.find(':'))];
      }
      changed_ += !document.found.empty() && document.line != batch_[i];
      if (document.line.empty()) {
        const Contamination& first = document.found.front();
        rejected_.add(document.language, document.source, document.path,
                      {"contaminated", first.offset, first.test + ": " + first.ngram});
      } else {
        kept_.write_line(document.line);
        groups_[document.language].add(document.text_bytes);
      }
    }
    batch_.clear();
    bytes_ = 0;
  }

  fs::path from_;
  const Shard& shard_;
  const Decontaminator& decontaminator_;
  CompressedWriter kept_;
  std::string report_path_;
  CompressedWriter report_;
  RejectedFile rejected_;
  std::vector<std::string> batch_;
  std::size_t bytes_ = 0;
  std::map<std::string, Tally> groups_;
  std::map<std::string, std::int64_t> by_test_;  ///< hits by test file
  std::int64_t changed_ = 0;
};

}  // namespace

Step decontaminate_step(const Context& context, const std::string& from) {
  const auto shared = std::make_shared<Shared>(context->config.decontaminate);
  Step step;
  step.name = kStep;
  step.tasks = shard_names(*context);
  step.config = fields_to_json(context->config.decontaminate);
  step.inputs = [=](std::size_t task) {
    Json inputs = context->tasks.outputs(from, context->shards[task].name);
    inputs.update(shared->digests());
    return inputs;
  };
  step.run = [=](std::size_t task) { return DecontaminateTask(*context, from, context->shards[task], shared->get()).run(); };
  return step;
}

}  // namespace corollary
