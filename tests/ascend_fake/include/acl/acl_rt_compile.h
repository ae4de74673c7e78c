// The entry points of CANN's compiler at run time; see acl.h.
#pragma once

#include "acl.h"

extern "C" {
typedef void* aclrtcProg;

aclError aclrtcCreateProg(aclrtcProg* program, const char* source, const char* name, int headers,
                          const char** header_texts, const char** header_names);
aclError aclrtcCompileProg(aclrtcProg program, int options, const char** option_texts);
aclError aclrtcDestroyProg(aclrtcProg* program);
aclError aclrtcGetBinDataSize(aclrtcProg program, size_t* bytes);
aclError aclrtcGetBinData(aclrtcProg program, char* data);
aclError aclrtcGetCompileLogSize(aclrtcProg program, size_t* bytes);
aclError aclrtcGetCompileLog(aclrtcProg program, char* log);
}
