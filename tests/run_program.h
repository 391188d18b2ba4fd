#pragma once
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/test_folder.h"

namespace corollary {

/// build/<preset>/corollary as a child process, its stdout and stderr in files.
class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments, const fs::path& working_folder = ".") {
    std::vector<std::string> words = {COROLLARY_BUILD_DIR "/corollary"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string out = folder_ / "out", err = folder_ / "err";
    child_ = ::fork();
    check(child_ >= 0, "cannot fork");
    if (child_ == 0) {
      const int in = ::open("/dev/null", O_RDONLY);
      const int to_out = ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644),
                to_err = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
      if (in < 0 || to_out < 0 || to_err < 0 || ::dup2(in, 0) < 0 || ::dup2(to_out, 1) < 0 || ::dup2(to_err, 2) < 0) ::_exit(126);
      if (::chdir(working_folder.c_str()) == 0) ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }
  ~Program() {
    if (child_ > 0) signal(SIGKILL), wait();
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void signal(int number) const { ::kill(child_, number); }
  bool is_running() {
    if (child_ > 0 && ::waitpid(child_, &status_, WNOHANG) == child_) child_ = 0;
    return child_ > 0;
  }
  /// Exit status; 128 + the signal that ended it.
  int wait() {
    if (child_ > 0) ::waitpid(std::exchange(child_, 0), &status_, 0);
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  }
  std::string out() const { return read_file(folder_ / "out"); }
  std::string err() const { return read_file(folder_ / "err"); }

 private:
  TestFolder folder_;
  pid_t child_ = 0;
  int status_ = 0;
};

struct Outcome {
  int status;
  std::string out, err;
};
inline Outcome run_program(const std::vector<std::string>& arguments, const fs::path& working_folder = ".") {
  Program program(arguments, working_folder);
  const int status = program.wait();
  return {status, program.out(), program.err()};
}

}  // namespace corollary
