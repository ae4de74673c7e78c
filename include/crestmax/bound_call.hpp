// A call and its data before there is a plan: its shape, its lengths, and everything that can be wrong with them.
#pragma once

#include "lengths.hpp"
#include "runnable.hpp"

#include "names_aside.inc"

CRESTMAX_BEGIN_NAMESPACE

// The keys and values of a call: two tensors, or anything that models kv_source.
template <class K, class V>
contiguous_source<std::remove_const_t<K>, std::remove_const_t<V>> make_source(
    tensor<K> key, tensor<V> value, std::span<const std::int32_t> key_offsets = {}) {
  return {key, value, key_offsets};
}
template <class K, class V>
paged_source<K, V> make_source(const paged_cache<K, V>& cache) {
  return paged_source<K, V>(cache);
}

// What a call reads and writes.
template <number_scalar Q, kv_source Source, output_scalar O>
struct call_tensors {
  tensor<const Q> query;
  Source source;
  tensor<O> output;
};

template <number_scalar Q, kv_source Source, output_scalar O>
call_tensors<std::remove_const_t<Q>, Source, O> tensors(tensor<Q> query, const Source& source, tensor<O> output) {
  return {query, source, output};
}
template <number_scalar Q, scalar K, scalar V, output_scalar O>
auto tensors(tensor<Q> query, tensor<K> key, tensor<V> value, tensor<O> output) {
  return crestmax::tensors(query, crestmax::make_source(key, value), output);
}
template <number_scalar Q, scalar K, scalar V, output_scalar O>
auto tensors(tensor<Q> query, const paged_cache<K, V>& cache, tensor<O> output) {
  return crestmax::tensors(query, crestmax::make_source(cache), output);
}

// What a call reads and writes, of element types that are known at run time; T is the compute type of them. Tensors and pages of all
// types end here, so that what follows is compiled once for them.
template <class T, source_or_view Source>
struct call_views {
  tensor_view query;
  Source source;
  tensor_view output;  // data is written through
};

template <class Q, class Source>
using compute_type =
    std::conditional_t<compute_kind(kind_of<Q>, Source::key_kind(), Source::value_kind()) == scalar_kind::float64, double, float>;

template <class Source>
struct view_of_source : std::type_identity<Source> {};
template <class K, class V>
inline constexpr bool may_be_coded = is_encoded(kind_of<K>) || is_encoded(kind_of<V>);
template <class K, class V>
struct view_of_source<contiguous_source<K, V>> : std::type_identity<view_of_tensors<may_be_coded<K, V>>> {};
template <class K, class V>
struct view_of_source<paged_source<K, V>> : std::type_identity<view_of_pages<may_be_coded<K, V>>> {};

// Whether a source is made of tensors whose elements nothing, or something, may stand beside.
template <class Source>
inline constexpr bool is_coded = false;
template <class Source>
  requires requires { Source::coded; }
inline constexpr bool is_coded<Source> = Source::coded;

template <class Q, class Source, class O>
auto views_of(const call_tensors<Q, Source, O>& t) {
  using source = typename view_of_source<Source>::type;
  return call_views<compute_type<Q, Source>, source>{t.query, static_cast<source>(t.source), t.output};
}

// What such a call can come to use. Kernels read decoded rows as numbers of the compute type.
template <class Q, class Source, class O, class Chain>
inline constexpr call_needs needs_of = {
    crestmax::with_decoded(crestmax::kinds(kind_of<Q>, Source::key_kind(), Source::value_kind()), kind_of<compute_type<Q, Source>>),
    crestmax::kinds(kind_of<O>), may_act_on_rows<compute_type<Q, Source>, Chain>};

// Lives no longer than the function that makes it: options are held by reference.
template <class T, source_or_view Source, class Chain, class Backend>
class bound_call {
 public:
  using compute = T;
  static constexpr bool is_paged = std::is_same_v<Source, view_of_pages<is_coded<Source>>>;
  static constexpr bool is_contiguous = std::is_same_v<Source, view_of_tensors<is_coded<Source>>>;
  static constexpr bool is_device = on_device<Backend>;
  static_assert(is_backend<Backend, compute>());

  using attached_source = std::conditional_t<is_contiguous, planned_tensors<is_coded<Source>>, Source>;
  using attached_call = runnable<compute, attached_source, Chain, Backend>;

  bound_call(const call_views<T, Source>& t, const options& o, const Chain& modifiers, const Backend& backend)
      : query_(crestmax::without_idle_strides(t.query)), output_(crestmax::without_idle_strides(t.output)), source_(t.source), modifiers_(modifiers),
        backend_(backend), options_(o), lse_(crestmax::without_idle_strides(o.lse)), row_max_(crestmax::without_idle_strides(o.row_max)),
        dropped_mass_(crestmax::without_idle_strides(o.dropped_mass)), output_error_(crestmax::without_idle_strides(o.output_error)) {
    if constexpr (is_paged) {
      source_.cache.key_pages = crestmax::without_idle_strides(source_.cache.key_pages);
      source_.cache.value_pages = crestmax::without_idle_strides(source_.cache.value_pages);
    }
    if constexpr (is_contiguous) {
      source_.key = crestmax::without_idle_strides(source_.key);
      source_.value = crestmax::without_idle_strides(source_.value);
    }
  }

  sequence_lengths lengths() const {
    sequence_lengths l = crestmax::lengths_of(options_);
    if constexpr (is_paged) l.key_lengths = source_.cache.key_lengths;
    if constexpr (is_contiguous) {
      if (!source_.offsets.empty()) l.key_offsets = source_.offsets;
    }
    return l;
  }
  index_type sequences() const {
    return options_.query_offsets.empty() ? query_.extents[0] : static_cast<index_type>(options_.query_offsets.size()) - 1;
  }
  problem shape() const {
    const source_shape kv = source_.shape();
    problem p;
    p.sequences = sequences();
    p.q_len = query_.extents[1];
    p.kv_len = kv.kv_len;
    p.q_heads = query_.extents[2];
    p.kv_heads = kv.kv_heads;
    p.d_qk = query_.extents[3];
    p.d_v = kv.d_v;
    p.query_kind = query_.kind;
    p.key_kind = source_.key_kind();
    p.value_kind = source_.value_kind();
    p.output_kind = output_.kind;
    p.row_max = static_cast<bool>(options_.row_max);
    p.paged = is_paged;
    p.causal = crestmax::has_active(modifiers_, modifier_kind::causal);
    p.other_modifier = crestmax::first_active(modifiers_, modifier_kind::causal);
    return lengths().with_longest(p);
  }

  // Lengths and offsets against each other and against the tensors.
  status check_lengths() const {
    using namespace validate;
    if (!options_.query_offsets.empty() && query_.extents[0] != 1) {
      return error(status_code::mismatch, "query", "a batch extent with query_offsets of", 1, query_.extents[0]);
    }
    const sequence_lengths l = lengths();
    if constexpr (is_paged) {
      if (!options_.key_offsets.empty()) {
        return error_text(status_code::bad_option, "key_offsets", "none: a paged cache has pages", "some");
      }
      if (status s = check_agreement("key_lengths", "those of the paged cache", options_.key_lengths, l.key_lengths); !s.ok()) return s;
      if (status s = validate::check_page_shapes(source_.cache, sequences()); !s.ok()) return s;
      return check_sequences(l, sequences(), {.query = query_.extents[1]});
    } else {
      const source_shape kv = source_.shape();
      if (l.key_offsets.empty()) {
        if (status s = expect("key", "batch (that of query)", sequences(), kv.sequences); !s.ok()) return s;
      } else if constexpr (!is_contiguous) {
        return error_text(status_code::bad_option, "key_offsets", "none: they are for key tensors", "some");
      } else if (kv.sequences != 1) {
        return error(status_code::mismatch, "key", "a batch extent with key_offsets of", 1, kv.sequences);
      }
      if (status s = check_agreement("key_offsets", "those of the source", options_.key_offsets, l.key_offsets); !s.ok()) return s;
      return check_sequences(l, sequences(), {query_.extents[1], kv.kv_len});
    }
  }

  // A plan whose items are for so many workers.
  status measure(workspace_size& size, int workers) const {
    if (status s = check_lengths(); !s.ok()) return s;
    return crestmax::measure_plan<compute>(shape_for(workers), options_, lengths(), backend_, size);
  }
  status write(std::span<std::byte> memory, plan& result, int workers) const {
    return crestmax::write_plan<compute>(shape_for(workers), options_, lengths(), backend_, memory, result);
  }
  status make(std::span<std::byte> memory, plan& result, int workers) const {
    if (status s = check_lengths(); !s.ok()) return s;
    return write(memory, result, workers);
  }
  status check(const plan& p) const {
    if (status s = check_lengths(); !s.ok()) return s;
    return crestmax::check_plan<compute>(p, shape(), options_, lengths(), backend_);
  }

  // Tensors, modifiers and memory. `workspace` must have `needed` bytes.
  status check_data(std::span<const std::byte> plan_memory, std::span<const std::byte> workspace, std::size_t needed) const {
    const problem p = shape();
    if (!is_coded<Source> && (options_.key_coding.scales || options_.value_coding.scales)) {
      return error_text(status_code::bad_option, "key_coding", "none: neither keys nor values are encoded", "scales");
    }
    if (status s = crestmax::check_modifiers(modifiers_, {p.sequences, p.q_len, p.kv_len, p.q_heads, lengths()}); !s.ok()) return s;
    if (status s = check_coverage(); !s.ok()) return s;
    return validate::check_memory<is_coded<Source>>({query_, output_, key_view(), value_view(), is_contiguous || is_paged, is_paged,
                                                     !lengths().key_offsets.empty(), &options_.key_coding, &options_.value_coding, lse_,
                                                     row_max_, dropped_mass_, output_error_, plan_memory, workspace},
                                                    p, !options_.query_offsets.empty(), needed);
  }

  // What a plan and a block table say of places, whatever has become of the arrays that the plan was made from.
  status check_places(const plan& p) const {
    if (status s = validate::check_rows(p, query_.extents[1]); !s.ok()) return s;
    if constexpr (is_paged) return validate::check_page_table(source_.cache);
    else return success();
  }

  // The runnable of a plan that is this call's, on data that has been checked.
  attached_call attach(const plan& p, std::byte* workspace, int workers) const {
    status ready = success();
    typename attached_call::parts parts{p,          shape(),  query_, output_,  key_view(),    value_view(), kept(p),
                                        modifiers_, backend_, lse_,   row_max_, dropped_mass_, output_error_, workspace, workers};
    if constexpr (is_device) {
      ready = backend_.accepts({p, parts.shape, query_, parts.key, parts.value, output_, lse_, {workspace, p.workspace()}});
    }
    return {parts, ready};
  }
  attached_call refuse(const status& why) const {
    return {{{}, {}, query_, output_, {}, {}, kept({}), modifiers_, backend_, {}, {}, {}, {}}, why};
  }

 private:
  // Where planes are read in part, keys have steps by channel and values by token, and it has to be known what a score modifier does to a difference of
  // scores.
  CRESTMAX_OUT_OF_LINE status check_coverage() const {
    status result = success();
    // Other rows than encoded ones are refused when it is planned.
    if constexpr (!(is_contiguous || is_paged) || is_coded<Source>) {
      if (!planner::is_by_planes(options_.coverage.kind)) return result;
      if constexpr (is_contiguous || is_paged) {
        if (options_.key_coding.keys == 1) return error_text(status_code::bad_option, "key_coding", "steps by channel to keep within a tolerance", "by token");
        if (options_.value_coding.keys > 1) return error_text(status_code::bad_option, "value_coding", "steps by token to keep within a tolerance", "by channel");
      }
      modifiers_.for_each([&](const auto& m) {
        const modifier_kind kind = crestmax::kind_of_modifier(m);
        if (!result.ok() || !crestmax::changes_scores(m) || kind == modifier_kind::alibi || kind == modifier_kind::soft_cap) return;
        result = error_text(status_code::bad_option, "coverage", "score modifiers that are alibi or soft_cap to keep within a tolerance", crestmax::name(kind));
      });
    }
    return result;
  }
  problem shape_for(int workers) const {
    problem p = shape();
    p.workers = workers;
    return p;
  }
  attached_source kept(const plan& p) const {
    codings<is_coded<Source>> beside;
    if constexpr (is_coded<Source>) beside = {options_.key_coding, options_.value_coding};
    if constexpr (is_contiguous) {
      attached_source planned{source_, beside, p ? p.sequences().data() : nullptr};
      planned.tensors.offsets = {};
      return planned;
    } else if constexpr (is_paged) {
      Source pages = source_;
      pages.beside = beside;
      return pages;
    } else {
      return source_;
    }
  }
  tensor_view key_view() const {
    if constexpr (is_paged) return source_.cache.key_pages;
    else if constexpr (is_contiguous) return source_.key;
    else return shape_view(source_.key_kind(), source_.shape().d_qk);
  }
  tensor_view value_view() const {
    if constexpr (is_paged) return source_.cache.value_pages;
    else if constexpr (is_contiguous) return source_.value;
    else return shape_view(source_.value_kind(), source_.shape().d_v);
  }
  tensor_view shape_view(scalar_kind kind, index_type head_dim) const {
    const source_shape s = source_.shape();
    tensor_view view;
    view.kind = kind;
    view.extents = {s.sequences, s.kv_len, s.kv_heads, head_dim};
    return view;
  }

  tensor_view query_;
  tensor_view output_;
  Source source_;
  const Chain& modifiers_;
  const Backend& backend_;
  const options& options_;
  row_output lse_;
  row_output row_max_;
  row_output dropped_mass_;
  row_output output_error_;
};

CRESTMAX_END_NAMESPACE

#include "names_back.inc"
