#include "device/cuda/shared_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <vector>

#include "base/error.h"

namespace corollary::cuda {

SharedLibrary::SharedLibrary(const char* title, const char* variable, const char* soname) : title_(title) {
  std::vector<std::string> places;
  if (const char* named = std::getenv(variable); named != nullptr && *named != '\0') places.emplace_back(named);
  places.emplace_back(soname);
  for (const char* folder : {"/usr/local/cuda/lib64/", "/usr/lib/x86_64-linux-gnu/"}) places.push_back(std::string(folder) + soname);
  std::string reasons;
  for (const std::string& place : places) {
    path_ = place;
    handle_ = ::dlopen(place.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (handle_ != nullptr) return;
    const char* reason = ::dlerror();
    reasons += "\n  " + std::string(reason != nullptr ? reason : place.c_str());
  }
  fail("cannot load ", title_, ": install it, add its folder to LD_LIBRARY_PATH, or name the file in ", variable, ":", reasons);
}

void* SharedLibrary::symbol(const char* name) const {
  void* const found = ::dlsym(handle_, name);
  check(found != nullptr, "", title_, " at ", path_, " has no ", name, ": it is too old or too new for this program");
  return found;
}

}  // namespace corollary::cuda
