"""What the sentences of problems leave open, in Japanese: one template for each sentence that is added to them.

`{}` stands for a name or a number, which is the same in both languages. What comes from elsewhere, such as the words of
the zip library, stays as it is.
"""

import re

DETAILS: tuple[tuple[str, str], ...] = (
    ("Expected {} or ext:NAME.", "期待される値は {}、または ext: で始まる語です。"),
    ("Expected {}.", "期待される値は {} です。"),
    ("{} more like this are not listed.", "同様のものがほかに{}件あり、記載を省略しています。"),
    # rows and files
    ("It stands on line {} already.", "すでに{}行目にあります。"),
    ("Not in {}.csv.", "{}.csv にありません。"),
    ("There is {}; upper and lower case count.", "{} はありますが、大文字と小文字は区別されます。"),
    ("It is in {}.csv.", "{}.csv にはあります。"),
    ("It is of type {}.", "種別は {} です。"),
    ("{} row.", "{}行あります。"),
    ("{} rows.", "{}行あります。"),
    ("In org {}.", "組織は {} です。"),
    ("Class {}.", "クラスは {} です。"),
    ("This file is read as {}.", "このファイルは {} として読み込まれます。"),
    ("{}.csv is read as {}.", "{}.csv は {} として読み込まれます。"),
    ("The header has {} columns.", "見出し行は{}列です。"),
    # values
    ("The beginning is {}.", "開始日は {} です。"),
    ("{} subjects and {} codes.", "教科名は{}件、教科コードは{}件です。"),
    (
        "It is to be filled: true or false for teachers, false for pupils.",
        "教員は true または false、児童生徒は false と記入してください。",
    ),
    (
        "The primary row is teacher, the management role a secondary one.",
        "primary の行は teacher とし、管理職の役割は secondary の行に記入してください。",
    ),
    ("A school has 13 characters.", "学校コードは13文字です。"),
    ("A board of education has 6 digits.", "教育委員会コードは6桁の数字です。"),
    ("Not the title but the sourcedId of the class.", "クラスの名称ではなく sourcedId を記入してください。"),
    # headers and profiles
    ("There is {}; headers are case-sensitive.", "{} がありますが、見出しの大文字と小文字は区別されます。"),
    (
        "There is {}; blanks, full-width and invisible characters count.",
        "{} がありますが、空白、全角文字、見えない文字も区別されます。",
    ),
    ("They are separated by semicolons.", "セミコロンで区切られています。"),
    ("They are separated by tabs.", "タブで区切られています。"),
    ("They are separated by bars.", "縦線で区切られています。"),
    ("They are separated by Japanese commas.", "読点で区切られています。"),
    ("They are separated by full-width commas.", "全角コンマで区切られています。"),
    (
        "The tenant's setting is {}; the bundle looks like {}:",
        "設定されているプロファイルは {} ですが、データは {} のものに見えます。",
    ),
    ("There is no metadata.jp. column in {}.", "{} に metadata.jp. の列がありません。"),
    ("There is no metadata.jp. column.", "metadata.jp. の列がありません。"),
    ("There is {}, and manifest.csv says {}.", "{} があり、manifest.csv の値は {} です。"),
    ("There is {}, and none of what came later.", "{} があり、後の版の列はありません。"),
    ("{}.csv has {}, and manifest.csv says {}.", "{}.csv に {} があり、manifest.csv の値は {} です。"),
    ("{}.csv has {}, and {}.", "{}.csv に {} と {} があります。"),
    ("{}.csv has {}.", "{}.csv に {} があります。"),
    ("manifest.csv says {}.", "manifest.csv の値は {} です。"),
    (
        "See `rosterhub tenant set CODE --profile {}`, or auto.",
        "`rosterhub tenant set CODE --profile {}`（または auto）で変更できます。",
    ),
    ("Read as {}, whose manifest says {}.", "{} として読み込みます。そのマニフェストの値は {} です。"),
    (
        "No edition 1.2.2 has been published; read as 1.2.1 ({}).",
        "1.2.2 版は公開されていないため、1.2.1（{}）として読み込みます。",
    ),
    # encodings
    ("Byte {} of the line is {}.", "行の{}バイト目が {} です。"),
    (
        "If the file is CP932 (Shift_JIS), `{}` reads it.",
        "ファイルが CP932（Shift_JIS）の場合は、`{}` の設定で読み込めます。",
    ),
    (
        "The tenant's setting is cp932; `{}` reads UTF-8.",
        "文字コードの設定は cp932 です。`{}` とすると UTF-8 を読み込めます。",
    ),
    ("It is ISO-2022-JP. Export UTF-8.", "ISO-2022-JP です。UTF-8 で出力してください。"),
    ("It is UTF-32. Export UTF-8.", "UTF-32 です。UTF-8 で出力してください。"),
    (
        "It is UTF-16 or UTF-32 without a byte order mark. Export UTF-8.",
        "BOM のない UTF-16 または UTF-32 です。UTF-8 で出力してください。",
    ),
    ("It is UTF-8, not CP932.", "CP932 ではなく UTF-8 です。"),
    ("It is not CP932.", "CP932 ではありません。"),
    ("It is not UTF-8 there.", "その箇所は UTF-8 ではありません。"),
    ("The file ends in the middle of a character.", "ファイルが文字の途中で終わっています。"),
    ("It is a lone surrogate.", "対になっていないサロゲートです。"),
    ("A lone surrogate.", "対になっていないサロゲートです。"),
    ("An overlong form.", "冗長な形式の UTF-8 です。"),
    ("Beyond U+10FFFF.", "U+10FFFF を超えています。"),
    # CSV
    ("The file ends in the middle of a value.", "ファイルが値の途中で終わっています。"),
    ("',' expected after '\"'.", "閉じる引用符の後にコンマがありません。"),
    ("Row longer than {} bytes.", "1行の長さが{}バイトを超えています。"),
    ("Line longer than {} bytes.", "1行の長さが{}バイトを超えています。"),
    ("Field larger than field limit ({}).", "値の長さが上限（{}）を超えています。"),
    # manifest and zip
    ("The header is propertyName,value.", "見出し行は propertyName,value です。"),
    ("The property stands twice.", "同じ項目が2回あります。"),
    ("There is no such file.", "そのようなファイルは規格にありません。"),
    ("Use absent, bulk or delta.", "absent、bulk、delta のいずれかを記入してください。"),
    ("It is missing.", "記入されていません。"),
    ("It is 1.0.", "1.0 と記入してください。"),
    (
        "RosterHub reads OneRoster 1.2; export in that version.",
        "RosterHub は OneRoster 1.2 を読み込みます。その版で出力してください。",
    ),
    ("The manifest does not name it.", "マニフェストに記載がありません。"),
    ("{}.csv counts as absent.", "{}.csv は absent とみなされます。"),
    ("More than {} entries.", "ファイルの数が{}を超えています。"),
    ("Entries overlap.", "ファイルの領域が重なっています。"),
    ("It is encrypted.", "暗号化されています。"),
    ("It is not a plain file.", "通常のファイルではありません。"),
    ("It is packed by a method other than DEFLATE.", "DEFLATE 以外の方式で圧縮されています。"),
    ("The name stands twice.", "同じ名前のファイルが2つあります。"),
)


def _compiled(english: str) -> re.Pattern[str]:
    """A sentence that begins with a name begins with a word: else it could begin in the sentence before."""
    first, *rest = (re.escape(part) for part in english.split("{}"))
    gaps = ["(.+?)" if at or first else r"(\S+)" for at in range(len(rest))]
    return re.compile(first + "".join(gap + part for gap, part in zip(gaps, rest, strict=True)) + r"(?: |\Z)")


_COMPILED = [(_compiled(english), japanese) for english, japanese in DETAILS]


def in_japanese(detail: str) -> str:
    """The sentences one after another, in Japanese as far as they are known."""
    said = ""
    while detail:
        for pattern, japanese in _COMPILED:
            if found := pattern.match(detail):
                said += japanese.format(*found.groups())
                detail = detail[found.end() :]
                break
        else:
            return f"{said} {detail}".strip()
    return said
