// What must not compile; see interop.cmake. With CASE 0 it does.
#include <crestmax/interop/eigen.hpp>
#include <unsupported/Eigen/CXX11/Tensor>

void use() {
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows(2, 2);
  Eigen::Tensor<float, 4, Eigen::RowMajor> tensor(1, 2, 3, 4);
  crestmax::tensor<float> view = crestmax::as_tensor(rows);
  view = crestmax::as_tensor(tensor);
#if CASE == 1
  Eigen::MatrixXf columns(2, 2);
  view = crestmax::as_tensor(columns);
#elif CASE == 2
  Eigen::MatrixXf columns(2, 2);
  view.data = crestmax::as_tensor(columns, 1, view).ok() ? nullptr : view.data;
#elif CASE == 3
  Eigen::Tensor<float, 4> columns(1, 2, 3, 4);
  view = crestmax::as_tensor(columns);
#elif CASE == 4
  view = crestmax::as_tensor(Eigen::Matrix<float, 2, 2, Eigen::RowMajor>());
#elif CASE == 5
  Eigen::Tensor<float, 5, Eigen::RowMajor> five(1, 2, 3, 4, 5);
  view = crestmax::as_tensor(five);
#endif
}
