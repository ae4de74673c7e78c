"""ONNX Runtime: MultiHeadAttention, GroupQueryAttention and the Attention operator, each as a model of one node."""

import numpy
import onnxruntime
from onnx import TensorProto, helper
from onnxruntime import OrtValue

TYPES = {"fp32": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
OTHERS = {numpy.dtype(numpy.int32): TensorProto.INT32, numpy.dtype(bool): TensorProto.BOOL}


class OnnxRuntime:
    name = "ONNX RT"
    keeps_threads = False
    encodings = ("",)

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
        """The standard's operator, head-major, with fewer key-value heads than query heads where so. What is_causal does
        not say is a mask of bools."""
        case = work.case
        causal = case.causal and case.is_square and not case.window
        inputs = {"query": work.query}
        if case.hides and not causal:
            inputs["mask"] = work.mask()
        node = helper.make_node("Attention", ["query", "key", "value", *list(inputs)[1:]], ["output"], is_causal=int(causal))
        output = empty_like(work.query)
        run = self.session(work, node, inputs, {"key": 0, "value": 0}, {"output": output})
        return run, lambda: output

    def multi_head(self, work):
        """Queries are token-major, keys and values head-major. Query heads that share a key-value head become queries
        of one head. What `unidirectional` does not say is a mask of numbers."""
        case = work.case
        causal = case.causal and case.is_square and case.group == 1 and not case.window
        folded = work.query.reshape(case.batch, case.kv_heads, case.group * case.q_len, case.head_dim)
        query = numpy.ascontiguousarray(folded.transpose(0, 2, 1, 3)).reshape(case.batch, folded.shape[2], -1)
        inputs, names = {"query": query}, ["query", "key", "value"]
        if case.hides and not causal:
            inputs["mask"] = numpy.where(work.folded_mask(), 0, -numpy.inf).astype(query.dtype)
            names += ["", "", "mask"]
        output = empty_like(query)
        node = helper.make_node("MultiHeadAttention", names, ["output"], domain="com.microsoft",
                                num_heads=case.kv_heads, unidirectional=int(causal))
        run = self.session(work, node, inputs, {"key": 0, "value": 0}, {"output": output})
        return run, lambda: output.reshape(case.batch, -1, case.kv_heads, case.head_dim).transpose(0, 2, 1, 3)

    def group_query(self, work):
        """Always causal. The newest keys and values, token-major, are written into the cache that holds the rest: here
        they are those that it holds already. Input and output caches share their memory."""
        case = work.case

        def token_major(rows):  # (batch, heads, tokens, head_dim)
            return numpy.ascontiguousarray(rows.transpose(0, 2, 1, 3)).reshape(case.batch, case.q_len, -1)

        query = token_major(work.query)
        newest = [token_major(numpy.stack([sequence[:, length - case.q_len:length]
                                           for sequence, length in zip(cache[0], case.key_lengths)]))
                  for cache in (work.keys, work.values)]
        output = empty_like(query)
        window = {"local_window_size": case.window} if case.window else {}
        node = helper.make_node(
            "GroupQueryAttention", ["query", "new_key", "new_value", "key", "value", "last", "total"],
            ["output", "key_after", "value_after"], domain="com.microsoft", num_heads=case.q_heads,
            kv_num_heads=case.kv_heads, **window)
        inputs = {"query": query, "new_key": newest[0], "new_value": newest[1],
                  "last": numpy.array(case.key_lengths, numpy.int32) - 1, "total": numpy.array([case.kv_len], numpy.int32)}
        run = self.session(work, node, inputs, {"key": 0, "value": 0}, {"output": output})
        return run, lambda: output.reshape(case.batch, case.q_len, case.q_heads, case.head_dim).transpose(0, 2, 1, 3)

    def session(self, work, node, inputs, caches, outputs):
        """run(copy) of a model of one node; nothing is copied in or out."""
        case = work.case
        kind, kv_shape = TYPES[case.kind], work.keys[0].shape

        def type_of(array):
            return OTHERS.get(array.dtype, kind)

        def info(name, array):
            return helper.make_tensor_value_info(name, type_of(array), array.shape)

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
                binding.bind_ortvalue_input(name, ort_value(array, type_of(array)))
            for name, array in outputs.items():
                binding.bind_ortvalue_output(name, ort_value(array, kind))
            for name, array in (("key", key), ("value", value)):
                cache = ort_value(array, kind)
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
