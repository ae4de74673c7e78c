# cmake -D INCLUDE=folder of the headers -D OUTPUT=greedy.inc -P greedy.cmake: a function that takes anything for every name that is
# called in the headers.
cmake_minimum_required(VERSION 3.22)
# Words of the language, and names by which the standard library lets itself be customised.
set(others alignas alignof and asm auto bool catch char const_cast reinterpret_cast static_cast concept const consteval constexpr constinit decltype default delete do double
    else enum explicit export extern false float for friend goto if inline int long mutable namespace new noexcept not nullptr
    offsetof     operator or private protected public register requires return short signed sizeof static static_assert struct switch
    template this throw true try typedef typeid typename union unsigned using virtual void volatile while xor
    assert begin data defined end get iter_move iter_swap size swap)
file(GLOB_RECURSE files "${INCLUDE}/crestmax/*.hpp" "${INCLUDE}/crestmax/*.inc")
set(names "")
foreach(file ${files})
  if(file MATCHES "backend/ascend/kernel")  # device code: no type of the program's comes there
    continue()
  endif()
  file(READ "${file}" text)
  string(REGEX REPLACE "//[^\n]*" "" text "${text}")
  string(REGEX MATCHALL "[a-z][a-z0-9_]*(<[^<>();]*>)?\\(" calls "${text}")
  list(APPEND names ${calls})
endforeach()
list(TRANSFORM names REPLACE "[<(].*" "")
list(REMOVE_DUPLICATES names)
list(REMOVE_ITEM names ${others})
list(SORT names)
list(LENGTH names count)
if(count LESS 100)
  message(FATAL_ERROR "only ${count} names in ${INCLUDE}")
endif()
set(text "")
foreach(name ${names})
  string(APPEND text "template <class... Arguments>\ntypename looked_up<Arguments...>::type ${name}(Arguments&&...);\n")
endforeach()
file(WRITE "${OUTPUT}" "${text}")
