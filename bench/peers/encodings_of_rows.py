"""Encodings of keys and values in numpy, as the description of each format has it: what is written, and what it stands for.

Rows are the last axis: of numbers (..., head_dim) in float32, or of bytes (..., row_bytes).
"""

import numpy

BLOCK = 32  # numbers of a row that share a scale, in ggml's encodings


def blocks_of(numbers):
    return numbers.reshape(*numbers.shape[:-1], -1, BLOCK)


def rows_of(scales, codes):
    """Each block behind its scale, block after block."""
    blocks = numpy.concatenate([scales.view(numpy.uint8), codes.view(numpy.uint8)], axis=-1)
    return blocks.reshape(*blocks.shape[:-2], -1)


def blocks_in(rows, size):
    """Scales (..., 1) and bytes of codes of blocks of so many bytes."""
    blocks = rows.reshape(*rows.shape[:-1], -1, size)
    return numpy.ascontiguousarray(blocks[..., :2]).view(numpy.float16).astype(numpy.float32), blocks[..., 2:]


def numbers_in(blocks):
    return blocks.reshape(*blocks.shape[:-2], -1)


def over(numbers, scales):
    """Numbers over their scales; 0 where that is 0."""
    return numpy.divide(numbers, scales, out=numpy.zeros_like(numbers), where=scales != 0)


def encode_q8_0(numbers):
    blocks = blocks_of(numbers)
    scales = numpy.abs(blocks).max(axis=-1, keepdims=True) / numpy.float32(127)
    return rows_of(scales.astype(numpy.float16), numpy.rint(over(blocks, scales)).astype(numpy.int8))


def decode_q8_0(rows):
    scales, codes = blocks_in(rows, 2 + BLOCK)
    return numbers_in(scales * codes.view(numpy.int8))


def encode_q4_0(numbers):
    """The number of the largest size becomes -8."""
    blocks = blocks_of(numbers)
    largest = numpy.take_along_axis(blocks, numpy.abs(blocks).argmax(axis=-1, keepdims=True), axis=-1)
    scales = largest / numpy.float32(-8)
    codes = numpy.minimum(15, (over(blocks, scales) + numpy.float32(8.5)).astype(numpy.uint8))
    return rows_of(scales.astype(numpy.float16), codes[..., :BLOCK // 2] | codes[..., BLOCK // 2:] << 4)


def decode_q4_0(rows):
    scales, nibbles = blocks_in(rows, 2 + BLOCK // 2)
    codes = numpy.concatenate([nibbles & 15, nibbles >> 4], axis=-1)
    return numbers_in(scales * (codes.astype(numpy.float32) - 8))


def encode_int8(numbers):
    """Behind a scale for the row, in float32."""
    scales = numpy.abs(numbers).max(axis=-1, keepdims=True) / numpy.float32(127)
    return numpy.concatenate([scales.view(numpy.uint8), numpy.rint(over(numbers, scales)).astype(numpy.int8).view(numpy.uint8)], axis=-1)


def decode_int8(rows):
    return numpy.ascontiguousarray(rows[..., :4]).view(numpy.float32) * rows[..., 4:].view(numpy.int8)


def encode_uint8(numbers):
    """Behind a scale and a zero point for the row, in float32."""
    low, high = numbers.min(axis=-1, keepdims=True), numbers.max(axis=-1, keepdims=True)
    scales = (high - low) / numpy.float32(255)
    zeros = -over(low, scales)
    codes = numpy.clip(numpy.rint(over(numbers, scales) + zeros), 0, 255).astype(numpy.uint8)
    return numpy.concatenate([scales.view(numpy.uint8), zeros.view(numpy.uint8), codes], axis=-1)


def decode_uint8(rows):
    beside = numpy.ascontiguousarray(rows[..., :8]).view(numpy.float32)
    return (rows[..., 8:].astype(numpy.float32) - beside[..., 1:]) * beside[..., :1]


ENCODE = {"q8_0": encode_q8_0, "q4_0": encode_q4_0, "int8": encode_int8, "uint8": encode_uint8}
DECODE = {"q8_0": decode_q8_0, "q4_0": decode_q4_0, "int8": decode_int8, "uint8": decode_uint8}
