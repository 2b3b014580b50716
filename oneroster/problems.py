"""The first kind of trouble: the data is wrong. A fault is a value that names file, line, column and value.

All codes and their sentences stand in one list, in English and Japanese; reports, screens and docs read it.
"""

from typing import Literal

import msgspec

Severity = Literal["error", "warning"]


class Problem(msgspec.Struct, frozen=True):
    """One fault of a bundle."""

    code: str
    file: str
    """The file in the bundle, "" for the bundle itself."""
    line: int
    """The physical line, the header being 1; 0 where no line can be named."""
    column: str
    """The header's name, or ""."""
    value: str
    detail: str = ""
    """What the sentence of the code leaves open: the expected words, the missing file."""

    @property
    def severity(self) -> Severity:
        return CODES[self.code].severity

    @property
    def message(self) -> str:
        sentence = CODES[self.code].english
        return f"{sentence} {self.detail}" if self.detail else sentence

    @property
    def japanese(self) -> str:
        sentence = CODES[self.code].japanese
        return f"{sentence} {self.detail}" if self.detail else sentence


class Code(msgspec.Struct, frozen=True):
    """The sentence of a kind of fault, and what to do about it."""

    english: str
    japanese: str
    severity: Severity = "error"


CODES: dict[str, Code] = {
    # the bundle
    "E-ZIP": Code("The zip cannot be read.", "zipファイルを読み取れません。"),
    "E-ZIP-ENTRY": Code(
        "The zip holds an entry that cannot be accepted.", "zipファイルに受け付けられない項目があります。"
    ),
    "E-ZIP-SIZE": Code("The zip unpacks to more than is allowed.", "zipの展開後のサイズが上限を超えています。"),
    "E-FOLDER": Code(
        "The CSV files must lie at the root of the zip, not in a folder.",
        "CSVファイルはフォルダーに入れず、zipの直下に置いてください。",
    ),
    "E-MANIFEST": Code("There is no manifest.csv.", "manifest.csvがありません。"),
    "E-MANIFEST-VALUE": Code("manifest.csv has a wrong or missing value.", "manifest.csvの値が不正か不足しています。"),
    "E-FILE-MISSING": Code(
        "The manifest announces a file that is not there.", "マニフェストに記載されたファイルがありません。"
    ),
    "E-FILE-EXTRA": Code(
        "The manifest calls this file absent, but it is there.",
        "マニフェストでabsentとされたファイルが含まれています。",
    ),
    "E-FILE-UNKNOWN": Code("This is no file of OneRoster 1.2.", "OneRoster 1.2にないファイルです。"),
    # a file
    "E-EMPTY": Code("The file has no header row.", "ファイルにヘッダー行がありません。"),
    "E-ENC": Code("The file is not UTF-8.", "ファイルがUTF-8ではありません。"),
    "E-CSV": Code("The line cannot be read as CSV.", "CSVとして読み取れない行です。"),
    "E-HEADER-MISSING": Code("A column is missing.", "必要な列がありません。"),
    "E-HEADER-TWICE": Code("A column stands twice.", "同じ列が重複しています。"),
    "E-HEADER-UNKNOWN": Code("This column is not part of the profile.", "プロファイルにない列です。"),
    # a row
    "E-COLUMNS": Code("The row has not as many cells as the header.", "列数がヘッダーと一致しません。"),
    "E-REQUIRED": Code("A required value is blank.", "必須項目が空です。"),
    "E-TEXT": Code("The text holds a line break or control character.", "改行または制御文字が含まれています。"),
    "E-GUID": Code(
        "Not an identifier: letters, digits and . - _ / @, at most 255 of them.",
        "識別子の形式ではありません（英数字と . - _ / @、255文字以内）。",
    ),
    "E-ENUM": Code("Not a word of the vocabulary.", "許可された値ではありません。"),
    "E-BOOL": Code("Not true or false.", "true または false ではありません。"),
    "E-DATE": Code("Not a date YYYY-MM-DD of the calendar.", "正しい日付（YYYY-MM-DD）ではありません。"),
    "E-INSTANT": Code(
        "Not an instant like 2026-04-01T00:00:00.000Z.", "日時の形式（例：2026-04-01T00:00:00.000Z）ではありません。"
    ),
    "E-YEAR": Code("Not a year YYYY.", "年（YYYY）ではありません。"),
    "E-INTEGER": Code("Not a whole number.", "整数ではありません。"),
    "E-USERIDS": Code("Not of the form {type:identifier}.", "{種別:ID} の形式ではありません。"),
    "E-STATUS": Code(
        "A delta row needs status and dateLastModified.", "差分の行にはstatusとdateLastModifiedが必要です。"
    ),
    # across rows and files
    "E-DUPLICATE": Code("The same sourcedId stands twice in the file.", "sourcedIdが重複しています。"),
    "E-REF": Code("The record referred to does not exist.", "参照先のレコードが存在しません。"),
    # warnings
    "W-BOM": Code("The file begins with a byte order mark.", "ファイルの先頭にBOMがあります。", "warning"),
    "W-HEADER-ORDER": Code(
        "The columns are not in the order of the profile.", "列の順序がプロファイルと異なります。", "warning"
    ),
    "W-BOOL-CASE": Code("True or False read as true or false.", "True/Falseをtrue/falseとして読みました。", "warning"),
    "W-VERSION": Code(
        "oneroster.version in the manifest does not go with the files.",
        "マニフェストのoneroster.versionがファイルの内容と一致しません。",
        "warning",
    ),
    "W-MODE": Code(
        "The rows do not match the mode in the manifest; the rows were believed.",
        "行の内容がマニフェストのモードと異なるため、行の内容に従いました。",
        "warning",
    ),
    "W-SKIPPED": Code(
        "A file of the resources or gradebook service: recognised and skipped.",
        "リソース・成績関連のファイルのため読み飛ばしました。",
        "warning",
    ),
    "W-NO-ROLE": Code("The user has no role.", "ロールのない利用者です。", "warning"),
}
