"""The 7 bit alphabets of 3GPP TS 23.038: the default one, its extension, and national tables.

A national table is chosen by the message's header (information elements 24 and 25). Turkish,
Spanish and Portuguese are here; of the Indian languages the header is recognised and the text is
read by the default table and marked uncertain.
"""

from __future__ import annotations

ESCAPE = 0x1B

DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""6.2.1; the position is the septet's value."""

EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]",
    0x40: "|", 0x65: "€",
}  # fmt: skip
"""6.2.1.1; reached through :data:`ESCAPE`."""

_TURKISH, _SPANISH, _PORTUGUESE = 1, 2, 3

_SINGLE_SHIFT = {
    _TURKISH: EXTENSION
    | {0x47: "Ğ", 0x49: "İ", 0x53: "Ş", 0x63: "ç", 0x67: "ğ", 0x69: "ı", 0x73: "ş"},
    _SPANISH: EXTENSION
    | {0x09: "ç", 0x41: "Á", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x61: "á", 0x69: "í", 0x6F: "ó",
       0x75: "ú"},
    _PORTUGUESE: EXTENSION
    | {0x05: "ê", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á", 0x12: "Φ", 0x13: "Γ",
       0x15: "Ω", 0x16: "Π", 0x17: "Ψ", 0x18: "Σ", 0x19: "Θ", 0x1F: "Ê", 0x41: "À", 0x49: "Í",
       0x4F: "Ó", 0x55: "Ú", 0x5B: "Ã", 0x5C: "Õ", 0x61: "Â", 0x69: "í", 0x6F: "ó", 0x75: "ú",
       0x7B: "ã", 0x7C: "õ", 0x7F: "â"},
}  # fmt: skip
"""Annex A.2, by national language identifier."""

_LOCKING_SHIFT = {
    # Annex A.3.1: eight places differ from the default table.
    _TURKISH: DEFAULT.translate(str.maketrans("èìØøÆæ¡¿", "€ıĞğŞşİç")),
    # Spanish has no table of its own (A.3.2).
    _SPANISH: DEFAULT,
    # A.3.3.
    _PORTUGUESE: (
        "@£$¥êéúíóç\nÔô\rÁáΔ_ªÇÀ∞^\\€Ó|\x1bÂâÊÉ !\"#º%&'()*+,-./0123456789:;<=>?"
        "ÍABCDEFGHIJKLMNOPQRSTUVWXYZÃÕÚÜ§~abcdefghijklmnopqrstuvwxyzãõ`üà"
    ),
}


def known(language: int) -> bool:
    """Whether the national tables of *language* (its identifier; 0 is none) are here."""
    return language == 0 or language in _SINGLE_SHIFT


def decode(septets: list[int], *, locking: int = 0, single: int = 0) -> str:
    """Return the text of *septets*; a language that is not known is read by the default table.

    An escape before a place that the extension leaves empty stands for the character of the
    default table (6.2.1.1).
    """
    table = _LOCKING_SHIFT.get(locking, DEFAULT)
    extension = _SINGLE_SHIFT.get(single, EXTENSION)
    text: list[str] = []
    escaped = False
    for septet in septets:
        if escaped:
            text.append(extension.get(septet, table[septet] if septet != ESCAPE else " "))
            escaped = False
        elif septet == ESCAPE:
            escaped = True
        else:
            text.append(table[septet])
    return "".join(text)


def unpack(data: bytes, count: int) -> list[int]:
    """Return the first *count* septets packed in *data* (6.1.2.1), fewer where it is cut."""
    bits = int.from_bytes(data, "little")
    return [(bits >> (7 * i)) & 0x7F for i in range(min(count, len(data) * 8 // 7))]
