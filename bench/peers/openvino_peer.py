"""OpenVINO: a model of one ScaledDotProductAttention, compiled for the CPU with the type as inference precision."""

import numpy
import openvino
from openvino import opset13

TYPES = {"fp32": openvino.Type.f32, "fp16": openvino.Type.f16, "bf16": openvino.Type.bf16}


class OpenVino:
    name = "OpenVINO"
    keeps_threads = False

    def __init__(self, threads):
        self.version = openvino.__version__.partition("-")[0]
        self.core = openvino.Core()
        self.properties = {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}

    def ways(self, work):
        """[(label, prepare)] of all ways to call it; prepare() gives run(copy) and output()."""
        case = work.case
        # Query heads that share a key-value head become queries of one head, for which decode needs no mask.
        shape = (1, case.kv_heads, case.group * case.q_len, case.head_dim)
        folded = ", heads folded" if case.group > 1 else ""
        ways = [(f"sdpa{folded}", lambda: self.prepare(work, shape, TYPES[case.kind]))]
        if case.kind == "fp16":  # without fp16 arithmetic, this hint may be taken for bf16
            ways.append((f"sdpa in fp32{folded}", lambda: self.prepare(work, shape, TYPES["fp32"])))
        return ways

    def prepare(self, work, query_shape, precision):
        """All tensors head-major, in the memory that the others use too."""
        case = work.case
        kind, kv_shape = TYPES[case.kind], (1, case.kv_heads, case.kv_len, case.head_dim)
        inputs = [opset13.parameter(shape, kind) for shape in (query_shape, kv_shape, kv_shape)]
        result = opset13.scaled_dot_product_attention(*inputs, causal=case.causal)
        model = openvino.Model([opset13.result(result)], inputs)
        properties = {**self.properties, "INFERENCE_PRECISION_HINT": precision}
        request = self.core.compile_model(model, "CPU", properties).create_infer_request()
        output = numpy.zeros(query_shape, work.query.dtype)
        query = tensor(work.query, query_shape, kind)
        keys = [tensor(key, kv_shape, kind) for key in work.keys]
        values = [tensor(value, kv_shape, kind) for value in work.values]
        request.set_input_tensor(0, query)
        request.set_output_tensor(0, tensor(output, query_shape, kind))

        def run(copy):
            request.set_input_tensor(1, keys[copy])
            request.set_input_tensor(2, values[copy])
            request.infer(share_inputs=True, share_outputs=True)

        return run, lambda: output


def tensor(array, shape, kind):
    """A tensor in the array's own memory."""
    if kind == openvino.Type.bf16:
        return openvino.Tensor(array.view(numpy.uint16).reshape(shape), list(shape), kind)
    return openvino.Tensor(array.reshape(shape), shared_memory=True)
