"""Repair text that was encoded twice: UTF-8 that was read as another encoding and saved again."""

import re

# Repaired at one time, cut after white space.
_PIECES = re.compile(r".{1,20000}(?:\s|$)|.{1,20000}", re.DOTALL)
# ftfy takes 0.3 ms for a lead, so it gets only texts with a pair of characters that double encoding
# leaves behind: the first byte of a letter in UTF-8 and a following one, in Windows-1252 ("Ã¼",
# "â€™"), Windows-1251 ("Рї") or Mac Roman ("√º"), or a control character from between them.
_SUSPECT = re.compile(
    "[\x80-\x9f√┬├]|Ã |[Â-ô][\xa0-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]|"
    "[ВГРС][\xa0-\xacЂЃ‚ѓ„†‡€‰ЉЊЌЋЏђ‘’“•™љњќћџЎўЈ¤Ґ¦§©Є®Ї°±Ііґµ¶·№єјЅѕї]"
)


def repair_encoding(text: str) -> str:
    """Return text with double encoding undone, by ftfy; intact text is returned as it is.

    >>> repair_encoding("MÃ¼ller donâ€™t"), repair_encoding("Müller – don’t")
    ('Müller don’t', 'Müller – don’t')
    """
    if text.isascii() or not _SUSPECT.search(text):
        return text
    import ftfy

    return "".join(map(ftfy.fix_encoding, _PIECES.findall(text)))
