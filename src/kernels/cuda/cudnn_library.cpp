#include "kernels/cuda/cudnn_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <vector>

namespace corollary::cuda {
namespace {

/// The function of that name, whose type is that of the place it is put.
template <class Function>
bool find_function(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(handle, name));
  return function != nullptr;
}

bool find_functions(void* handle, CudnnLibrary& library) {
  return find_function(handle, "cudnnGetVersion", library.get_version) &&
         find_function(handle, "cudnnGetErrorString", library.get_error_string) &&
         find_function(handle, "cudnnGetLastErrorString", library.get_last_error_string) &&
         find_function(handle, "cudnnCreate", library.create) && find_function(handle, "cudnnSetStream", library.set_stream) &&
         find_function(handle, "cudnnBackendCreateDescriptor", library.create_descriptor) &&
         find_function(handle, "cudnnBackendDestroyDescriptor", library.destroy_descriptor) &&
         find_function(handle, "cudnnBackendSetAttribute", library.set_attribute) &&
         find_function(handle, "cudnnBackendGetAttribute", library.get_attribute) &&
         find_function(handle, "cudnnBackendFinalize", library.finalize) &&
         find_function(handle, "cudnnBackendExecute", library.execute);
}

std::vector<std::string> places() {
  if (const char* own = std::getenv("COROLLARY_CUDNN"); own && *own) return {own};
  return {"libcudnn.so.9", "/usr/local/cuda/lib64/libcudnn.so.9", "/usr/lib/x86_64-linux-gnu/libcudnn.so.9"};
}

CudnnSearch load() {
  std::string tried;
  for (const std::string& place : places()) {
    // Never closed: its threads and its GPU state live as long as the process.
    void* handle = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      tried += std::string(tried.empty() ? "" : "; ") + dlerror();
      continue;
    }
    static CudnnLibrary library;
    if (!find_functions(handle, library)) {
      tried += (tried.empty() ? "" : "; ") + place + " lacks functions of cuDNN 9";
      continue;
    }
    library.path = place;
    library.version = library.get_version();
    return {&library, ""};
  }
  return {nullptr,
          "cuDNN 9 could not be loaded (" + tried +
              "): install it (pip install nvidia-cudnn-cu13), put its folder into LD_LIBRARY_PATH, or let COROLLARY_CUDNN name "
              "libcudnn.so.9"};
}

}  // namespace

const CudnnSearch& find_cudnn() {
  static const CudnnSearch search = load();
  return search;
}

const CudnnLibrary& cudnn() {
  const CudnnSearch& search = find_cudnn();
  check(search.library != nullptr, "cuDNN: ", search.why_not);
  return *search.library;
}

void check_cudnn(cudnnStatus_t status, Message what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char details[1024] = "";
  cudnn().get_last_error_string(details, sizeof(details));
  fail(what, ": cuDNN ", cudnn().version, " says ", cudnn().get_error_string(status), *details ? ": " : "", details);
}

}  // namespace corollary::cuda
