// The version, and the namespace of what it names: types and functions that do not depend on how a translation unit is
// compiled, so that units built with different flags can hand them to each other, as long as their headers are the same.
// C++17: device code includes it too.
#pragma once

#define CRESTMAX_VERSION_MAJOR 0
#define CRESTMAX_VERSION_MINOR 1
#define CRESTMAX_VERSION_PATCH 0

#define CRESTMAX_DETAIL_VERSION_(major, minor, patch) v##major##_##minor##_##patch
#define CRESTMAX_DETAIL_VERSION(major, minor, patch) CRESTMAX_DETAIL_VERSION_(major, minor, patch)
#define CRESTMAX_VERSION_NAMESPACE \
  CRESTMAX_DETAIL_VERSION(CRESTMAX_VERSION_MAJOR, CRESTMAX_VERSION_MINOR, CRESTMAX_VERSION_PATCH)

#define CRESTMAX_BEGIN_VERSION namespace crestmax { inline namespace CRESTMAX_VERSION_NAMESPACE {
#define CRESTMAX_END_VERSION }}
