"""Small models of transformers with random weights, one for each way of attending."""

import torch
import transformers

# What all have in common: two layers or three, widths that make no round tiles.
SIZES = {"vocab_size": 211, "hidden_size": 96, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 6,
         "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 512, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
WINDOW = 11  # shorter than what is read
LAYERS = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}


def without(*names):
    return {name: size for name, size in SIZES.items() if name not in names}


DECODERS = {
    "llama": lambda: transformers.LlamaConfig(**SIZES),
    "mistral": lambda: transformers.MistralConfig(**SIZES, sliding_window=WINDOW),
    "gemma 2": lambda: transformers.Gemma2Config(**SIZES, **LAYERS, query_pre_attn_scalar=16, attn_logit_softcapping=2.0),
    "gemma 3": lambda: transformers.Gemma3TextConfig(**SIZES, **LAYERS, query_pre_attn_scalar=16),
    "qwen 3": lambda: transformers.Qwen3Config(**SIZES),
    "qwen 3 with windows": lambda: transformers.Qwen3Config(**SIZES, **LAYERS, use_sliding_window=True),
    "gpt-oss": lambda: transformers.GptOssConfig(**SIZES, **LAYERS, **EXPERTS),
    "deepseek v3": lambda: transformers.DeepseekV3Config(
        **without("head_dim", "num_key_value_heads"), num_key_value_heads=6, q_lora_rank=48, kv_lora_rank=32, qk_nope_head_dim=128, qk_rope_head_dim=64, v_head_dim=128,
        first_k_dense_replace=2, n_routed_experts=4, n_group=1, topk_group=1),
}

ENCODERS = {
    "bert": lambda: transformers.BertConfig(**without("num_key_value_heads", "head_dim")),
    "modernbert": lambda: transformers.ModernBertConfig(
        **without("num_key_value_heads", "head_dim", "num_hidden_layers"), num_hidden_layers=3, global_attn_every_n_layers=2, local_attention=2 * WINDOW, cls_token_id=1, sep_token_id=2),
}


def scatter(model):
    """Random weights of a size that makes attention peaked: initial ones would leave every key about the same weight."""
    generator = torch.Generator().manual_seed(5)
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            parameter.normal_(0, 1.5 / parameter.shape[-1]**0.5, generator=generator)
        elif name.endswith("sinks"):
            parameter.normal_(0, 2, generator=generator)


def decoder(name, attention, dtype=torch.float32):
    return made(transformers.AutoModelForCausalLM, DECODERS[name](), attention, dtype)


def encoder(name, attention):
    return made(transformers.AutoModel, ENCODERS[name](), attention, torch.float32)


def made(kind, config, attention, dtype):
    torch.manual_seed(4)  # for what scatter() leaves as it is
    model = kind.from_config(config, attn_implementation=attention).eval()
    scatter(model)
    return model.to(dtype)
