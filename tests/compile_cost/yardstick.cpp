// A translation unit that has nothing of this library: what the compiler takes for it says how fast a machine compiles.
#include <Eigen/Dense>

Eigen::MatrixXd solve(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) { return a.partialPivLu().solve(b); }
