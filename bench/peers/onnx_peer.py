"""ONNX Runtime: MultiHeadAttention, GroupQueryAttention and the Attention operator, each as a model of one node."""

import numpy
import onnxruntime
from onnx import TensorProto, helper
from onnxruntime import OrtValue

TYPES = {"fp32": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
INT32 = TensorProto.INT32


class OnnxRuntime:
    name = "ONNX RT"
    keeps_threads = False

    def __init__(self, threads):
        self.threads = threads
        self.version = onnxruntime.__version__

    def ways(self, work):
        """[(label, prepare)] of all ways to call it; prepare() gives run(copy) and output()."""
        case = work.case
        ways = [("Attention", lambda: self.attention(work))]
        if case.causal or case.q_len == 1:
            ways.append(("GroupQueryAttention", lambda: self.group_query(work)))
        folded = ", heads folded" if case.group > 1 else ""
        ways.append((f"MultiHeadAttention{folded}", lambda: self.multi_head(work)))
        return ways

    def attention(self, work):
        """The standard's operator, head-major, with fewer key-value heads than query heads where so."""
        case = work.case
        node = helper.make_node("Attention", ["query", "key", "value"], ["output"], is_causal=int(case.causal))
        query = work.query.reshape(1, case.q_heads, case.q_len, case.head_dim)
        output = empty_like(query)
        run = self.session(work, node, {"query": query}, {"key": 0, "value": 0}, {"output": output})
        return run, lambda: output

    def multi_head(self, work):
        """Queries are token-major, keys and values head-major. Query heads that share a key-value head become queries
        of one head, for which decode needs no mask."""
        case = work.case
        folded = work.query.reshape(case.kv_heads, case.group * case.q_len, case.head_dim)
        query = numpy.ascontiguousarray(folded.transpose(1, 0, 2)).reshape(1, folded.shape[1], -1)
        output = empty_like(query)
        node = helper.make_node("MultiHeadAttention", ["query", "key", "value"], ["output"], domain="com.microsoft",
                                num_heads=case.kv_heads, unidirectional=int(case.causal))
        run = self.session(work, node, {"query": query}, {"key": 0, "value": 0}, {"output": output})
        return run, lambda: output.reshape(-1, case.kv_heads, case.head_dim).transpose(1, 0, 2)

    def group_query(self, work):
        """Always causal. The newest keys and values, token-major, are written into the cache that holds the rest: here
        they are those that it holds already. Input and output caches share their memory."""
        case = work.case
        query = numpy.ascontiguousarray(work.query.transpose(1, 0, 2)).reshape(1, case.q_len, -1)
        newest = [numpy.ascontiguousarray(cache[0][:, -case.q_len:].transpose(1, 0, 2)).reshape(1, case.q_len, -1)
                  for cache in (work.keys, work.values)]
        output = empty_like(query)
        node = helper.make_node(
            "GroupQueryAttention", ["query", "new_key", "new_value", "key", "value", "last", "total"],
            ["output", "key_after", "value_after"], domain="com.microsoft", num_heads=case.q_heads,
            kv_num_heads=case.kv_heads)
        inputs = {"query": query, "new_key": newest[0], "new_value": newest[1],
                  "last": numpy.array([case.kv_len - 1], numpy.int32), "total": numpy.array([case.kv_len], numpy.int32)}
        run = self.session(work, node, inputs, {"key": 0, "value": 0}, {"output": output})
        return run, lambda: output.reshape(case.q_len, case.q_heads, case.head_dim).transpose(1, 0, 2)

    def session(self, work, node, inputs, caches, outputs):
        """run(copy) of a model of one node; nothing is copied in or out."""
        case = work.case
        kind, kv_shape = TYPES[case.kind], (1, case.kv_heads, case.kv_len, case.head_dim)

        def info(name, array):
            return helper.make_tensor_value_info(name, INT32 if array.dtype == numpy.int32 else kind, array.shape)

        shared = [name for name in node.output if name.endswith("_after")]
        graph = helper.make_graph(
            [node], "one_node",
            [info(name, array) for name, array in inputs.items()]
            + [helper.make_tensor_value_info(name, kind, kv_shape) for name in caches],
            [info(name, array) for name, array in outputs.items()]
            + [helper.make_tensor_value_info(name, kind, kv_shape) for name in shared])
        operators = [helper.make_opsetid("", 23), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=operators, ir_version=11)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Its threads would spin on after a call and take a core from whoever runs next.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        bindings = []
        for key, value in zip(work.keys, work.values):
            binding = session.io_binding()
            for name, array in inputs.items():
                binding.bind_ortvalue_input(name, ort_value(array, INT32 if array.dtype == numpy.int32 else kind))
            for name, array in outputs.items():
                binding.bind_ortvalue_output(name, ort_value(array, kind))
            for name, array in (("key", key), ("value", value)):
                cache = ort_value(array.reshape(kv_shape), kind)
                binding.bind_ortvalue_input(name, cache)
                if name + "_after" in shared:
                    binding.bind_ortvalue_output(name + "_after", cache)
            bindings.append(binding)
        return lambda copy: session.run_with_iobinding(bindings[copy])


def empty_like(array):
    return numpy.zeros(array.shape, array.dtype)


def ort_value(array, kind):
    """An OrtValue in the array's own memory."""
    if kind == TensorProto.BFLOAT16:
        return OrtValue.ortvalue_from_numpy_with_onnx_type(array.view(numpy.uint16), kind)
    return OrtValue.ortvalue_from_numpy(array)
