"""What torch.compile and meta tensors need to know of the operators: the shapes of their results. And what other devices are told."""

import torch

OPERATORS = ("attention", "attention_varlen", "attention_paged")


def check_devices(query, **others):
    for name, tensor in others.items():
        if tensor is not None and tensor.device != query.device:
            raise ValueError(f"{name}: expected a tensor on {query.device} (that of query), given one on {tensor.device}")


def row_type(query):
    """The dtype of LSE."""
    return torch.float64 if query.dtype == torch.float64 else torch.float32


def batched(query, key, value, mask=None, *, sinks=None, k_scale=None, v_scale=None, **settings):
    check_devices(query, key=key, value=value, mask=mask, sinks=sinks, k_scale=k_scale, v_scale=v_scale)
    batch, heads, length, _ = query.shape
    output = query.new_empty((batch, length, heads, value.shape[-1])).transpose(1, 2)
    return output, query.new_empty((batch, heads, length), dtype=row_type(query))


def packed(query, key, value, *whole_numbers, sinks=None, k_scale=None, v_scale=None, **settings):
    check_devices(query, key=key, value=value, sinks=sinks, k_scale=k_scale, v_scale=v_scale)
    total, heads, _ = query.shape
    return query.new_empty((total, heads, value.shape[-1])), query.new_empty((heads, total), dtype=row_type(query))


def refuse(query, key, value, *others, **settings):
    names = ("query", "key", "value")
    for name, tensor in zip(names, (query, key, value)):
        if tensor.device.type != "cpu" or tensor.layout != torch.strided:
            raise NotImplementedError(f"{name}: expected a strided tensor on the CPU, given {tensor.layout} on {tensor.device}")
    raise NotImplementedError("query, key, value or another argument: expected strided tensors on the CPU")


def register():
    for name in OPERATORS:
        shapes = batched if name == "attention" else packed
        torch.library.register_fake(f"crestmax::{name}_with_lse", shapes)
        torch.library.register_fake(f"crestmax::{name}", lambda *tensors, shapes=shapes, **settings: shapes(*tensors, **settings)[0])
        for variant in (name, f"{name}_with_lse"):
            torch.library.impl(f"crestmax::{variant}", ("cuda", "xpu", "mps"), refuse)


register()
