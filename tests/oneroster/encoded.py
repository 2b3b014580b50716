"""Sixty files in the encodings exporters use: to be read true to the byte, or refused with line and byte.

The oracle is written down here: bytes are typed as hexadecimal from the tables of the encodings, values as code points.
No codec of ours or of Python's is asked what is right.
"""

import msgspec

HEADER = b"sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\r\n"
BEFORE, AFTER = b"o1,,,", b",school,,\r\n"
IN_LINE_3 = len(BEFORE) + 1
"""The place of the first byte of the name in the third line."""


class Case(msgspec.Struct, frozen=True):
    """A file, and what must come of it."""

    name: str
    data: bytes
    value: str | None = None
    """The name of the org in the third line, where it can be read."""
    place: tuple[int, str, int] | None = None
    """Line, value and place in the line of the byte it is refused for."""
    warnings: tuple[str, ...] = ()
    setting: str = "auto"
    words: str = ""
    """What the message says, too."""


def file(name: str, mark: bytes = b"") -> bytes:
    """A file of two orgs; the second, in line 3, has a name given as hexadecimal bytes."""
    return mark + HEADER + b"o0,,,North,school,,\r\n" + BEFORE + bytes.fromhex(name) + AFTER


def wide(name: str, big: bool, mark: bool = True, tail: bytes = b"") -> bytes:
    """The same in UTF-16, whose name is given in hexadecimal units, made by hand from its ASCII."""

    def spread(text: bytes) -> bytes:
        return b"".join(bytes([0, one]) if big else bytes([one, 0]) for one in text)

    units = [bytes.fromhex(unit) for unit in name.split()]
    middle = b"".join(unit if big else unit[::-1] for unit in units)
    head = (b"\xfe\xff" if big else b"\xff\xfe") if mark else b""
    return head + spread(HEADER + b"o0,,,North,school,,\r\n" + BEFORE) + middle + spread(AFTER) + tail


def kept(name: str, data: str, value: str, *warnings: str, mark: bytes = b"", setting: str = "auto") -> Case:
    return Case(name, file(data, mark), value, None, warnings, setting)


def refused(name: str, data: str, byte: str, offset: int = 0, words: str = "", setting: str = "auto") -> Case:
    return Case(name, file(data), None, (3, byte, IN_LINE_3 + offset), (), setting, words)


BOM = b"\xef\xbb\xbf"
AS_CP932 = "rosterhub tenant set CODE --encoding cp932"
CORPUS = [
    # UTF-8
    kept("ascii", "4e6f727468", "North"),
    kept("kanji", "e5b1b1e794b0", "\u5c71\u7530"),
    kept("hiragana and katakana", "e38184e382a4", "\u3044\u30a4"),
    kept("half-width kana", "efbe83efbdbdefbe84", "\uff83\uff7d\uff84"),
    kept("half-width kana with a mark apart", "efbdb6efbe9e", "\uff76\uff9e"),
    kept("wave dash", "e3809c", "\u301c"),
    kept("full-width tilde", "efbd9e", "\uff5e"),
    kept("both dashes", "e3809cefbd9e", "\u301c\uff5e"),
    kept("minus and full-width hyphen-minus", "e28892efbc8d", "\u2212\uff0d"),
    kept("double vertical line and parallel to", "e28096e288a5", "\u2016\u2225"),
    kept("em dash and horizontal bar", "e28094e28095", "\u2014\u2015"),
    kept("cent, pound, not in both widths", "c2a2c2a3c2acefbfa0efbfa1efbfa2",
         "\u00a2\u00a3\u00ac\uffe0\uffe1\uffe2"),
    kept("composed", "e3818c", "\u304c"),
    kept("decomposed", "e3818be38299", "\u304b\u3099"),
    kept("composed and decomposed Latin", "c3a965cc81", "\u00e9e\u0301"),
    kept("compatibility ideograph", "efa891", "\ufa11"),
    kept("supplementary kanji", "f0a0aeb7", "\U00020bb7"),
    kept("variation selector", "e8919bf3a08480", "\u845b\U000e0100"),
    kept("standardized variation", "e58d97efb880", "\u5357\ufe00"),
    kept("private use", "ee8080", "\ue000"),
    kept("emoji of several parts", "f09f91a8e2808df09f91a9", "\U0001f468\u200d\U0001f469"),
    kept("full-width blank", "e38080e5b1b1", "\u3000\u5c71"),
    kept("zero-width space and word joiner", "e2808b61e281a0", "\u200ba\u2060"),
    kept("right-to-left override", "61e280ae62", "a\u202eb"),
    kept("no-break space", "61c2a062", "a\u00a0b"),
    kept("line separator and next line are no line ends", "61e280a862c28563", "a\u2028b\u0085c"),
    kept("a mark inside the file", "61efbbbf62", "a\ufeffb"),
    kept("last code point", "f48fbfbf", "\U0010ffff"),
    kept("replacement character", "efbfbd", "\ufffd"),
    kept("byte order mark", "e5b1b1", "\u5c71", "W-BOM", mark=BOM),
    kept("byte order mark although the tenant says CP932", "e5b1b1", "\u5c71", "W-BOM", mark=BOM, setting="cp932"),
    # UTF-16
    Case("UTF-16 LE", wide("5c71 7530", big=False), "\u5c71\u7530", None, ("W-UTF16",)),
    Case("UTF-16 BE", wide("5c71 7530", big=True), "\u5c71\u7530", None, ("W-UTF16",)),
    Case("UTF-16 LE, a pair", wide("d842 dfb7", big=False), "\U00020bb7", None, ("W-UTF16",)),
    Case("UTF-16 BE, a variation", wide("845b db40 dd00", big=True), "\u845b\U000e0100", None, ("W-UTF16",)),
    Case("UTF-16, units that hold 0a, 0d, 22 and 2c", wide("0a0a 0d0d 2222 2c2c", big=False),
         "\u0a0a\u0d0d\u2222\u2c2c", None, ("W-UTF16",)),
    Case("UTF-16 LE, half a pair", wide("d842 0041", big=False), None, (3, "0xd842", 2 * IN_LINE_3 - 1), ("W-UTF16",),
         words="lone surrogate"),
    Case("UTF-16 BE, the other half", wide("5c71 dfb7", big=True), None, (3, "0xdfb7", 2 * IN_LINE_3 + 1),
         ("W-UTF16",)),
    Case("UTF-16 LE, a byte too many", wide("5c71", big=False, tail=b"a"), None, (4, "0x61", 1), ("W-UTF16",)),
    Case("UTF-16 LE without a mark", wide("5c71", big=False, mark=False), None, (1, "0x00", 2), words="UTF-16"),
    Case("UTF-16 BE without a mark", wide("5c71", big=True, mark=False), None, (1, "0x00", 1), words="UTF-16"),
    Case("UTF-32 LE", b"\xff\xfe\0\0" + b"s\0\0\0", None, (1, "0xff", 1), words="UTF-32"),
    # CP932 where the tenant says so
    kept("CP932", "8e529363", "\u5c71\u7530", setting="cp932"),
    kept("CP932, second bytes that are backslashes", "955c835c", "\u8868\u30bd", setting="cp932"),
    kept("CP932, half-width kana", "c3bdc4", "\uff83\uff7d\uff84", setting="cp932"),
    kept("CP932, 8160 is the full-width tilde", "8160", "\uff5e", setting="cp932"),
    kept("CP932, 8161, 817c, 8191", "8161817c8191", "\u2225\uff0d\uffe0", setting="cp932"),
    kept("CP932, characters of NEC and IBM", "8740878afbfced95", "\u2460\u3231\u9ad9\ufa11", setting="cp932"),
    kept("CP932, user-defined", "f040", "\ue000", setting="cp932"),
    refused("CP932, a lead byte before a comma", "8e5281", "0x81", 2, "not CP932", setting="cp932"),
    refused("UTF-8 although the tenant says CP932", "e5b1b1", "0xe5", 0, "--encoding auto", setting="cp932"),
    # CP932 and others where he does not
    refused("CP932 unannounced", "8e529363", "0x8e", 0, AS_CP932),
    refused("CP932 unannounced, behind UTF-8", "e5b1b18e52", "0x8e", 3),
    refused("half-width kana of CP932 unannounced", "c3bdc4", "0xc4", 2, AS_CP932),
    refused("ISO-2022-JP", "1b24423b33451b2842", "0x1b", 0, "ISO-2022-JP"),
    refused("EUC-JP", "bbb3c5c4", "0xbb", 0),
    # no UTF-8
    refused("overlong", "61c0af", "0xc0", 1, "overlong"),
    refused("overlong in three bytes", "e080af", "0xe0", 0, "overlong"),
    refused("lone surrogate", "eda080", "0xed", 0, "surrogate"),
    refused("beyond the last code point", "f5808080", "0xf5", 0, "Beyond U+10FFFF"),
]  # fmt: skip
