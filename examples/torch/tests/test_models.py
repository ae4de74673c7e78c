"""transformers' models with random weights: attn_implementation="crestmax" beside "eager".

Rows of padding are left out: such a query sees no key, for which crestmax gives 0 and eager the mean of all values."""

import architectures
import pytest
import torch
import transformers

import crestmax_torch

crestmax_torch.register()

PROMPT = 40
STEPS = 20


def tokens(batch=2, length=PROMPT):
    return torch.randint(3, architectures.SIZES["vocab_size"], (batch, length))


def assert_same(got, expected, shown=None):
    """The same up to the rounding of float32, relative to the largest."""
    if shown is not None:
        got, expected = got[shown], expected[shown]
    assert not got.isnan().any()
    assert (got - expected).abs().max() <= 2e-4 * expected.abs().max()


class Counter:
    """Counts the calls of the operator, and of those the ones that were given a mask."""

    def __init__(self, monkeypatch):
        self.calls, self.masked = 0, 0
        operator = torch.ops.crestmax.attention

        def count(query, key, value, mask=None, **settings):
            self.calls, self.masked = self.calls + 1, self.masked + (mask is not None)
            return operator(query, key, value, mask, **settings)

        monkeypatch.setattr(torch.ops.crestmax, "attention", count)


@pytest.fixture
def counter(monkeypatch):
    return Counter(monkeypatch)


def cache_of(kind, model):
    if kind == "static":
        return transformers.StaticCache(config=model.config, max_cache_len=PROMPT + STEPS + 7)
    return transformers.DynamicCache(config=model.config)


def run(model, given, cache_kind, padding=None, chunks=(PROMPT,)):
    """Logits of the prompt, in chunks, then of as many steps as there are more tokens."""
    cache, logits, begin = cache_of(cache_kind, model), [], 0
    for length in [*chunks, *[1] * (given.shape[1] - sum(chunks))]:
        end = begin + length
        seen = None if padding is None else padding[:, :end]
        positions = torch.arange(begin, end)[None].expand(len(given), -1)
        if padding is not None:
            positions = (padding.cumsum(1) - 1).clamp(min=0)[:, begin:end]
        logits.append(model(input_ids=given[:, begin:end], attention_mask=seen, position_ids=positions, cache=cache, use_cache=True).logits)
        begin = end
    return torch.cat(logits, dim=1)


def padded(side):
    """1 where there is a token: seven of the first sequence's prompt are missing."""
    padding = torch.ones(2, PROMPT + STEPS, dtype=torch.long)
    if side == "left":
        padding[0, :7] = 0
    else:
        padding[0, PROMPT - 7:PROMPT] = 0
    return padding


@pytest.mark.parametrize("cache_kind", ["dynamic", "static"])
@pytest.mark.parametrize("name", architectures.DECODERS)
def test_prefill_and_decode_are_those_of_eager(name, cache_kind, counter):
    given = tokens(length=PROMPT + STEPS)
    got = run(architectures.decoder(name, "crestmax"), given, cache_kind)
    layers = architectures.DECODERS[name]().num_hidden_layers
    assert counter.calls == layers * (1 + STEPS)
    assert_same(got, run(architectures.decoder(name, "eager"), given, cache_kind))


@pytest.mark.parametrize("name", architectures.DECODERS)
def test_without_padding_no_mask_is_written_out(name, counter):
    run(architectures.decoder(name, "crestmax"), tokens(length=PROMPT + STEPS), "dynamic")
    assert counter.calls > 0 and counter.masked == 0


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("cache_kind", ["dynamic", "static"])
@pytest.mark.parametrize("name", architectures.DECODERS)
def test_padding_is_not_seen(name, cache_kind, side):
    given, padding = tokens(length=PROMPT + STEPS), padded(side)
    got = run(architectures.decoder(name, "crestmax"), given, cache_kind, padding)
    assert_same(got, run(architectures.decoder(name, "eager"), given, cache_kind, padding), padding.bool())


@pytest.mark.parametrize("cache_kind", ["dynamic", "static"])
@pytest.mark.parametrize("name", ["llama", "mistral", "gemma 2", "gpt-oss"])
def test_a_prompt_may_come_in_chunks(name, cache_kind):
    given = tokens(length=PROMPT + STEPS)
    chunks = (15, 1, 24)
    got = run(architectures.decoder(name, "crestmax"), given, cache_kind, chunks=chunks)
    assert_same(got, run(architectures.decoder(name, "eager"), given, "dynamic", chunks=(PROMPT,)))


@pytest.mark.parametrize("padding", [None, "left", "right"])
@pytest.mark.parametrize("name", architectures.ENCODERS)
def test_encoders_are_those_of_eager(name, padding):
    given = tokens(length=PROMPT + STEPS)
    mask = torch.ones_like(given) if padding is None else padded(padding)
    got = architectures.encoder(name, "crestmax")(given, attention_mask=mask).last_hidden_state
    assert_same(got, architectures.encoder(name, "eager")(given, attention_mask=mask).last_hidden_state, mask.bool())


@pytest.mark.parametrize("name", architectures.ENCODERS)
def test_encoders_without_padding_write_out_no_mask(name, counter):
    architectures.encoder(name, "crestmax")(tokens())
    assert counter.calls > 0 and counter.masked == 0


def t5(attention):
    config = transformers.T5Config(vocab_size=211, d_model=96, d_kv=16, d_ff=64, num_layers=2, num_heads=6, decoder_start_token_id=0)
    return architectures.made(transformers.AutoModelForSeq2SeqLM, config, attention, torch.float32)


def whisper(attention):
    config = transformers.WhisperConfig(
        vocab_size=211, d_model=96, encoder_layers=2, decoder_layers=2, encoder_attention_heads=6, decoder_attention_heads=6,
        encoder_ffn_dim=64, decoder_ffn_dim=64, num_mel_bins=8, max_source_positions=50, max_target_positions=100, pad_token_id=0,
        bos_token_id=1, eos_token_id=2, decoder_start_token_id=1)
    return architectures.made(transformers.AutoModelForSpeechSeq2Seq, config, attention, torch.float32)


def decode_from(model, encoded, given, padding=None):
    """Logits of a prompt of five tokens and one step for each of the others, beside what an encoder has left."""
    cache = transformers.EncoderDecoderCache(transformers.DynamicCache(config=model.config), transformers.DynamicCache(config=model.config))
    parts = [given[:, :5], *given[:, 5:].split(1, dim=1)]
    masks = {} if padding is None else {"attention_mask": padding}
    return torch.cat([model(encoder_outputs=encoded, decoder_input_ids=part, cache=cache, use_cache=True, **masks).logits
                      for part in parts], dim=1)


@pytest.mark.parametrize("padding", [None, "right"])
def test_t5_has_its_bias_and_cross_attention(padding, counter):
    mask = None if padding is None else padded(padding)
    given, answer = tokens(length=PROMPT + STEPS), tokens(length=5 + STEPS)
    logits = {}
    for attention in ("eager", "crestmax"):
        model = t5(attention)
        encoded = model.get_encoder()(given, attention_mask=mask)
        logits[attention] = decode_from(model, encoded, answer, mask)
    assert counter.calls == 2 + 2 * 2 * (1 + STEPS)
    assert_same(logits["crestmax"], logits["eager"])


def test_whisper_has_cross_attention(counter):
    sound, answer = torch.randn(2, 8, 100), tokens(length=5 + STEPS)
    logits = {}
    for attention in ("eager", "crestmax"):
        model = whisper(attention)
        encoded = model.get_encoder()(sound)
        logits[attention] = decode_from(model, encoded, answer)
    assert counter.calls == 2 + 2 * 2 * (1 + STEPS)
    assert_same(logits["crestmax"], logits["eager"])


@pytest.mark.parametrize("name", ["llama", "mistral", "gpt-oss"])
def test_generate_finds_the_same_tokens(name):
    given = tokens()
    found = [architectures.decoder(name, attention).generate(given, max_new_tokens=STEPS, do_sample=False, min_new_tokens=STEPS)
             for attention in ("eager", "crestmax")]
    assert torch.equal(*found)


@pytest.mark.parametrize("name", ["llama", "gemma 2"])
def test_bfloat16_is_as_near_to_float32_as_eager_is(name):
    given = tokens()
    truth = architectures.decoder(name, "eager")(given).logits
    errors = [(architectures.decoder(name, attention, torch.bfloat16)(given).logits.float() - truth).norm() for attention in ("eager", "crestmax")]
    assert errors[1] <= 1.25 * errors[0]


def test_gradients_and_dropout_are_refused():
    model = architectures.decoder("llama", "crestmax")
    with torch.enable_grad(), pytest.raises(NotImplementedError, match="no gradients"):
        model(tokens())
    model.config.attention_dropout = 0.5
    for layer in model.model.layers:
        layer.self_attn.attention_dropout = 0.5
    with pytest.raises(ValueError, match="dropout"):
        model.train()(tokens())
