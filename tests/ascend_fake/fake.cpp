#include "fake.hpp"

#include <acl/acl.h>
#include <acl/acl_rt_compile.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>

namespace ascend_fake {

state& now() {
  static state s;
  return s;
}

namespace {

struct program {
  std::string name;
};
struct binary {
  std::string name;
};
std::set<program*> programs;
std::set<binary*> binaries;
std::set<std::string> names;  // functions live as long as the process: their handles are these strings

// Notes a call; the error that it is told to answer, or 0.
int called(const char* entry_point) {
  now().calls.emplace_back(entry_point);
  const auto found = now().failing.find(entry_point);
  return found == now().failing.end() ? ACL_SUCCESS : found->second;
}
int misuse(const std::string& what) {
  now().misuses.push_back(what);
  return 100000;
}

}  // namespace
}  // namespace ascend_fake

using namespace ascend_fake;

extern "C" {

aclError aclsysGetCANNVersion(aclCANNPackageName, aclCANNPackageVersion* version) {
  if (const int e = called("aclsysGetCANNVersion")) return e;
  const std::string& text = now().version;
  const std::size_t dot = text.find('.');
  std::snprintf(version->version, sizeof version->version, "%s", text.c_str());
  std::snprintf(version->majorVersion, sizeof version->majorVersion, "%s", text.substr(0, dot).c_str());
  std::snprintf(version->minorVersion, sizeof version->minorVersion, "%s", text.substr(dot + 1, 1).c_str());
  return ACL_SUCCESS;
}
const char* aclGetRecentErrMsg() { return now().message.empty() ? nullptr : now().message.c_str(); }
const char* aclrtGetSocName() {
  called("aclrtGetSocName");
  return now().no_chip ? nullptr : now().chip.c_str();
}
aclError aclrtGetDevice(int32_t* device) {
  if (const int e = called("aclrtGetDevice")) return e;
  *device = now().device;
  return ACL_SUCCESS;
}
aclError aclrtGetDeviceInfo(uint32_t device, aclrtDevAttr attribute, int64_t* value) {
  if (const int e = called("aclrtGetDeviceInfo")) return e;
  if (static_cast<int32_t>(device) != now().device || attribute != ACL_DEV_ATTR_CUBE_CORE_NUM) return misuse("aclrtGetDeviceInfo");
  *value = now().cores;
  return ACL_SUCCESS;
}

aclError aclrtcCreateProg(aclrtcProg* made, const char* source, const char* name, int headers, const char**, const char**) {
  if (const int e = called("aclrtcCreateProg")) return e;
  if (headers != 0) return misuse("aclrtcCreateProg: headers");
  auto* p = new program{name};
  programs.insert(p);
  ++now().programs;
  now().sources.emplace_back(source);
  *made = p;
  return ACL_SUCCESS;
}
static program* known(aclrtcProg handle) {
  auto* p = static_cast<program*>(handle);
  return programs.count(p) != 0 ? p : nullptr;
}
aclError aclrtcCompileProg(aclrtcProg handle, int count, const char** texts) {
  now().options.emplace_back(texts, texts + count);
  if (const int e = called("aclrtcCompileProg")) return e;
  return known(handle) != nullptr ? ACL_SUCCESS : misuse("aclrtcCompileProg");
}
aclError aclrtcDestroyProg(aclrtcProg* handle) {
  if (known(*handle) == nullptr) return misuse("aclrtcDestroyProg");
  programs.erase(static_cast<program*>(*handle));
  delete static_cast<program*>(*handle);
  --now().programs;
  *handle = nullptr;
  return called("aclrtcDestroyProg");
}
aclError aclrtcGetBinDataSize(aclrtcProg handle, size_t* bytes) {
  if (const int e = called("aclrtcGetBinDataSize")) return e;
  if (known(handle) == nullptr) return misuse("aclrtcGetBinDataSize");
  *bytes = now().binary_bytes;
  return ACL_SUCCESS;
}
// The "binary" is the name of its function, then zeros.
aclError aclrtcGetBinData(aclrtcProg handle, char* data) {
  if (const int e = called("aclrtcGetBinData")) return e;
  if (known(handle) == nullptr) return misuse("aclrtcGetBinData");
  std::memset(data, 0, now().binary_bytes);
  const std::string& name = known(handle)->name;
  std::memcpy(data, name.data(), std::min(name.size(), now().binary_bytes));
  return ACL_SUCCESS;
}
aclError aclrtcGetCompileLogSize(aclrtcProg handle, size_t* bytes) {
  if (const int e = called("aclrtcGetCompileLogSize")) return e;
  if (known(handle) == nullptr) return misuse("aclrtcGetCompileLogSize");
  *bytes = now().log.size();
  return ACL_SUCCESS;
}
aclError aclrtcGetCompileLog(aclrtcProg handle, char* log) {
  if (const int e = called("aclrtcGetCompileLog")) return e;
  if (known(handle) == nullptr) return misuse("aclrtcGetCompileLog");
  std::memcpy(log, now().log.data(), now().log.size());  // without a zero: the size does not promise one
  return ACL_SUCCESS;
}

aclError aclrtBinaryLoadFromData(const void* data, size_t length, const aclrtBinaryLoadOptions*, aclrtBinHandle* handle) {
  if (const int e = called("aclrtBinaryLoadFromData")) return e;
  auto* b = new binary{std::string(static_cast<const char*>(data), strnlen(static_cast<const char*>(data), length))};
  binaries.insert(b);
  ++now().binaries;
  *handle = b;
  return ACL_SUCCESS;
}
aclError aclrtBinaryUnLoad(aclrtBinHandle handle) {
  auto* b = static_cast<binary*>(handle);
  if (binaries.count(b) == 0) return misuse("aclrtBinaryUnLoad");
  binaries.erase(b);
  delete b;
  --now().binaries;
  return called("aclrtBinaryUnLoad");
}
aclError aclrtBinaryGetFunction(const aclrtBinHandle handle, const char* name, aclrtFuncHandle* made) {
  if (const int e = called("aclrtBinaryGetFunction")) return e;
  auto* b = static_cast<binary*>(handle);
  if (binaries.count(b) == 0 || b->name != name) return misuse("aclrtBinaryGetFunction");
  *made = const_cast<std::string*>(&*names.insert(name).first);
  return ACL_SUCCESS;
}
aclError aclrtLaunchKernelWithArgsArray(void* handle, uint32_t blocks, aclrtStream stream, aclrtLaunchKernelCfg*, void** arguments) {
  if (const int e = called("aclrtLaunchKernelWithArgsArray")) return e;
  launch l{*static_cast<const std::string*>(handle), blocks, stream, {}};
  for (std::size_t i = 0; i < now().parameters; ++i) l.words.push_back(*static_cast<std::uint64_t*>(arguments[i]));
  now().launches.push_back(std::move(l));
  return ACL_SUCCESS;
}
aclError aclrtSynchronizeStream(aclrtStream) { return called("aclrtSynchronizeStream"); }
aclError aclrtMemcpy(void* to, size_t room, const void* from, size_t count, aclrtMemcpyKind kind) {
  if (const int e = called("aclrtMemcpy")) return e;
  if (room < count || kind != ACL_MEMCPY_DEVICE_TO_HOST) return misuse("aclrtMemcpy");
  std::memcpy(to, from, count);
  return ACL_SUCCESS;
}
}
