#include "check_attention.hpp"

int main() { return consumer::check(); }
