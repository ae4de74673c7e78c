# Each page is one program that checks its own result; captures/ is the main job behind examples/run.
find_package(Threads REQUIRED)

set(crestmax_examples "${PROJECT_SOURCE_DIR}/examples")

# The quickstart does nothing but include the headers. The others share kernels, as larger programs will: each saves
# the time that compiling them takes.
function(crestmax_add_example name)
  add_executable(crestmax_example_${name} ${ARGN})
  target_link_libraries(crestmax_example_${name} PRIVATE crestmax_strict Threads::Threads)
  if(NOT name STREQUAL "quickstart")
    target_link_libraries(crestmax_example_${name} PRIVATE crestmax_kernels)
  endif()
endfunction()

foreach(example quickstart engine_threads paged_decode custom_modifier kept_mask split_and_merge ring_buffer speculative_tree own_encoding
                quantised_cache)
  crestmax_add_example(${example} "${crestmax_examples}/${example}.cpp")
  if(CRESTMAX_BUILD_TESTS)
    add_test(NAME "examples: ${example}" COMMAND crestmax_example_${example})
  endif()
endforeach()

# The dial over a cache in planes, on a capture of its own.
crestmax_add_example(planes "${crestmax_examples}/planes.cpp")
if(CRESTMAX_BUILD_TESTS)
  add_test(NAME "examples: planes" COMMAND crestmax_example_planes "${crestmax_examples}/data")
endif()

# C, and linked with what C++ has compiled.
add_executable(crestmax_example_c_engine "${crestmax_examples}/c_engine.c")
set_target_properties(crestmax_example_c_engine PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF)
target_link_libraries(crestmax_example_c_engine PRIVATE crestmax_c_of_kernels Threads::Threads)
if(CRESTMAX_BUILD_TESTS)
  add_test(NAME "examples: c_engine" COMMAND crestmax_example_c_engine)
endif()

file(GLOB crestmax_captures_sources CONFIGURE_DEPENDS "${crestmax_examples}/captures/*.cpp")
crestmax_add_example(captures ${crestmax_captures_sources})
if(CRESTMAX_BUILD_TESTS)
  add_test(NAME "examples: captures" COMMAND crestmax_example_captures --quick "${crestmax_examples}/data")
endif()
