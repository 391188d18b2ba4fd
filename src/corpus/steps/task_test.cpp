#include "corpus/steps/task.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/test_folder.h"

namespace corollary {
namespace {

/// A step of two tasks that write what `input` says; counts its runs.
struct Counting {
  std::string input = "a";
  int runs = 0;
  Step step(const TaskFolder& folder) {
    Step step;
    step.name = "s";
    step.tasks = {"x", "y"};
    step.config = {{"c", 1}};
    step.inputs = [this](std::size_t) { return Json{{"in", input}}; };
    step.run = [this, &folder](std::size_t task) {
      ++runs;
      const std::string path = "s/" + std::to_string(task) + ".txt";
      write_file(folder.path(path), input);
      return TaskResult{{path}, {{"n", task}}};
    };
    return step;
  }
};

TEST(Task, RunsOnceForTheSameInputsConfigurationAndFiles) {
  const TestFolder test;
  const TaskFolder folder(test / "work");
  Counting counting;
  Step step = counting.step(folder);
  std::string why;
  EXPECT_FALSE(folder.done(step, 0, &why));
  EXPECT_EQ(why, "not done");
  EXPECT_TRUE(folder.run(step, 0));
  EXPECT_FALSE(folder.run(step, 0));
  EXPECT_EQ(counting.runs, 1);
  EXPECT_EQ(folder.record("s", "x")["counts"]["n"], 0);
  EXPECT_EQ(folder.outputs("s", "x").size(), 1U);
  EXPECT_THROW(folder.record("s", "y"), Error);

  counting.input = "b";
  EXPECT_FALSE(folder.done(step, 0, &why));
  EXPECT_EQ(why, "inputs changed: in");
  EXPECT_TRUE(folder.run(step, 0));
  step.config["c"] = 2;
  EXPECT_FALSE(folder.done(step, 0, &why));
  EXPECT_EQ(why, "configuration changed: c");
  EXPECT_TRUE(folder.run(step, 0));
  write_file(folder.path("s/0.txt"), "longer");
  EXPECT_FALSE(folder.done(step, 0, &why));
  EXPECT_EQ(why, "file lost: s/0.txt");
  EXPECT_TRUE(folder.run(step, 0));
  fs::remove(folder.path("s/0.txt"));
  EXPECT_TRUE(folder.run(step, 0));
  EXPECT_EQ(counting.runs, 5);
}

TEST(Task, ARecordThatIsNoneIsWorkToDo) {
  const TestFolder test;
  const TaskFolder folder(test / "work");
  Counting counting;
  const Step step = counting.step(folder);
  for (const char* record : {"", "{", "[]", "{}", "{\"outputs\":3}", "null",
                             "{\"config\":{\"c\":1},\"inputs\":{\"in\":\"a\"},\"outputs\":{\"s/0.txt\":7}}"}) {
    write_file(folder.path("s/x.json"), record);
    EXPECT_TRUE(folder.run(step, 0)) << record;
  }
}

TEST(Task, ATaskThatThrowsLeavesNoRecord) {
  const TestFolder test;
  const TaskFolder folder(test / "work");
  Counting counting;
  Step step = counting.step(folder);
  folder.run(step, 0);
  step.config = {{"c", 2}};
  step.run = [](std::size_t) -> TaskResult { throw Error("disk full"); };
  EXPECT_THROW(folder.run(step, 0), Error);
  EXPECT_FALSE(fs::exists(folder.path("s/x.json"))) << "the older record spoke for files that may be gone";
}

TEST(Task, Ranges) {
  EXPECT_EQ(parse_task_range("3/16").first, 3U);
  EXPECT_EQ(parse_task_range("3/16").stride, 16U);
  for (const char* bad : {"", "3", "16/16", "-1/4", "1/0", "a/b", "1/4x", "/"}) EXPECT_THROW(parse_task_range(bad), Error) << bad;
  ::unsetenv("SLURM_ARRAY_TASK_ID");
  EXPECT_EQ(parse_task_range("auto").stride, 1U);
  ::setenv("SLURM_ARRAY_TASK_ID", "12", 1);
  ::setenv("SLURM_ARRAY_TASK_COUNT", "5", 1);
  ::setenv("SLURM_ARRAY_TASK_MIN", "10", 1);
  EXPECT_EQ(parse_task_range("auto").first, 2U);
  EXPECT_EQ(parse_task_range("auto").stride, 5U);
  ::setenv("SLURM_ARRAY_TASK_ID", "15", 1);
  EXPECT_THROW(parse_task_range("auto"), Error);
  for (const char* name : {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN"}) ::unsetenv(name);
}

}  // namespace
}  // namespace corollary
