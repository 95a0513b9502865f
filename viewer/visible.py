"""Text of models and people as it can be shown: what would move a cursor, colour a terminal, or
turn the words of a line around is written out."""

CONTROLS = {
    code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"
}
"""Control characters, as Python writes them."""

TURNING = {
    code: f"\\u{code:04x}"
    for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
"""Marks that set the direction of text: with them one text can look like another."""

WRITTEN_OUT = CONTROLS | TURNING


def visible(text: str) -> str:
    """The text with such characters, and half characters, written out."""
    return text.encode("utf-8", "backslashreplace").decode().translate(WRITTEN_OUT)
