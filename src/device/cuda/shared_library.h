#pragma once
#include <string>

namespace corollary::cuda {

/// A vendor's library, found by name when first needed and kept for the life of the process: a program built with CUDA starts on machines
/// that have none of it.
class SharedLibrary {
 public:
  /// Looks in the file that the environment variable `variable` names, then for `soname` where the system's loader looks
  /// (LD_LIBRARY_PATH, ldconfig), then in the CUDA toolkit's usual folders. Error saying where it looked and what to install.
  SharedLibrary(const char* title, const char* variable, const char* soname);
  /// Error naming the symbol if this version of the library lacks it.
  template <class Function>
  void load(Function*& function, const char* name) const {
    function = reinterpret_cast<Function*>(symbol(name));
  }
  const std::string& path() const { return path_; }  ///< as it was found

 private:
  void* symbol(const char* name) const;
  std::string title_, path_;
  void* handle_ = nullptr;
};

}  // namespace corollary::cuda
