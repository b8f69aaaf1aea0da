"""What the downlink audio says: keys (DTMF) and machines (beep, fax, SIT, call progress tones)."""

from firmware.dtmf.detector import ALL_KEYS, Detected, ToneDetector
from firmware.dtmf.listener import DownlinkDetector
from firmware.dtmf.tones import MachineFound, ProgressListener

__all__ = [
    "ALL_KEYS",
    "Detected",
    "DownlinkDetector",
    "MachineFound",
    "ProgressListener",
    "ToneDetector",
]
