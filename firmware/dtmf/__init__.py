"""What the downlink audio says: keys (DTMF) and machines (beep, fax, SIT, call progress tones)."""

from firmware.dtmf.detector import ALL_KEYS, Detected, ToneDetector

__all__ = ["ALL_KEYS", "Detected", "ToneDetector"]
