"""OpenVINO: models of one ScaledDotProductAttention, compiled for the CPU with the type as inference precision."""

import numpy
import openvino
from openvino import opset13 as ops
from openvino.op.util import Variable, VariableInfo

from work import Grown

TYPES = {"fp32": openvino.Type.f32, "fp16": openvino.Type.f16, "bf16": openvino.Type.bf16}
CACHE_TYPES = {**TYPES, "int8": openvino.Type.u8, "uint8": openvino.Type.u8}


class OpenVino:
    name = "OpenVINO"
    keeps_threads = False
    encodings = ("", "int8", "uint8")

    def __init__(self, threads):
        self.version = openvino.__version__.partition("-")[0]
        self.core = openvino.Core()
        self.properties = {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}

    def ways(self, work):
        """[(label, prepare)] of all ways to call it; prepare() gives run(copy) and output()."""
        case = work.case
        precisions = [("", TYPES[case.kind])]
        if case.kind != "fp32":  # a CPU may lack the type's arithmetic; fp16 may then be computed in bf16
            precisions.append((" in fp32", TYPES["fp32"]))
        ways = []
        for words, precision in precisions:
            if case.encoding or (case.q_len == 1 and not case.lengths):
                ways.append((f"sdpa on cache in state{words}", lambda p=precision: self.prepare_state(work, p)))
            if case.encoding:  # what is no state is not encoded
                continue
            folded = ", heads folded" if case.group > 1 else ""
            ways.append((f"sdpa{words}{folded}", lambda p=precision: self.prepare(work, p)))
        return ways

    def compile(self, model, precision, **more):
        properties = {**self.properties, "INFERENCE_PRECISION_HINT": precision, **more}
        return self.core.compile_model(model, "CPU", properties)

    def prepare(self, work, precision):
        """All tensors head-major, in the memory that the others use too. Query heads that share a key-value head are
        queries of one head. What `causal` does not say is a mask of numbers."""
        case = work.case
        kind = TYPES[case.kind]
        query_shape = (case.batch, case.kv_heads, case.group * case.q_len, case.head_dim)
        kv_shape = (case.batch, case.kv_heads, case.kv_len, case.head_dim)
        causal = case.causal and case.is_square and case.group == 1 and not case.window
        inputs = [ops.parameter(shape, kind) for shape in (query_shape, kv_shape, kv_shape)]
        mask = None
        if case.hides and not causal:
            mask = numpy.where(work.folded_mask(), 0, -numpy.inf).astype(work.query.dtype)
            inputs.append(ops.parameter(mask.shape, kind))
        result = ops.scaled_dot_product_attention(*inputs, causal=causal)
        request = self.compile(openvino.Model([ops.result(result)], inputs), precision).create_infer_request()
        output = numpy.zeros(query_shape, work.query.dtype)
        keys = [tensor(key, kv_shape, kind) for key in work.keys]
        values = [tensor(value, kv_shape, kind) for value in work.values]
        request.set_input_tensor(0, tensor(work.query, query_shape, kind))
        request.set_output_tensor(0, tensor(output, query_shape, kind))
        if mask is not None:
            request.set_input_tensor(3, tensor(mask, mask.shape, kind))

        def run(copy):
            request.set_input_tensor(1, keys[copy])
            request.set_input_tensor(2, values[copy])
            request.infer(share_inputs=True, share_outputs=True)

        return run, lambda keep=mask: output

    def prepare_state(self, work, precision):
        """Keys and values are the model's state, as in its language models: every copy is a request of its own, and
        each call appends one key, so that they are some calls longer in the end. It encodes what it is given as numbers."""
        case = work.case
        kind = TYPES[case.kind]
        query_shape = (case.batch, case.q_heads, 1, case.head_dim)
        compiled = self.compile(state_model(case, kind, query_shape), precision, KV_CACHE_PRECISION=CACHE_TYPES[case.cache_kind])
        output = numpy.zeros(query_shape, work.query.dtype)
        numbers = [(work.key_numbers,) * work.copies, (work.value_numbers,) * work.copies] if case.encoding else [work.keys, work.values]
        newest = [numpy.ascontiguousarray(cache[0][:, :, -1:]) for cache in numbers]
        beam = numpy.arange(case.batch, dtype=numpy.int32)
        requests = []
        for copies in zip(*numbers):
            request = compiled.create_infer_request()
            for state in request.query_state():
                rest = numpy.ascontiguousarray(copies[state.name == "value"][:, :, :-1])
                state.state = tensor(rest, rest.shape, kind)
            request.set_input_tensor(0, tensor(work.query, query_shape, kind))
            for i, rows in enumerate(newest):
                request.set_input_tensor(1 + i, tensor(rows, rows.shape, kind))
            request.set_input_tensor(3, openvino.Tensor(beam, shared_memory=True))
            request.set_output_tensor(0, tensor(output, query_shape, kind))
            requests.append(request)
        calls, last = [0] * len(requests), [0]

        def run(copy):
            requests[copy].infer(share_inputs=True, share_outputs=True)
            calls[copy] += 1
            last[0] = copy

        # What tensors are shared with has to live as long as they.
        return run, lambda keep=(newest, beam): Grown(output, calls[last[0]] - 1)


def state_model(case, kind, query_shape):
    """The pattern that the CPU plugin takes for attention on a key-value cache with grouped heads."""
    row = (case.batch, case.kv_heads, 1, case.head_dim)
    inputs = [ops.parameter(shape, kind) for shape in (query_shape, row, row)]
    inputs.append(ops.parameter((case.batch,), openvino.Type.i32))  # which sequences of the batch go on: all
    batch, two = (ops.constant(numpy.array([number], numpy.int64)) for number in (case.batch, 2))
    zero = ops.constant(numpy.int64(0))
    assigned, spread = [], []
    for name, new in (("key", inputs[1]), ("value", inputs[2])):
        info = VariableInfo()
        info.variable_id, info.data_type = name, kind
        info.data_shape = openvino.PartialShape([case.batch, case.kv_heads, -1, case.head_dim])
        variable = Variable(info)
        empty = ops.constant(numpy.zeros((case.batch, case.kv_heads, 0, case.head_dim), numpy.float32), kind)
        cache = ops.concat([ops.gather(ops.read_value(empty, variable), inputs[3], zero), new], 2)
        assigned.append(ops.assign(cache, variable))
        heads, dim = (ops.constant(numpy.array([number], numpy.int64)) for number in (case.kv_heads, case.head_dim))
        group = ops.constant(numpy.array([case.group], numpy.int64))
        shape = ops.concat([batch, heads, group, ops.gather(ops.shape_of(cache), two, zero), dim], 0)
        repeated = ops.broadcast(ops.unsqueeze(cache, two), shape, broadcast_spec="BIDIRECTIONAL")
        whole = numpy.array([0, case.q_heads, -1, case.head_dim], numpy.int64)
        spread.append(ops.reshape(repeated, ops.constant(whole), special_zero=True))
    result = ops.scaled_dot_product_attention(inputs[0], *spread)
    return openvino.Model([ops.result(result)], assigned, inputs)


def tensor(array, shape, kind):
    """A tensor in the array's own memory, which has to live as long."""
    if kind == openvino.Type.bf16:
        return openvino.Tensor(array.view(numpy.uint16).reshape(shape), list(shape), kind)
    return openvino.Tensor(array.reshape(shape), shared_memory=True)
