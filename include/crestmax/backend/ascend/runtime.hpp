// Kernels compiled at run time by Huawei's CANN toolkit (aclrtc), kept in the caller's cache, and launched on the caller's
// stream. Compiled only with CRESTMAX_WITH_CANN; needs CANN 9.1 and links ascendcl and acl_rtc.
//
// Every error code of an entry point becomes a status that names the entry point and the code.
#pragma once

#if defined(CRESTMAX_WITH_CANN)

#include <acl/acl.h>
#include <acl/acl_rt_compile.h>

#include <cstdlib>
#include <cstring>

#include "../../error.hpp"
#include "source.hpp"

#include "../../names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

namespace cann {

// aclrtLaunchKernelWithArgsArray came with this version.
inline constexpr long least_major = 9;
inline constexpr long least_minor = 1;

// What an entry point answered, and what CANN says about it.
inline status failure(status_code code, const char* entry_point, aclError given) {
  const char* more = aclGetRecentErrMsg();
  status s{};
  s.code = code;
  std::snprintf(s.text, sizeof s.text, "%s: expected success, given error %d%s%s", entry_point, static_cast<int>(given),
                more != nullptr && *more != 0 ? ": " : "", more != nullptr ? more : "");
  return s;
}

// Where this library's headers are: the kernel is compiled from them, so they must be there at run time too.
// CRESTMAX_INCLUDE_FOLDER overrides the place that they were found in when the program was built.
#if defined(CRESTMAX_INCLUDE_FOLDER)
inline constexpr const char* include_folder = CRESTMAX_INCLUDE_FOLDER;
inline constexpr std::size_t include_folder_length = sizeof(CRESTMAX_INCLUDE_FOLDER) - 1;
#else
inline constexpr const char* include_folder = __FILE__;
inline constexpr std::size_t include_folder_length = sizeof(__FILE__) - sizeof("/crestmax/backend/ascend/runtime.hpp");
#endif

// The kernels that were compiled so far, and what is known of their device. Owned by the caller, who uses it from one
// thread at a time and destroys it when none of its kernels runs any more, before aclFinalize().
class kernel_cache {
 public:
  static constexpr int capacity = 32;
  static constexpr std::size_t most_binary_bytes = std::size_t{1} << 30;

  // Headers in the folder that they were built from, or in another one.
  kernel_cache() : folder_(include_folder), folder_length_(include_folder_length) {}
  explicit kernel_cache(const char* folder) : folder_(folder), folder_length_(std::strlen(folder)) {}
  ~kernel_cache() { clear(); }
  kernel_cache(const kernel_cache&) = delete;
  kernel_cache& operator=(const kernel_cache&) = delete;

  int size() const { return size_; }
  // What the compiler said when it last failed, as far as 4 KB hold it; the status has the beginning.
  const char* log() const { return log_; }

  void clear() {
    for (; size_ > 0; --size_) aclrtBinaryUnLoad(kernels_[size_ - 1].binary);  // nobody is left to tell
  }

  // Ok, or why kernels cannot be compiled or run here. Asks once, and again when the current device has changed.
  status describe(npu::device_properties& properties) {
    std::int32_t device = 0;
    if (const aclError e = aclrtGetDevice(&device); e != ACL_SUCCESS) {
      return failure(status_code::unavailable, "aclrtGetDevice", e);
    }
    if (device != device_) {
      if (size_ > 0) return error(status_code::mismatch, "kernel_cache", "the device of its kernels:", device_, device);
      npu::device_properties found;
      if (status s = ask(device, found); !s.ok()) return s;
      properties_ = found;
      device_ = device;
    }
    properties = properties_;
    return success();
  }

  // The kernel for `key`, compiled if it is not here yet; `words` is the number of its parameters.
  status find(const npu::kernel_key& key, std::size_t words, aclrtFuncHandle& function) {
    for (int i = 0; i < size_; ++i) {
      if (kernels_[i].key != key) continue;
      function = kernels_[i].function;
      return success();
    }
    if (size_ == capacity) return error(status_code::out_of_memory, "kernel_cache", "kernels at most:", capacity, size_ + 1);
    entry made{key, nullptr, nullptr};
    if (status s = compile(key, words, made); !s.ok()) return s;
    kernels_[size_++] = made;
    function = made.function;
    return success();
  }

 private:
  struct entry {
    npu::kernel_key key;
    aclrtBinHandle binary;
    aclrtFuncHandle function;
  };
  struct program {
    aclrtcProg handle = nullptr;
    ~program() {
      if (handle != nullptr) aclrtcDestroyProg(&handle);
    }
  };
  struct buffer {
    char* data = nullptr;
    ~buffer() { std::free(data); }
    char* take(std::size_t bytes) { return data = static_cast<char*>(std::malloc(bytes + 1)); }
  };

  static status ask(std::int32_t device, npu::device_properties& found) {
    aclCANNPackageVersion version{};
    if (const aclError e = aclsysGetCANNVersion(ACL_PKG_NAME_CANN, &version); e != ACL_SUCCESS) {
      return failure(status_code::unavailable, "aclsysGetCANNVersion", e);
    }
    const long major = std::strtol(version.majorVersion, nullptr, 10);
    const long minor = std::strtol(version.minorVersion, nullptr, 10);
    if (major < least_major || (major == least_major && minor < least_minor)) {
      return error_text(status_code::unavailable, "CANN", "version 9.1 or newer", version.version);
    }
    const char* chip = aclrtGetSocName();
    if (chip == nullptr) return error_text(status_code::unavailable, "aclrtGetSocName", "a name", "none");
    const auto begins = [&](const char* with) { return std::strncmp(chip, with, std::strlen(with)) == 0; };
    if (begins("Ascend910B") || begins("Ascend910_93")) {
      found.generation = npu::generation::atlas_2201;
    } else if (begins("Ascend950")) {
      found.generation = npu::generation::atlas_3510;
    } else {
      return error_text(status_code::unavailable, "device", "Ascend910B, Ascend910_93 or Ascend950", chip);
    }
    std::int64_t cores = 0;
    if (const aclError e = aclrtGetDeviceInfo(static_cast<std::uint32_t>(device), ACL_DEV_ATTR_CUBE_CORE_NUM, &cores);
        e != ACL_SUCCESS) {
      return failure(status_code::unavailable, "aclrtGetDeviceInfo", e);
    }
    if (cores < 1 || cores > 4096) return error(status_code::unavailable, "device", "cube cores, 1 to 4096", cores);
    found.cube_cores = static_cast<std::int32_t>(cores);
    return success();
  }

  status compile(const npu::kernel_key& key, std::size_t words, entry& made) {
    char source[4096];
    if (const std::size_t length = npu::write_source(key, words, source); length >= sizeof source) {
      return error(status_code::not_compiled, "kernel source", "characters below", sizeof source, static_cast<index_type>(length));
    }
    char name[64];
    npu::write_name(key, name);
    char folder[1024];
    if (folder_length_ + sizeof "-I" > sizeof folder) {
      return error(status_code::bad_option, "kernel_cache", "a folder of headers whose path has at most",
                   sizeof folder - sizeof "-I", static_cast<index_type>(folder_length_));
    }
    std::snprintf(folder, sizeof folder, "-I%.*s", static_cast<int>(folder_length_), folder_);
    char chip[32];
    std::snprintf(chip, sizeof chip, "--npu-arch=%s", npu::architecture(key.generation));

    program p;
    if (const aclError e = aclrtcCreateProg(&p.handle, source, name, 0, nullptr, nullptr); e != ACL_SUCCESS) {
      return failure(status_code::not_compiled, "aclrtcCreateProg", e);
    }
    const char* flags[] = {chip, folder, "-O2"};
    if (const aclError e = aclrtcCompileProg(p.handle, 3, flags); e != ACL_SUCCESS) return complain(p.handle, e);
    std::size_t bytes = 0;
    if (const aclError e = aclrtcGetBinDataSize(p.handle, &bytes); e != ACL_SUCCESS) {
      return failure(status_code::not_compiled, "aclrtcGetBinDataSize", e);
    }
    buffer code;
    if (bytes == 0 || bytes > most_binary_bytes || code.take(bytes) == nullptr) {
      return error(status_code::out_of_memory, "kernel", "a binary that memory holds, bytes from 1 to",
                   static_cast<index_type>(most_binary_bytes), static_cast<index_type>(bytes));
    }
    if (const aclError e = aclrtcGetBinData(p.handle, code.data); e != ACL_SUCCESS) {
      return failure(status_code::not_compiled, "aclrtcGetBinData", e);
    }
    if (const aclError e = aclrtBinaryLoadFromData(code.data, bytes, nullptr, &made.binary); e != ACL_SUCCESS) {
      return failure(status_code::device_error, "aclrtBinaryLoadFromData", e);
    }
    if (const aclError e = aclrtBinaryGetFunction(made.binary, name, &made.function); e != ACL_SUCCESS) {
      const status s = failure(status_code::device_error, "aclrtBinaryGetFunction", e);
      aclrtBinaryUnLoad(made.binary);
      return s;
    }
    return success();
  }

  // The status of a compilation that failed, with what its log says from the first error on.
  status complain(aclrtcProg handle, aclError given) {
    log_[0] = 0;
    std::size_t bytes = 0;
    buffer whole;
    if (aclrtcGetCompileLogSize(handle, &bytes) == ACL_SUCCESS && bytes > 0 && whole.take(bytes) != nullptr &&
        aclrtcGetCompileLog(handle, whole.data) == ACL_SUCCESS) {
      whole.data[bytes] = 0;
      std::snprintf(log_, sizeof log_, "%s", whole.data);
    }
    if (log_[0] == 0) return failure(status_code::not_compiled, "aclrtcCompileProg", given);
    const char* first = std::strstr(whole.data, "error");
    while (first != nullptr && first > whole.data && first[-1] != '\n') --first;
    status s{};
    s.code = status_code::not_compiled;
    std::snprintf(s.text, sizeof s.text, "aclrtcCompileProg: expected success, given error %d: %s", static_cast<int>(given),
                  first != nullptr ? first : whole.data);
    return s;
  }

  const char* folder_;
  std::size_t folder_length_;
  std::int32_t device_ = -1;
  npu::device_properties properties_;
  int size_ = 0;
  entry kernels_[capacity];
  char log_[4096] = {};
};

// The device behind backend::ascend: a stream of the current device, and a cache for its kernels.
struct stream_device {
  aclrtStream stream = nullptr;
  kernel_cache* cache = nullptr;

  using kernel = aclrtFuncHandle;

  status describe(npu::device_properties& properties) const {
    if (cache == nullptr) return error_text(status_code::null_pointer, "cache", "a kernel_cache", "null");
    if (stream == nullptr) return error_text(status_code::null_pointer, "stream", "a stream", "null");
    return cache->describe(properties);
  }
  status prepare(const npu::kernel_key& key, std::size_t words, kernel& k) const { return cache->find(key, words, k); }

  // Enqueues the kernel on `blocks` cube cores, each with its two vector cores.
  status launch(kernel k, std::uint32_t blocks, std::span<std::uint64_t> words) const {
    void* parameters[64];
    if (words.size() > 64) {
      return error(status_code::device_error, "kernel", "parameters at most:", 64, static_cast<index_type>(words.size()));
    }
    for (std::size_t i = 0; i < words.size(); ++i) parameters[i] = &words[i];
    if (const aclError e = aclrtLaunchKernelWithArgsArray(k, blocks, stream, nullptr, parameters); e != ACL_SUCCESS) {
      return failure(status_code::device_error, "aclrtLaunchKernelWithArgsArray", e);
    }
    return success();
  }
  // Waits for the stream, then copies from the device.
  status read(void* to, const void* from, std::size_t bytes) const {
    if (const aclError e = aclrtSynchronizeStream(stream); e != ACL_SUCCESS) {
      return failure(status_code::device_error, "aclrtSynchronizeStream", e);
    }
    if (const aclError e = aclrtMemcpy(to, bytes, from, bytes, ACL_MEMCPY_DEVICE_TO_HOST); e != ACL_SUCCESS) {
      return failure(status_code::device_error, "aclrtMemcpy", e);
    }
    return success();
  }
};

}  // namespace cann

CRESTMAX_END_NAMESPACE

#include "../../names_back.inc"

#endif  // CRESTMAX_WITH_CANN
