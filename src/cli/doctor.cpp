#include "cli/doctor.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include <cstdio>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/manifest.h"
#include "base/threads.h"
#include "cli/commands.h"
#include "cli/machine.h"
#include "device/device.h"
#include "kernels/cuda/cudnn_attention.h"
#include "kernels/matmul.h"

namespace corollary {
namespace {

using Findings = std::vector<Finding>;

void examine_processor(Findings& found) {
  const CpuFeatures cpu = cpu_features();
  const Limits limits = machine_limits();
  utsname system{};
  ::uname(&system);
  found.push_back({"machine", "corollary", true, program_version(), "", ""});
  found.push_back({"machine", "kernel", true, fmt::format("{} {} {}", system.sysname, system.release, system.machine), "", ""});
  found.push_back({"machine", "processor", true, cpu.model.empty() ? "unnamed" : cpu.model, "", ""});
  std::string cpus = fmt::format("{}", limits.cpus);
  if (limits.cpu_quota) cpus += fmt::format(", a control group grants {:.1f} CPUs of time", *limits.cpu_quota);
  found.push_back({"machine", "CPUs", true, fmt::format("{}; {} threads by default", cpus, num_threads()), "", ""});
  std::string memory = fmt::format("{} available of {}", format_bytes(static_cast<double>(limits.available_bytes)),
                                   format_bytes(static_cast<double>(limits.memory_bytes)));
  if (limits.memory_limit_bytes)
    memory += fmt::format(", a control group limits us to {}", format_bytes(static_cast<double>(*limits.memory_limit_bytes)));
  found.push_back({"machine", "memory", true, memory, "", ""});

  const auto feature = [&](const char* name, bool is_present, const char* needed_for) {
    found.push_back({"processor features", name, is_present, "", needed_for, ""});
  };
  feature("avx2", cpu.avx2, "fast fp32 kernels");
  feature("avx512f", cpu.avx512f, "faster fp32 kernels");
  feature("avx512_bf16", cpu.avx512_bf16, "bf16 training and inference");
  feature("amx_bf16", cpu.amx_bf16, "bf16 matrix products several times faster");
  if (cpu.amx_bf16)
    feature("amx_bf16 allowed by the kernel", cpu.is_amx_allowed, "using the AMX unit this processor has (Linux 5.16 or later)");
}

void examine_disk(Findings& found) {
  for (const auto& [name, folder] :
       {std::pair<const char*, fs::path>{"working folder", fs::current_path()}, {"cache", cache_folder()}}) {
    fs::path existing = folder;
    while (!fs::exists(existing) && existing.has_relative_path()) existing = existing.parent_path();
    struct statvfs info {};
    const bool is_known = ::statvfs(existing.c_str(), &info) == 0;
    const double free_bytes = static_cast<double>(info.f_bavail) * static_cast<double>(info.f_frsize);
    found.push_back({"disk", name, is_known, fmt::format("{} free in {}", format_bytes(free_bytes), folder.string()),
                     "runs and downloads", ""});
  }
}

/// A shared library asked for its version through its own function, if this process has it loaded: true at run time, not at build
/// time.
struct Library {
  const char *name, *symbol;
  enum { text, text_of_zero, number_100, dnnl } kind;
  const char* needed_for;
};

std::string version_of(const Library& library) {
  void* symbol = ::dlsym(RTLD_DEFAULT, library.symbol);
  if (symbol == nullptr) return "";
  switch (library.kind) {
    case Library::text:
      return reinterpret_cast<const char* (*)()>(symbol)();
    case Library::text_of_zero:
      return reinterpret_cast<const char* (*)(int)>(symbol)(0);
    case Library::number_100: {
      const unsigned version = reinterpret_cast<unsigned (*)()>(symbol)();
      return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
    }
    case Library::dnnl:
      break;
  }
  struct Version {  // the head of dnnl_version_t, the same in oneDNN 2 and 3
    int major, minor, patch;
  };
  const auto* version = reinterpret_cast<const Version* (*)()>(symbol)();
  return fmt::format("{}.{}.{}", version->major, version->minor, version->patch);
}

void examine_libraries(Findings& found) {
  static constexpr Library libraries[] = {
      {"oneDNN", "dnnl_version", Library::dnnl, "matrix products"},
      {"oneTBB", "TBB_runtime_version", Library::text, "threads"},
      {"zstd", "ZSTD_versionString", Library::text, "compressed documents"},
      {"zlib", "zlibVersion", Library::text, "compressed documents"},
      {"liblzma", "lzma_version_string", Library::text, "xz, the measure beside the model"},
      {"libarchive", "archive_version_string", Library::text, "reading packages and archives"},
      {"libcurl", "curl_version", Library::text, "downloads"},
      {"OpenSSL", "OpenSSL_version", Library::text_of_zero, "SHA-256"},
      {"xxHash", "XXH_versionNumber", Library::number_100, "hash tables"},
  };
  for (const Library& library : libraries)
    if (const std::string version = version_of(library); !version.empty())
      found.push_back({"libraries", library.name, true, version, library.needed_for, ""});
}

void examine_tools(Findings& found) {
  struct Tool {
    const char *name, *needed_for, *install;
  };
  static constexpr Tool tools[] = {
      {"apt-get", "sources of kind deb:NAME", "Debian or Ubuntu; elsewhere give a folder as uri"},
      {"chromium", "the test that opens the report in a browser", "apt-get install chromium"},
      {"mpirun", "training on several ranks", "apt-get install openmpi-bin"},
      {"srun", "training as a Slurm job (docs/slurm.md)", "apt-get install slurm-client, on a cluster that has Slurm"},
      {"bwrap", "running proof assistants apart, not in this version", "apt-get install bubblewrap"},
      {"coqtop", "Coq proofs, not in this version", "apt-get install coq"},
      {"lean", "Lean proofs, not in this version", "the elan installer of the Lean project"},
      {"isabelle", "Isabelle proofs, not in this version", "the Isabelle project's own archive"},
  };
  for (const Tool& tool : tools) {
    const auto path = find_program(tool.name);
    found.push_back({"tools", tool.name, path.has_value(), path ? path->string() : "", tool.needed_for, tool.install});
  }
  // Importing torch takes seconds; its folder says as much.
  const fs::path torch = "/usr/lib/python3/dist-packages/torch/version.py";
  std::string version;
  if (fs::exists(torch)) {
    const std::string text = read_file(torch);
    const auto begin = text.find('\''), end = text.find('\'', begin + 1);
    version = end == std::string::npos ? "version unknown" : text.substr(begin + 1, end - begin - 1);
  }
  found.push_back({"tools", "PyTorch (python3)", !version.empty(), version, "tests against PyTorch, and bench's peer",
                   "apt-get install python3-torch libopenblas0-pthread"});
}

void examine_gpu(Findings& found) {
  std::string model;
  std::error_code error;
  for (const auto& gpu : fs::directory_iterator("/proc/driver/nvidia/gpus", error)) {
    const std::string about = read_file(gpu.path() / "information");
    const auto begin = about.find("Model:"), end = about.find('\n', begin);
    if (begin == std::string::npos) continue;
    std::string name = about.substr(begin + 6, end - begin - 6);
    name.erase(0, name.find_first_not_of(" \t"));
    model += (model.empty() ? "" : ", ") + name;
  }
  found.push_back({"GPU", "NVIDIA driver", !model.empty(), model, "computing on a GPU", "the distribution's nvidia-driver package"});
  const GpuSearch search = find_gpu();
  if (!search.gpu) {
    found.push_back({"GPU", "CUDA", false, "", "training on a GPU", search.why_not});
    return;
  }
  const GpuInfo& gpu = *search.gpu;
  found.push_back({"GPU", "CUDA", true,
                   fmt::format("{}, compute capability {}.{}, {} free of {}, driver for CUDA {}.{}", gpu.name, gpu.major, gpu.minor,
                               format_bytes(static_cast<double>(gpu.free_bytes)), format_bytes(static_cast<double>(gpu.memory_bytes)),
                               gpu.driver_version / 1000, gpu.driver_version % 1000 / 10),
                   "", ""});
  try {
    found.push_back({"GPU", "cuBLASLt", true, matmul_library(), "", ""});
  } catch (const Error& error) {
    found.push_back({"GPU", "cuBLASLt", false, "", "matrix products on a GPU", error.what()});
  }
  if constexpr (cuda::kHasCudnn)
    found.push_back({"GPU", "cuDNN", cuda::find_cudnn_version() > 0, fmt::format("version {}", cuda::find_cudnn_version()),
                     "attention twice as fast as by our own kernels", "cuDNN 9.10.2 or later, its folder in LD_LIBRARY_PATH"});
}

void examine_sandbox(Findings& found) {
  const SandboxAbilities can = sandbox_abilities();
  const char* use = "running proof assistants apart, not in this version";
  found.push_back({"sandbox", "landlock", can.landlock_version > 0, fmt::format("interface version {}", can.landlock_version), use,
                   "Linux 5.13 or later with landlock in its lsm= list"});
  found.push_back({"sandbox", "seccomp filters", can.seccomp_filters, "", use, "a kernel with CONFIG_SECCOMP_FILTER"});
  found.push_back({"sandbox", "user namespaces", can.user_namespaces, "", use,
                   "sysctl kernel.unprivileged_userns_clone=1, or a less strict container"});
}

}  // namespace

std::vector<Finding> examine_machine() {
  Findings found;
  examine_processor(found);
  examine_disk(found);
  examine_libraries(found);
  examine_tools(found);
  examine_gpu(found);
  examine_sandbox(found);
  return found;
}

Json findings_to_json(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings)
    list.push_back({{"group", finding.group},
                    {"name", finding.name},
                    {"present", finding.is_present},
                    {"value", finding.is_present ? finding.value : ""},
                    {"needed_for", finding.needed_for},
                    {"install", finding.install}});
  return list;
}

std::string findings_to_table(const std::vector<Finding>& findings) {
  std::string table, group;
  for (const Finding& finding : findings) {
    if (finding.group != group) {
      table += (group.empty() ? "" : "\n") + finding.group + "\n";
      group = finding.group;
    }
    if (finding.is_present)
      table += fmt::format("  {:<32} {}\n", finding.name, finding.value.empty() ? "yes" : finding.value);
    else
      table += fmt::format("  {:<32} no: needed for {}{}\n", finding.name, finding.needed_for,
                           finding.install.empty() ? "" : "; get it: " + finding.install);
  }
  return table;
}

void add_doctor_command(CLI::App& app) {
  auto* command = app.add_subcommand("doctor", "What this machine has: processor, memory, disk, libraries, tools, sandbox");
  auto as_json = std::make_shared<bool>(false);
  command->add_flag("--json", *as_json, "one JSON array instead of a table");
  command->footer("Example: corollary doctor --json");
  command->callback([as_json] {
    const auto findings = examine_machine();
    std::fputs((*as_json ? findings_to_json(findings).dump(2) + "\n" : findings_to_table(findings)).c_str(), stdout);
  });
}

}  // namespace corollary
