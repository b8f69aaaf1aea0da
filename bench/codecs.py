"""Real telephone codecs for the corpora, through the libraries that Debian ships (ctypes).

Each codec takes and gives 16-bit samples at 8 kHz. A codec whose library is missing is left out:
:func:`available` says which there are.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
AMR_MODES = {"4.75": 0, "5.15": 1, "5.90": 2, "6.70": 3, "7.40": 4, "7.95": 5, "10.2": 6, "12.2": 7}
AMR_WB_MODES = {"6.60": 0, "8.85": 1, "12.65": 2, "23.85": 8}


@cache
def _library(name: str) -> ctypes.CDLL | None:
    path = ctypes.util.find_library(name)
    return None if path is None else ctypes.CDLL(path)


def available() -> set[str]:
    """The codec families that this machine can run."""
    found = {"alaw"}
    if _library("gsm") is not None:
        found.add("gsm")
    if _library("opencore-amrnb") is not None:
        found.add("amr")
    if _library("opencore-amrwb") is not None and _library("vo-amrwbenc") is not None:
        found.add("amrwb")
    return found


def _frames(samples: Samples, size: int) -> NDArray[np.int16]:
    padded = np.zeros(-(-len(samples) // size) * size, dtype=np.int16)
    padded[: len(samples)] = samples
    return padded.reshape(-1, size)


def alaw(samples: Samples) -> Samples:
    """ITU-T G.711 A-law there and back."""
    size = np.abs(samples.astype(np.int32))
    segment = np.floor(np.log2(np.maximum(size, 256))).astype(np.int32)
    step = np.left_shift(1, segment - 4)  # 16 below 512, then doubling with each segment
    decoded = (size // step) * step + step // 2
    signed = np.where(samples < 0, -decoded, decoded)
    return np.asarray(np.clip(signed, -32768, 32767), dtype=np.int16)


def gsm_full_rate(samples: Samples, lost: Iterable[int] = ()) -> Samples:
    """GSM 06.10; a lost frame is decoded from the frame before it."""
    library = _library("gsm")
    if library is None:
        raise RuntimeError("libgsm is missing")
    library.gsm_create.restype = ctypes.c_void_p
    coder, decoder = (ctypes.c_void_p(library.gsm_create()) for _ in range(2))
    gone = set(lost)
    frames = _frames(samples, 160)
    out = np.zeros_like(frames)
    packet = ctypes.create_string_buffer(33)
    last = b""
    for number, frame in enumerate(frames):
        library.gsm_encode(coder, frame.ctypes.data_as(ctypes.c_void_p), packet)
        if number in gone and last:
            packet.raw = last
        last = packet.raw
        library.gsm_decode(decoder, packet, out[number].ctypes.data_as(ctypes.c_void_p))
    library.gsm_destroy(coder)
    library.gsm_destroy(decoder)
    return out.reshape(-1)[: len(samples)]


def amr(mode: str, samples: Samples, lost: Iterable[int] = ()) -> Samples:
    """AMR narrow band (3GPP TS 26.071); lost frames go through the decoder's own concealment."""
    library = _library("opencore-amrnb")
    if library is None:
        raise RuntimeError("libopencore-amrnb is missing")
    library.Encoder_Interface_init.restype = ctypes.c_void_p
    library.Decoder_Interface_init.restype = ctypes.c_void_p
    coder = ctypes.c_void_p(library.Encoder_Interface_init(0))
    decoder = ctypes.c_void_p(library.Decoder_Interface_init())
    gone = set(lost)
    frames = _frames(samples, 160)
    out = np.zeros_like(frames)
    packet = ctypes.create_string_buffer(64)
    for number, frame in enumerate(frames):
        library.Encoder_Interface_Encode(
            coder, AMR_MODES[mode], frame.ctypes.data_as(ctypes.c_void_p), packet, 0
        )
        library.Decoder_Interface_Decode(
            decoder, packet, out[number].ctypes.data_as(ctypes.c_void_p), int(number in gone)
        )
    library.Encoder_Interface_exit(coder)
    library.Decoder_Interface_exit(decoder)
    return out.reshape(-1)[: len(samples)]


def _half_band() -> NDArray[np.float64]:
    taps = np.arange(-31, 32)
    kernel: NDArray[np.float64] = 0.5 * np.sinc(taps / 2.0) * np.kaiser(63, 6.0)
    return kernel


def amr_wide_band(mode: str, samples: Samples, lost: Iterable[int] = ()) -> Samples:
    """AMR wide band (3GPP TS 26.171) with resampling by two on either side."""
    coders, decoders = _library("vo-amrwbenc"), _library("opencore-amrwb")
    if coders is None or decoders is None:
        raise RuntimeError("libvo-amrwbenc or libopencore-amrwb is missing")
    coders.E_IF_init.restype = ctypes.c_void_p
    decoders.D_IF_init.restype = ctypes.c_void_p
    coder, decoder = ctypes.c_void_p(coders.E_IF_init()), ctypes.c_void_p(decoders.D_IF_init())
    gone = set(lost)
    wide = np.zeros(2 * len(samples))
    wide[::2] = 2.0 * samples
    wide = np.convolve(wide, _half_band(), mode="same")
    frames = _frames(np.clip(np.rint(wide), -32768, 32767).astype(np.int16), 320)
    out = np.zeros_like(frames)
    packet = ctypes.create_string_buffer(128)
    for number, frame in enumerate(frames):
        coders.E_IF_encode(
            coder, AMR_WB_MODES[mode], frame.ctypes.data_as(ctypes.c_void_p), packet, 0
        )
        decoders.D_IF_decode(
            decoder, packet, out[number].ctypes.data_as(ctypes.c_void_p), int(number in gone)
        )
    coders.E_IF_exit(coder)
    decoders.D_IF_exit(decoder)
    narrow = np.convolve(out.reshape(-1).astype(np.float64), _half_band(), mode="same")[::2]
    return np.clip(np.rint(narrow), -32768, 32767).astype(np.int16)[: len(samples)]


def codec(name: str) -> Callable[..., Samples]:
    """``alaw``, ``gsm``, ``amr-12.2``, ``amrwb-12.65`` and so on."""
    family, _, mode = name.partition("-")
    if family == "alaw":
        return lambda samples, _lost=(): alaw(samples)
    if family == "gsm":
        return gsm_full_rate
    if family == "amr":
        return lambda samples, lost=(): amr(mode, samples, lost)
    if family == "amrwb":
        return lambda samples, lost=(): amr_wide_band(mode, samples, lost)
    raise ValueError(name)
