/* What the functions of crestmax.h are called when they are linked, and who sees them: see there. */
#ifndef CRESTMAX_C_LINKAGE_H
#define CRESTMAX_C_LINKAGE_H

#if defined(CRESTMAX_C_PREFIX)
#define CRESTMAX_C_JOIN_(prefix, name) prefix##name
#define CRESTMAX_C_JOIN(prefix, name) CRESTMAX_C_JOIN_(prefix, name)
#define CRESTMAX_C_NAMED(name) CRESTMAX_C_JOIN(CRESTMAX_C_PREFIX, name)
#define crestmax_append CRESTMAX_C_NAMED(crestmax_append)
#define crestmax_attach CRESTMAX_C_NAMED(crestmax_attach)
#define crestmax_attention CRESTMAX_C_NAMED(crestmax_attention)
#define crestmax_begin CRESTMAX_C_NAMED(crestmax_begin)
#define crestmax_begin_mask_map CRESTMAX_C_NAMED(crestmax_begin_mask_map)
#define crestmax_build_mask_map CRESTMAX_C_NAMED(crestmax_build_mask_map)
#define crestmax_check_pages CRESTMAX_C_NAMED(crestmax_check_pages)
#define crestmax_collect CRESTMAX_C_NAMED(crestmax_collect)
#define crestmax_describe_plan CRESTMAX_C_NAMED(crestmax_describe_plan)
#define crestmax_finish_mask_map CRESTMAX_C_NAMED(crestmax_finish_mask_map)
#define crestmax_has_instruction_set CRESTMAX_C_NAMED(crestmax_has_instruction_set)
#define crestmax_items CRESTMAX_C_NAMED(crestmax_items)
#define crestmax_make_plan CRESTMAX_C_NAMED(crestmax_make_plan)
#define crestmax_mask_map_bytes CRESTMAX_C_NAMED(crestmax_mask_map_bytes)
#define crestmax_name_of_instruction_set CRESTMAX_C_NAMED(crestmax_name_of_instruction_set)
#define crestmax_name_of_status CRESTMAX_C_NAMED(crestmax_name_of_status)
#define crestmax_name_of_type CRESTMAX_C_NAMED(crestmax_name_of_type)
#define crestmax_options_init CRESTMAX_C_NAMED(crestmax_options_init)
#define crestmax_plan_bytes CRESTMAX_C_NAMED(crestmax_plan_bytes)
#define crestmax_problem_of CRESTMAX_C_NAMED(crestmax_problem_of)
#define crestmax_read_plan CRESTMAX_C_NAMED(crestmax_read_plan)
#define crestmax_run CRESTMAX_C_NAMED(crestmax_run)
#define crestmax_run_in_team CRESTMAX_C_NAMED(crestmax_run_in_team)
#define crestmax_run_mask_map CRESTMAX_C_NAMED(crestmax_run_mask_map)
#define crestmax_runnable_bytes CRESTMAX_C_NAMED(crestmax_runnable_bytes)
#define crestmax_stages CRESTMAX_C_NAMED(crestmax_stages)
#define crestmax_truncate CRESTMAX_C_NAMED(crestmax_truncate)
#define crestmax_version CRESTMAX_C_NAMED(crestmax_version)
#define crestmax_version_number CRESTMAX_C_NAMED(crestmax_version_number)
#define crestmax_widest_instruction_set CRESTMAX_C_NAMED(crestmax_widest_instruction_set)
#define crestmax_workspace_bytes CRESTMAX_C_NAMED(crestmax_workspace_bytes)
#endif

#if !defined(CRESTMAX_C_API)
#if defined(_WIN32) && defined(CRESTMAX_C_SHARED) && defined(CRESTMAX_C_IMPLEMENTATION)
#define CRESTMAX_C_API __declspec(dllexport)
#elif defined(_WIN32) && defined(CRESTMAX_C_SHARED)
#define CRESTMAX_C_API __declspec(dllimport)
#elif defined(__GNUC__) && defined(CRESTMAX_C_SHARED)
#define CRESTMAX_C_API __attribute__((visibility("default")))
#elif defined(__GNUC__) && defined(CRESTMAX_C_HIDDEN)
#define CRESTMAX_C_API __attribute__((visibility("hidden")))
#else
#define CRESTMAX_C_API
#endif
#endif
#if defined(__GNUC__)
#define CRESTMAX_C_CHECKED CRESTMAX_C_API __attribute__((warn_unused_result))
#else
#define CRESTMAX_C_CHECKED CRESTMAX_C_API
#endif

#endif
