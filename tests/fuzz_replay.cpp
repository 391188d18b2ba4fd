// Drives a fuzz target where libFuzzer is absent: the target's own seeds, then mutations of them, for some seconds.
//
//   x_fuzz [--seconds N] [--seed S]   the same inputs in the same order on every machine; how many depends on its speed
//   x_fuzz FILE...                    runs just these, to look at a crash again
//
// An input that crashes, leaks an exception or takes longer than kSecondsPerInput is left in crash-<program>.bin in the working
// folder.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
/// Inputs that the reader accepts; a target may leave it out.
__attribute__((weak)) std::vector<std::string> fuzz_seeds();
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());
/// UndefinedBehaviorSanitizer's runtime knows no such callback, but can end like a crash.
extern "C" const char* __ubsan_default_options() { return "abort_on_error=1:print_stacktrace=1"; }

namespace {

constexpr unsigned kSecondsPerInput = 30;
constexpr std::size_t kMaxBytes = 1 << 20;
constexpr rlim_t kMaxMemoryBytes = rlim_t{4} << 30;  // a size taken from a file on trust shows as bad_alloc

// What the signal handler needs, kept where it may read it.
const char* current_data = nullptr;
std::size_t current_size = 0;
char crash_path[512];

/// Async-signal-safe: open, write, close only.
void keep_current_input() {
  const int fd = ::open(crash_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return;
  for (std::size_t done = 0; done < current_size;) {
    const ssize_t n = ::write(fd, current_data + done, current_size - done);
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  ::close(fd);
  for (const char* part : {"\nthe input is kept in ", static_cast<const char*>(crash_path), "\n"})
    if (::write(STDERR_FILENO, part, std::strlen(part)) < 0) return;
}

void on_signal(int signal_number) {
  keep_current_input();
  ::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

void watch_for_crashes() {
  static char stack[1 << 16];  // a stack overflow leaves no room on the stack
  const stack_t other{stack, 0, sizeof stack};
  ::sigaltstack(&other, nullptr);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_ONSTACK;
  for (const int signal_number : {SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTERM})
    ::sigaction(signal_number, &action, nullptr);
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(keep_current_input);
  } else {
    const rlimit limit{kMaxMemoryBytes, kMaxMemoryBytes};
    ::setrlimit(RLIMIT_AS, &limit);
  }
}

void run_one(const std::string& input) {
  // An allocation of exactly its size, so that AddressSanitizer sees the first byte read past the end.
  const std::vector<std::uint8_t> exact(input.begin(), input.end());
  current_data = input.data();
  current_size = input.size();
  ::alarm(kSecondsPerInput);
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  ::alarm(0);
}

class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, std::uint64_t seed) : seeds_(std::move(seeds)), random_(seed) {}

  std::string next() {
    std::string input = seeds_[below(seeds_.size())];
    for (std::size_t left = 1 + below(4); left > 0; --left) mutate(input);
    if (input.size() > kMaxBytes) input.resize(kMaxBytes);
    return input;
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random_() % n); }

  void mutate(std::string& input) {
    const std::size_t at = below(input.size() + 1), length = below(std::min<std::size_t>(input.size() - at, 64) + 1);
    switch (below(10)) {
      case 0:  // one bit
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        break;
      case 1:
        input.resize(at);
        break;
      case 2:
        input.erase(at, length);
        break;
      case 3:
        input.insert(at, input.substr(below(input.size() + 1), length));
        break;
      case 4:
        overwrite(input, at, number());
        break;
      case 5:
        input.insert(at, number());
        break;
      case 6:
        overwrite(input, at, random_bytes(length));
        break;
      case 7:
        replace_decimal(input, at);
        break;
      case 8:
        input.insert(at, token());
        break;
      default: {  // the head of one seed, the tail of another
        const std::string& other = seeds_[below(seeds_.size())];
        input = input.substr(0, at) + other.substr(below(other.size() + 1));
      }
    }
  }

  static void overwrite(std::string& input, std::size_t at, const std::string& bytes) {
    for (std::size_t i = 0; i < bytes.size() && at + i < input.size(); ++i) input[at + i] = bytes[i];
  }

  /// One, two, four or eight bytes, either end first, of a value that sizes and offsets go wrong at.
  std::string number() {
    static constexpr std::uint64_t values[] = {0,
                                               1,
                                               2,
                                               7,
                                               8,
                                               16,
                                               63,
                                               64,
                                               127,
                                               128,
                                               255,
                                               256,
                                               1023,
                                               4096,
                                               32767,
                                               32768,
                                               65535,
                                               65536,
                                               0x7ffffffe,
                                               0x7fffffff,
                                               0x80000000,
                                               0xffffffff,
                                               0x100000000,
                                               0x7fffffffffffffff,
                                               0x8000000000000000,
                                               0xfffffffffffffff8,
                                               0xffffffffffffffff};
    const std::uint64_t value = values[below(std::size(values))];
    const std::size_t width = std::size_t{1} << below(4);
    std::string bytes;
    for (std::size_t i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i) & 255);
    if (below(2) == 0) std::reverse(bytes.begin(), bytes.end());
    return bytes;
  }

  std::string random_bytes(std::size_t length) {
    std::string bytes;
    while (bytes.size() < length) bytes += static_cast<char>(below(256));
    return bytes;
  }

  /// The digits at or after `at` become a number that overflows, is negative, or is no number.
  void replace_decimal(std::string& input, std::size_t at) {
    static constexpr std::string_view values[] = {"0",
                                                  "-1",
                                                  "1",
                                                  "255",
                                                  "65536",
                                                  "2147483648",
                                                  "9223372036854775807",
                                                  "18446744073709551616",
                                                  "1e999",
                                                  "-1e-999",
                                                  "0.1",
                                                  "NaN",
                                                  "99999999999999999999999999"};
    const std::size_t begin = input.find_first_of("0123456789", at);
    if (begin == std::string::npos) return;
    const std::size_t end = std::min(input.find_first_not_of("0123456789", begin), input.size());
    input.replace(begin, end - begin, values[below(std::size(values))]);
  }

  std::string token() {
    static constexpr std::string_view values[] = {"{",
                                                  "}",
                                                  "[",
                                                  "]",
                                                  "\"",
                                                  "\\",
                                                  ",",
                                                  ":",
                                                  "\n",
                                                  "\r\n",
                                                  "\t",
                                                  " ",
                                                  "<",
                                                  ">",
                                                  "&",
                                                  "=",
                                                  "'",
                                                  "null",
                                                  "true",
                                                  "[[[[[[[[",
                                                  "{\"a\":{\"a\":",
                                                  "\\ud800",
                                                  "\\u0000",
                                                  "\xff\xfe",
                                                  "\xed\xa0\x80",
                                                  "\xf4\x90\x80\x80",
                                                  "\xe2\x96\x81",
                                                  "../",
                                                  "<!--",
                                                  "-->",
                                                  "]]>"};
    if (below(16) == 0) return std::string(1 + below(5000), "[{(<\"\n 0"[below(8)]);  // deep nesting, long runs
    return below(16) == 0 ? std::string(1, '\0') : std::string(values[below(std::size(values))]);
  }

  std::vector<std::string> seeds_;
  std::mt19937_64 random_;
};

int replay(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "cannot open %s\n", path.c_str());
      return 1;
    }
    run_one({std::istreambuf_iterator<char>(file), {}});
    std::printf("%s: passed\n", path.c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 3;
  std::uint64_t seed = 1;
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--seconds" && i + 1 < argc)
      seconds = std::atof(argv[++i]);
    else if (word == "--seed" && i + 1 < argc)
      seed = std::strtoull(argv[++i], nullptr, 10);
    else if (word.starts_with("--"))
      return std::fprintf(stderr, "use: %s [--seconds N] [--seed S] | FILE...\n", argv[0]), 2;
    else
      paths.emplace_back(word);
  }
  const std::string_view program = argv[0];
  std::snprintf(crash_path, sizeof crash_path, "crash-%s.bin", program.substr(program.rfind('/') + 1).data());
  watch_for_crashes();
  if (!paths.empty()) return replay(paths);

  std::vector<std::string> inputs = {""};
  if (fuzz_seeds != nullptr)
    for (std::string& given : fuzz_seeds()) inputs.push_back(std::move(given));
  for (const std::string& input : inputs) run_one(input);
  std::int64_t runs = static_cast<std::int64_t>(inputs.size());
  const std::size_t seed_count = inputs.size() - 1;
  Mutator mutator(std::move(inputs), seed);
  const auto start = std::chrono::steady_clock::now();
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() < seconds) run_one(mutator.next()), ++runs;
  std::printf("%lld inputs from %zu seeds, none crashed\n", static_cast<long long>(runs), seed_count);
  return 0;
}
