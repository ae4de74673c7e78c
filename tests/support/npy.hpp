// Reads .npy files of float16, float32 or float64, C order, little endian.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "scalars.hpp"

namespace crestmax_test {

struct npy_array {
  scalar_kind kind = scalar_kind::float32;
  std::vector<index_type> shape;
  std::string bytes;

  double at(index_type i) const {
    return read_number(kind, reinterpret_cast<const std::byte*>(bytes.data()) + i * bytes_of(kind));
  }
};

// Fills `array` from a file's contents; an empty string, or what is wrong.
inline std::string parse_npy(const std::string& file, npy_array& array) {
  if (file.size() < 12 || file.compare(0, 6, "\x93NUMPY") != 0) return "not an npy file";
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(file[i]));
  };
  const bool short_header = file[6] == 1;
  const std::size_t start = short_header ? 10 : 12;
  const std::size_t length =
      short_header ? byte(8) + 256 * byte(9) : byte(8) + 256 * (byte(9) + 256 * (byte(10) + 256 * byte(11)));
  if (file.size() < start + length) return "the header is cut";
  const std::string header = file.substr(start, length);
  if (header.find("'fortran_order': False") == std::string::npos) return "not in C order";
  if (header.find("'<f2'") != std::string::npos)
    array.kind = scalar_kind::float16;
  else if (header.find("'<f4'") != std::string::npos)
    array.kind = scalar_kind::float32;
  else if (header.find("'<f8'") != std::string::npos)
    array.kind = scalar_kind::float64;
  else
    return "an element type that is not <f2, <f4 or <f8";
  const std::size_t open = header.find("'shape': (");
  if (open == std::string::npos) return "no shape";
  array.shape.clear();
  index_type count = 1;
  for (const char* at = header.c_str() + open + 10; *at != ')' && *at != '\0';) {
    char* end = nullptr;
    const long extent = std::strtol(at, &end, 10);
    if (end == at) {
      ++at;
      continue;
    }
    array.shape.push_back(extent);
    count *= extent;
    at = end;
  }
  array.bytes = file.substr(start + length);
  if (static_cast<index_type>(array.bytes.size()) != count * bytes_of(array.kind)) return "the data is cut";
  return "";
}

inline std::string read_npy(const std::string& path, npy_array& array) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return "cannot open " + path;
  const std::string file((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  const std::string trouble = parse_npy(file, array);
  return trouble.empty() ? trouble : path + ": " + trouble;
}

}  // namespace crestmax_test
