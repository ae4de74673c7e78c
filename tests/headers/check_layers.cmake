# cmake -P check_layers.cmake -- FOLDER: every include among the headers in FOLDER goes to a lower level.
#
# Levels from the top down. A file that is in none of them is a mistake: place it.
cmake_minimum_required(VERSION 3.22)
set(levels
    "crestmax.hpp c/implementation.hpp"
    "throwing.hpp interop/*.hpp c/append.hpp c/attached.hpp c/names.hpp"
    "c/call.hpp"
    "c/read.hpp"
    "attention.hpp append.hpp c/modifiers.hpp"
    # Writing into caches.
    "append/pages.hpp"
    "append/checks.hpp"
    "append/key_blocks.hpp"
    "append/rows.hpp"
    "append/rules.hpp append/options.hpp append/cache_bytes.hpp"
    "backend/cpu/encoders.hpp"
    "backend/cpu/text/encode.inc"
    "backend/cpu/text/encode_blocks.inc backend/cpu/text/encode_codes.inc backend/cpu/text/encode_scales.inc"
    "backend/cpu/text/encode_vectors.inc"
    "backend/cpu/encode_numbers.hpp"
    "arguments.hpp bound_call.hpp"
    "backend/automatic.hpp lengths.hpp runnable.hpp"
    "validate.hpp modifiers.hpp backend/cpu/backend.hpp backend/ascend/backend.hpp"
    "backend/cpu/policy.hpp backend/ascend/request.hpp backend/ascend/runtime.hpp backend/ascend/tiling_map.hpp"
    "backend/ascend/source.hpp"
    "backend/ascend/tiling.hpp"
    # The device's own, C++17: its kernel, and what host code shares with it.
    "backend/ascend/kernel.hpp"
    "backend/ascend/kernel_cube.hpp backend/ascend/kernel_vector.hpp"
    "backend/ascend/kernel_rows.hpp"
    "backend/ascend/kernel_traits.hpp"
    "backend/ascend/schedule.hpp"
    "backend/ascend/kernel_layout.hpp"
    "backend/ascend/arguments.hpp backend/ascend/target.hpp"
    # The method.
    "stages/pipeline.hpp"
    "stages/split.hpp"
    "stages/planes_refine.hpp"
    "stages/phases.hpp stages/planes_choose.hpp"
    "stages/coarse_max.hpp stages/correct.hpp stages/diagnose.hpp stages/untaken.hpp"
    "stages/planes_scan.hpp"
    "stages/block_start.hpp stages/guard.hpp stages/plateau.hpp stages/safe_margin.hpp stages/strides.hpp"
    "stages/accumulate.hpp"
    "stages/left_out.hpp stages/masks.hpp stages/special_values.hpp"
    "stages/operands.hpp"
    "stages/following.hpp"
    "backend/cpu/block.hpp backend/cpu/partials.hpp"
    # An instruction set each: its vectors, and the text of kernels over them.
    "backend/cpu/generic.hpp backend/cpu/portable.hpp backend/cpu/avx2.hpp backend/cpu/avx512.hpp backend/cpu/neon.hpp"
    "backend/cpu/amx.hpp backend/cpu/neon_bf16.hpp backend/cpu/avx2_vnni.hpp backend/cpu/avx512_vnni.hpp"
    "backend/cpu/avx512_bf16.hpp"
    "backend/cpu/avx2_vectors.hpp backend/cpu/avx512_vectors.hpp backend/cpu/neon_vectors.hpp"
    "backend/cpu/text/table.inc backend/cpu/entries.hpp"
    "backend/cpu/text/multiply.inc backend/cpu/text/tiles.inc backend/cpu/text/integer_outputs.inc"
    "backend/cpu/text/plane_refined.inc"
    "backend/cpu/text/pairs.inc backend/cpu/text/row_outputs.inc backend/cpu/text/integer_scores.inc backend/cpu/text/plane_products.inc"
    "backend/cpu/text/integer_codes.inc backend/cpu/text/modify.inc backend/cpu/text/row_scores.inc backend/cpu/text/rows.inc backend/cpu/text/tile_multiply.inc"
    "backend/cpu/text/planes.inc"
    "backend/cpu/text/decode.inc backend/cpu/text/exponential.inc backend/cpu/text/pack.inc backend/cpu/text/set.inc"
    "backend/cpu/text/codes_x86.inc"
    "backend/cpu/text/alone.hpp"
    "backend/cpu/kernels.hpp"
    "backend/cpu/ahead.hpp backend/cpu/block_place.hpp backend/cpu/rows_in_place.hpp"
    "backend/cpu/code_runs.hpp"
    "backend/cpu/runs.hpp backend/cpu/strip.hpp"
    "backend/cpu/numbers.hpp backend/cpu/pairs.hpp backend/cpu/plain_codes.hpp backend/cpu/rows_ahead.hpp backend/cpu/loss.hpp backend/concept.hpp"
    "backend/cpu/arena.hpp backend/cpu/counters.hpp"
    "plan_maker.hpp"
    "items.hpp planes_memory.hpp"
    "call.hpp planner.hpp"
    "modifiers/mask_tensor.hpp"
    "modifiers/positions.hpp modifiers/standard.hpp modifiers/tree_mask.hpp modifiers/view.hpp modifiers/build_mask_map.hpp intervals.hpp plan.hpp"
    "modifiers/rows.hpp modifiers/mask_map.hpp"
    "modifiers/mask_view.hpp coding_checks.hpp"
    # Vocabulary.
    "float_rules.hpp modifiers/concepts.hpp options.hpp execution.hpp kv_source.hpp memory_checks.hpp interop/rank.hpp"
    "place_marks.hpp merge_counts.hpp grains.hpp"
    "encodings.hpp"
    "tensor.hpp error.hpp float_state.hpp softmax_state.hpp mass_bound.hpp backend/cpu/features.hpp"
    "scalar_types.hpp compiler.hpp memory_size.hpp"
    "config.hpp status.hpp report.hpp"
    "build_tag.hpp version.hpp names_aside.inc names_back.inc"
    # C99, which includes nothing of C++.
    "c/crestmax.h"
    "c/fill.h"
    "c/linkage.h c/structs.h")

# Who may include something that is neither the library's nor the standard's.
set(foreign
    "Eigen/=interop/eigen.hpp"
    "unsupported/Eigen/=interop/eigen.hpp"
    "tbb/=interop/tbb.hpp"
    "omp.h=execution.hpp"
    "kernel_operator.h=backend/ascend/kernel_traits.hpp"
    "acl/=backend/ascend/runtime.hpp"
    "xmmintrin.h=float_state.hpp|compiler.hpp"
    "malloc.h=compiler.hpp"
    "immintrin.h=backend/cpu/text/codes_x86.inc|backend/cpu/encoders.hpp|backend/cpu/avx2_vectors.hpp|backend/cpu/avx512_vectors.hpp"
    "arm_neon.h=backend/cpu/neon_vectors.hpp"
    "stddef.h=c/structs.h"
    "stdint.h=c/structs.h"
    "string.h=c/fill.h"
    "cpuid.h=backend/cpu/features.hpp"
    "sys/auxv.h=backend/cpu/features.hpp"
    "sys/syscall.h=backend/cpu/features.hpp"
    "unistd.h=backend/cpu/features.hpp")

math(EXPR last "${CMAKE_ARGC} - 1")
set(folder "${CMAKE_ARGV${last}}")
file(GLOB_RECURSE files RELATIVE "${folder}" "${folder}/*.hpp" "${folder}/*.inc" "${folder}/*.h")
if(NOT files)
  message(FATAL_ERROR "no headers in ${folder}")
endif()

set(mistakes "")
macro(mistake)
  string(APPEND mistakes "\n  ${ARGN}")
endmacro()

# level_<file> counts from the top. An exact name wins over a pattern.
set(number 0)
foreach(level ${levels})
  math(EXPR number "${number} + 1")
  string(REPLACE " " ";" patterns "${level}")
  foreach(pattern ${patterns})
    if(pattern MATCHES "\\*")
      file(GLOB matches RELATIVE "${folder}" "${folder}/${pattern}")
      foreach(file ${matches})
        if(NOT DEFINED "level_${file}")
          set("level_${file}" ${number})
        endif()
      endforeach()
    else()
      if(NOT EXISTS "${folder}/${pattern}")
        mistake("${pattern} is on a level but does not exist")
      endif()
      set("level_${pattern}" ${number})
    endif()
  endforeach()
endforeach()

# Sets `result` to whether `file` may include `name`, which is not the library's.
function(may_include file name result)
  set(${result} FALSE PARENT_SCOPE)
  foreach(rule ${foreign})
    string(REGEX MATCH "^([^=]*)=(.*)$" unused "${rule}")
    string(FIND "${name}" "${CMAKE_MATCH_1}" at)
    if(at EQUAL 0 AND "|${CMAKE_MATCH_2}|" MATCHES "\\|${file}\\|")
      set(${result} TRUE PARENT_SCOPE)
    endif()
  endforeach()
endfunction()

foreach(file ${files})
  if(NOT DEFINED "level_${file}")
    mistake("${file} has no level: place it in tests/headers/check_layers.cmake")
    continue()
  endif()
  get_filename_component(here "${folder}/${file}" DIRECTORY)
  file(STRINGS "${folder}/${file}" includes REGEX "^[ \t]*#[ \t]*include")
  foreach(line ${includes})
    if(line MATCHES "\"(.*)\"")
      set(name "${CMAKE_MATCH_1}")
      get_filename_component(target "${here}/${name}" ABSOLUTE)
      file(RELATIVE_PATH target "${folder}" "${target}")
      may_include("${file}" "${name}" allowed)
      if(allowed)
        continue()
      elseif(NOT EXISTS "${folder}/${target}")
        mistake("${file} includes ${target}, which does not exist")
      elseif(DEFINED "level_${target}")
        if(level_${target} LESS level_${file})
          mistake("${file} includes ${target}, which is above it")
        elseif(level_${target} EQUAL level_${file})
          mistake("${file} includes ${target}, which is on its own level")
        endif()
      endif()
    elseif(line MATCHES "<(.*)>")
      set(name "${CMAKE_MATCH_1}")
      if(name MATCHES "[/.]")  # the standard's have neither
        may_include("${file}" "${name}" allowed)
        if(NOT allowed)
          mistake("${file} includes ${name}, which is none of the standard library")
        endif()
      endif()
    endif()
  endforeach()
endforeach()

# What runs on a device of Ascend's includes its vendor's header, the library's own, and nothing else.
foreach(file ${files})
  if(NOT file MATCHES "^backend/ascend/(kernel|schedule|arguments|target)")
    continue()
  endif()
  file(STRINGS "${folder}/${file}" includes REGEX "^[ \t]*#[ \t]*include[ \t]*<")
  foreach(line ${includes})
    if(NOT line MATCHES "<(cstdint|kernel_operator\\.h)>")
      mistake("${file} is device code and has ${line}")
    endif()
  endforeach()
endforeach()

if(mistakes)
  message(FATAL_ERROR "includes go one way, down:${mistakes}")
endif()
list(LENGTH files count)
message(STATUS "${count} files, every include goes down")
