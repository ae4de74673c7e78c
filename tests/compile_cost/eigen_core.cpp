// What the bars of compile time are told in: others' headers alone.
#include <Eigen/Core>
