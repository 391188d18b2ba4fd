#include "corpus/sources/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/stop.h"

extern char** environ;

namespace corollary {
namespace {

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    int ends[2];
    check(::pipe2(ends, O_CLOEXEC) == 0, "cannot make a pipe: ", std::strerror(errno));
    read_end = ends[0], write_end = ends[1];
  }
  ~Pipe() {
    close_end(read_end);
    close_end(write_end);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  static void close_end(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
};

struct SpawnActions {
  posix_spawn_file_actions_t actions{};
  SpawnActions() { posix_spawn_file_actions_init(&actions); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&actions); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
};

}  // namespace

ProcessResult run_process(const std::vector<std::string>& arguments, const fs::path& folder, std::size_t max_output_bytes) {
  check(!arguments.empty(), "no program to run");
  Pipe out, err;
  SpawnActions files;
  posix_spawn_file_actions_addchdir_np(&files.actions, folder.c_str());
  posix_spawn_file_actions_addopen(&files.actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files.actions, out.write_end, 1);
  posix_spawn_file_actions_adddup2(&files.actions, err.write_end, 2);

  std::vector<std::string> environment = {"LC_ALL=C"};
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (const std::string_view text = *entry; !text.starts_with("LC_") && !text.starts_with("LANG")) environment.emplace_back(text);
  const auto pointers = [](const std::vector<std::string>& strings) {
    std::vector<char*> list;
    for (const std::string& text : strings) list.push_back(const_cast<char*>(text.c_str()));
    list.push_back(nullptr);
    return list;
  };
  auto argv = pointers(arguments), envp = pointers(environment);

  ProcessResult result;
  pid_t child = -1;
  const int failure = ::posix_spawnp(&child, argv[0], &files.actions, nullptr, argv.data(), envp.data());
  if (failure == ENOENT) {
    result.status = 127;
    result.err = arguments[0] + ": no such program";
    return result;
  }
  check(failure == 0, "cannot start ", arguments[0], ": ", std::strerror(failure));
  Pipe::close_end(out.write_end);
  Pipe::close_end(err.write_end);

  bool told_to_stop = false;
  while (out.read_end >= 0 || err.read_end >= 0) {
    if (stop_requested() && !std::exchange(told_to_stop, true)) ::kill(child, SIGTERM);
    pollfd ready[2] = {{out.read_end, POLLIN, 0}, {err.read_end, POLLIN, 0}};  // a closed end is -1: ignored
    if (::poll(ready, 2, 200) < 0 && errno != EINTR) break;
    const auto drain = [&](const pollfd& at, int& fd, std::string& to) {
      if ((at.revents & (POLLIN | POLLHUP | POLLERR)) == 0) return;
      char chunk[8192];
      const ssize_t n = ::read(fd, chunk, sizeof chunk);
      if (n < 0 && errno == EINTR) return;
      if (n <= 0) return Pipe::close_end(fd);
      to.append(chunk, std::min(static_cast<std::size_t>(n), max_output_bytes - std::min(max_output_bytes, to.size())));
    };
    drain(ready[0], out.read_end, result.out);
    drain(ready[1], err.read_end, result.err);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace corollary
