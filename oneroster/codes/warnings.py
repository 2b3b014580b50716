"""What is worth saying of a bundle that is loaded all the same."""

from oneroster.codes.code import Code


def _warning(english: str, japanese: str, fix: str, fix_japanese: str) -> Code:
    return Code(english, japanese, fix, fix_japanese, "warning")


WARNINGS: dict[str, Code] = {
    # the bundle and its files
    "W-BOM": _warning(
        "The file begins with a byte order mark.",
        "ファイルの先頭にBOMがあります。",
        "Export as UTF-8 without one; other receivers reject it.",
        "BOMなしのUTF-8で出力してください。受け付けないシステムもあります。",
    ),
    "W-UTF16": _warning(
        "The file is UTF-16; it was read.",
        "UTF-16のファイルとして読み取りました。",
        "Export as UTF-8 without a byte order mark.",
        "UTF-8（BOMなし）で出力してください。",
    ),
    "W-EOL": _warning(
        "A line does not end in CR LF.",
        "改行がCR LFではありません。",
        "Let lines end in CR LF; other receivers may insist on it.",
        "改行をCR LFにしてください。他の受信側では必須の場合があります。",
    ),
    "W-UNQUOTED": _warning(
        "A value does not stand in double quotes.",
        "ダブルクォートで囲まれていない値があります。",
        "Put every value of a data row into double quotes, blank ones too.",
        "データ行の値は、空の値も含めてすべてダブルクォートで囲んでください。",
    ),
    "W-NO-ROWS": _warning(
        "The file has a header and no rows.",
        "ヘッダーのみでデータ行がありません。",
        "Leave the file out and mark it absent in manifest.csv, unless the export ended too early.",
        "出力が途中で終わったのでなければ、ファイルを含めず、マニフェストでabsentとしてください。",
    ),
    "W-ZIP-NAME": _warning(
        "The name of the zip is not RO_YYYYMMDD_code.zip.",
        "zipファイル名が RO_YYYYMMDD_コード.zip の形式ではありません。",
        "Name it by the day of the roster and the code of the school or the board of education.",
        "名簿の基準日と、学校コードまたは教育委員会コードをファイル名にしてください。",
    ),
    "W-MANIFEST": _warning(
        "A row of manifest.csv is missing.",
        "manifest.csvの行が不足しています。",
        "List all 21 file.* properties; a file that is not listed counts as absent.",
        "file.*の21項目をすべて記載してください。記載のないファイルはabsentとして扱います。",
    ),
    "W-HEADER-ORDER": _warning(
        "The columns are not in the order of the profile.",
        "列の順序がプロファイルと異なります。",
        "Export them in the order of the standard; other receivers go by it.",
        "規格どおりの順序で出力してください。順序に依存するシステムもあります。",
    ),
    "W-BOOL-CASE": _warning(
        "True or False read as true or false.",
        "True/Falseをtrue/falseとして読みました。",
        "Write them in lower case.",
        "小文字で出力してください。",
    ),
    "W-VERSION": _warning(
        "oneroster.version in the manifest does not go with the files.",
        "マニフェストのoneroster.versionがファイルの内容と一致しません。",
        "Choose the same edition for the manifest and the files in the export's settings.",
        "出力設定でマニフェストとファイルの版を揃えてください。",
    ),
    "W-MODE": _warning(
        "The rows do not match the mode in the manifest; the rows were believed.",
        "行の内容がマニフェストのモードと異なるため、行の内容に従いました。",
        "Call the file bulk if status and dateLastModified are blank, delta if they are filled.",
        "statusとdateLastModifiedが空ならbulk、入力済みならdeltaとしてください。",
    ),
    "W-SKIPPED": _warning(
        "A file of the resources or gradebook service: recognised and skipped.",
        "リソース・成績関連のファイルのため読み飛ばしました。",
        "Nothing needs to be done; RosterHub keeps rosters only.",
        "対応は不要です。RosterHubは名簿のみを扱います。",
    ),
    # identifiers
    "W-UUID-CASE": _warning(
        "A UUID in upper-case letters was read in lower case.",
        "UUIDの大文字を小文字として読みました。",
        "Export UUIDs in lower case.",
        "UUIDは小文字で出力してください。",
    ),
    "W-MASTER-ID": _warning(
        "userMasterIdentifier is not a UUID.",
        "userMasterIdentifierがUUIDではありません。",
        "Export the UUID that the school affairs system issued, or leave it blank.",
        "校務支援システムが発行したUUIDを出力するか、空にしてください。",
    ),
    "W-SCHOOL-CODE": _warning(
        "Not a code of a school (13 characters, the last a check digit) or a board of education (6 digits).",
        "学校コード（13桁、末尾は検査数字）または教育委員会コード（6桁）ではありません。",
        "Look the code up in the list of the Ministry of Education, or leave identifier blank.",
        "文部科学省の学校コード一覧で確認するか、identifierを空にしてください。",
    ),
    "W-LEFT": _warning(
        "Stored records go on pointing at a record that this bundle removes.",
        "このデータで削除されるレコードを参照したままの登録済みレコードがあります。",
        "Send the file named as well, without these references; or keep the record.",
        "示されたファイルも参照を除いて送るか、レコードを残してください。",
    ),
    # words and codes
    "W-GRADE": _warning(
        "Not a known code of a grade.",
        "学年コードの一覧にない値です。",
        "Use P1 to P6, J1 to J3, H1 to H4, E1 to E3, 01 to 10 or zz.",
        "P1～P6、J1～J3、H1～H4、E1～E3、01～10、zzのいずれかにしてください。",
    ),
    "W-SUBJECT-CODE": _warning(
        "Not a known code of a subject.",
        "教科コードの一覧にない値です。",
        "Use P010 to P100, J010 to J090, T01 to T13 or T50 to T62.",
        "P010～P100、J010～J090、T01～T13、T50～T62のいずれかにしてください。",
    ),
    "W-SUBJECTS": _warning(
        "The lists subjects and subjectCodes differ in length.",
        "subjectsとsubjectCodesの数が異なります。",
        "Give every code its subject, in the same order.",
        "同じ順序で同じ数を出力してください。",
    ),
    "W-ROLE": _warning(
        "A role that the Japan profile does not use.",
        "Japan Profileでは使わないロールです。",
        "Use guardian for parents and relatives, teacher for staff.",
        "保護者や親族はguardian、教職員はteacherとしてください。",
    ),
    "W-ORG-TYPE": _warning(
        "A type of org that the Japan profile does not use.",
        "Japan Profileでは使わない組織の種別です。",
        "Use district for a board of education and school for a school.",
        "教育委員会はdistrict、学校はschoolとしてください。",
    ),
    "W-ENABLED": _warning(
        "enabledUser is not true.",
        "enabledUserがtrueではありません。",
        "Export users that are in use, with true, and leave the others out.",
        "有効な利用者のみをtrueで出力し、それ以外は含めないでください。",
    ),
    "W-COURSE-CODE": _warning(
        "courseCode is filled, and blank in the Japan profile.",
        "courseCodeはJapan Profileでは空にします。",
        "Leave it blank; codes of subjects belong in subjectCodes.",
        "空にしてください。教科コードはsubjectCodesに出力します。",
    ),
    "W-PARENT": _warning(
        "A school year has a parent, and none in the Japan profile.",
        "年度（academicSessions）に親が指定されています（Japan ProfileではNULL）。",
        "Export NULL or nothing in parentSourcedId.",
        "parentSourcedIdはNULLまたは空にしてください。",
    ),
    # texts
    "W-KANA": _warning(
        "Half-width katakana, or something else than full-width katakana in a column for it.",
        "半角カタカナが含まれるか、カナ項目が全角カタカナではありません。",
        "Write katakana in full width, and readings of names in katakana only.",
        "カタカナは全角で、氏名の読みは全角カタカナのみで入力してください。",
    ),
    "W-BLANKS": _warning(
        "The text begins or ends with a blank.",
        "文字列の先頭または末尾に空白があります。",
        "Remove it where the roster is kept; a full-width blank counts too.",
        "名簿の管理元で空白（全角を含む）を除いてください。",
    ),
    "W-TITLE": _warning(
        "The title does not name its year as in 2026年度.",
        "タイトルが「2026年度」のような年度で始まっていません。",
        "A session is titled 2026年度 and nothing else; a course begins so. Half-width digits.",
        "年度は「2026年度」のみ、コースは「2026年度国語」のように、半角数字で出力してください。",
    ),
    "W-SCHOOL-YEAR": _warning(
        "The school year does not run from 1 April to 31 March, or is not counted by the year it begins.",
        "年度が4月1日から3月31日までではないか、schoolYearが開始年ではありません。",
        "The year 2026年度 begins 2026-04-01, ends 2027-03-31, and its schoolYear is 2026.",
        "2026年度は開始日2026-04-01、終了日2027-03-31、schoolYearは2026です。",
    ),
    # across rows and files
    "W-NO-ROLE": _warning(
        "The user has no role.",
        "ロールのない利用者です。",
        "Add a row to roles.csv; without one nobody knows whether this is a pupil or a teacher.",
        "roles.csvに行を加えてください。ロールがないと児童生徒か教員かが分かりません。",
    ),
    "W-HOME-CLASS": _warning(
        "The pupil has no homeClass.",
        "homeClassのない児童生徒です。",
        "Export the sourcedId of the pupil's class in metadata.jp.homeClass.",
        "metadata.jp.homeClassに所属学級のsourcedIdを出力してください。",
    ),
    "W-PRIMARY": _warning(
        "A student's enrollment is marked primary, which is for teachers.",
        "生徒の在籍にprimaryが指定されています（教員用の項目です）。",
        "Export false or nothing for students.",
        "生徒はfalseまたは空にしてください。",
    ),
    "W-PRIMARY-TEACHER": _warning(
        "The class has more than one primary teacher at the same time.",
        "同じ期間に主担当の教員が複数いる学級です。",
        "Keep one primary teacher, and export false for the others.",
        "主担当を一人にし、他の教員はfalseにしてください。",
    ),
}
