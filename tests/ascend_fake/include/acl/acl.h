// The entry points of CANN that the library calls, by name and signature as documented; what they do is in fake.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

typedef int aclError;
#define ACL_SUCCESS 0

typedef void* aclrtStream;
typedef void* aclrtBinHandle;
typedef void* aclrtFuncHandle;
typedef struct aclrtBinaryLoadOptions aclrtBinaryLoadOptions;
typedef struct aclrtLaunchKernelCfg aclrtLaunchKernelCfg;

typedef enum aclrtMemcpyKind { ACL_MEMCPY_HOST_TO_HOST, ACL_MEMCPY_HOST_TO_DEVICE, ACL_MEMCPY_DEVICE_TO_HOST } aclrtMemcpyKind;
typedef enum aclrtMemMallocPolicy { ACL_MEM_MALLOC_HUGE_FIRST } aclrtMemMallocPolicy;
typedef enum aclrtDevAttr { ACL_DEV_ATTR_CUBE_CORE_NUM = 102 } aclrtDevAttr;
typedef enum aclCANNPackageName { ACL_PKG_NAME_CANN } aclCANNPackageName;
typedef struct aclCANNPackageVersion {
  char version[128];
  char majorVersion[64];
  char minorVersion[64];
} aclCANNPackageVersion;

aclError aclsysGetCANNVersion(aclCANNPackageName name, aclCANNPackageVersion* version);
const char* aclGetRecentErrMsg();
const char* aclrtGetSocName();
aclError aclrtGetDevice(int32_t* device);
aclError aclrtGetDeviceInfo(uint32_t device, aclrtDevAttr attribute, int64_t* value);
aclError aclrtBinaryLoadFromData(const void* data, size_t length, const aclrtBinaryLoadOptions* options,
                                 aclrtBinHandle* binary);
aclError aclrtBinaryUnLoad(aclrtBinHandle binary);
aclError aclrtBinaryGetFunction(const aclrtBinHandle binary, const char* name, aclrtFuncHandle* function);
aclError aclrtLaunchKernelWithArgsArray(void* function, uint32_t blocks, aclrtStream stream, aclrtLaunchKernelCfg* cfg,
                                        void** arguments);
// Of programs that use the library, not of the library: declared only.
aclError aclInit(const char* configuration);
aclError aclFinalize();
aclError aclrtSetDevice(int32_t device);
aclError aclrtResetDevice(int32_t device);
aclError aclrtCreateStream(aclrtStream* stream);
aclError aclrtDestroyStream(aclrtStream stream);
aclError aclrtMalloc(void** data, size_t bytes, aclrtMemMallocPolicy policy);
aclError aclrtFree(void* data);

aclError aclrtSynchronizeStream(aclrtStream stream);
aclError aclrtMemcpy(void* to, size_t room, const void* from, size_t count, aclrtMemcpyKind kind);
}
