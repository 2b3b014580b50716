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
    "E-OR11": Code(
        "This is OneRoster 1.1. Export OneRoster 1.2 CSV instead, in which roles.csv says who is what in which school.",
        "OneRoster 1.1のデータです。OneRoster 1.2のCSV（所属と役割はroles.csv）で出力してください。",
    ),
    "E-OR10": Code(
        "This is OneRoster 1.0. Export OneRoster 1.2 CSV instead, with manifest.csv and roles.csv.",
        "OneRoster 1.0のデータです。OneRoster 1.2のCSV（manifest.csvとroles.csvを含む）で出力してください。",
    ),
    "E-SDS": Code(
        "These are files of Microsoft School Data Sync. Export OneRoster 1.2 CSV instead.",
        "Microsoft School Data Sync形式のファイルです。OneRoster 1.2のCSVで出力してください。",
    ),
    # a file
    "E-EMPTY": Code("The file has no header row.", "ファイルにヘッダー行がありません。"),
    "E-ENC": Code(
        "The line is not in an encoding that is read here.", "文字コードが正しくないため読み取れない行です。"
    ),
    "E-CSV": Code("The line cannot be read as CSV.", "CSVとして読み取れない行です。"),
    "E-HEADER-MISSING": Code("A column is missing.", "必要な列がありません。"),
    "E-HEADER-TWICE": Code("A column stands twice.", "同じ列が重複しています。"),
    "E-HEADER-UNKNOWN": Code("This column is not part of the profile.", "プロファイルにない列です。"),
    "E-SEPARATOR": Code("The columns are not separated by commas.", "列の区切りがカンマではありません。"),
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
        "The row does not fit the mode of its file: a delta row has status and dateLastModified, a bulk row neither.",
        "行がファイルのモードに合いません（差分の行にはstatusとdateLastModifiedの両方が必要、一括の行ではどちらも空）。",
    ),
    # across rows and files
    "E-DUPLICATE": Code("The same sourcedId stands twice in the file.", "sourcedIdが重複しています。"),
    "E-REF": Code("The record referred to does not exist.", "参照先のレコードが存在しません。"),
    # warnings
    "W-BOM": Code("The file begins with a byte order mark.", "ファイルの先頭にBOMがあります。", "warning"),
    "W-UTF16": Code("The file is UTF-16; it was read.", "UTF-16のファイルとして読み取りました。", "warning"),
    "W-EOL": Code("A line does not end in CR LF.", "改行がCR LFではありません。", "warning"),
    "W-UNQUOTED": Code(
        "A value does not stand in double quotes.", "ダブルクォートで囲まれていない値があります。", "warning"
    ),
    "W-NO-ROWS": Code(
        "The file has a header and no rows; leave it out and mark it absent.",
        "ヘッダーのみでデータ行がありません。ファイルを含めず、マニフェストでabsentとしてください。",
        "warning",
    ),
    "W-ZIP-NAME": Code(
        "The name of the zip is not RO_YYYYMMDD_code.zip.",
        "zipファイル名が RO_YYYYMMDD_コード.zip の形式ではありません。",
        "warning",
    ),
    "W-MANIFEST": Code("A row of manifest.csv is missing.", "manifest.csvの行が不足しています。", "warning"),
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
