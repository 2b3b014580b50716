"""Faults for which a bundle is rejected."""

from oneroster.codes.code import Code

ERRORS: dict[str, Code] = {
    # the bundle
    "E-ZIP": Code(
        "The zip cannot be read.",
        "zipファイルを読み取れません。",
        "Make the zip anew, without a password, and send it again; the upload may have been cut.",
        "パスワードを付けずにzipを作り直し、もう一度送ってください。転送が途中で切れた可能性があります。",
    ),
    "E-ZIP-ENTRY": Code(
        "The zip holds an entry that cannot be accepted.",
        "zipファイルに受け付けられない項目があります。",
        "Put nothing but manifest.csv and the CSV files of OneRoster into the zip, each once.",
        "zipにはmanifest.csvとOneRosterのCSVファイルだけを、それぞれ一つずつ入れてください。",
    ),
    "E-ZIP-SIZE": Code(
        "The zip unpacks to more than is allowed.",
        "zipの展開後のサイズが上限を超えています。",
        "Look for a file that grew by mistake; if the roster really is so large, ask the operator to raise the limit.",
        "誤って大きくなったファイルがないか確認してください。本当に必要なサイズなら運用担当者に上限の変更を依頼してください。",
    ),
    "E-FOLDER": Code(
        "The CSV files must lie at the root of the zip, not in a folder.",
        "CSVファイルはフォルダーに入れず、zipの直下に置いてください。",
        "Zip the files themselves, not the folder they are in.",
        "フォルダーではなく、中のファイルを選んで圧縮してください。",
    ),
    "E-MANIFEST": Code(
        "There is no manifest.csv.",
        "manifest.csvがありません。",
        "Export in OneRoster 1.2, which has one; older exports and loose lists do not.",
        "OneRoster 1.2形式で出力してください。古い形式や単独の名簿にはmanifest.csvがありません。",
    ),
    "E-MANIFEST-VALUE": Code(
        "manifest.csv has a wrong or missing value.",
        "manifest.csvの値が不正か不足しています。",
        "The header is propertyName,value; oneroster.version is 1.2; every file.* is absent, bulk or delta.",
        "ヘッダーはpropertyName,value、oneroster.versionは1.2、file.*はabsent・bulk・deltaのいずれかにしてください。",
    ),
    "E-MANDATORY": Code(
        "A bulk bundle lacks a file that the profile demands, and nothing is stored for it.",
        "一括データに必須ファイルがなく、登録済みのデータもありません。",
        "Export all of academicSessions, classes, courses, enrollments, orgs, roles and users at the first delivery.",
        "初回はacademicSessions・classes・courses・enrollments・orgs・roles・usersをすべて出力してください。",
    ),
    "E-FILE-MISSING": Code(
        "The manifest announces a file that is not there.",
        "マニフェストに記載されたファイルがありません。",
        "Add the file, or call it absent in manifest.csv.",
        "ファイルを追加するか、manifest.csvでabsentとしてください。",
    ),
    "E-FILE-EXTRA": Code(
        "The manifest calls this file absent, but it is there.",
        "マニフェストでabsentとされたファイルが含まれています。",
        "Take the file out, or call it bulk or delta in manifest.csv.",
        "ファイルを除くか、manifest.csvでbulkまたはdeltaとしてください。",
    ),
    "E-FILE-UNKNOWN": Code(
        "This is no file of OneRoster 1.2.",
        "OneRoster 1.2にないファイルです。",
        "Take it out; names are case-sensitive and as in the standard, like academicSessions.csv.",
        "取り除いてください。ファイル名は規格どおりで、大文字と小文字を区別します（例：academicSessions.csv）。",
    ),
    # another format
    "E-OR11": Code(
        "This is OneRoster 1.1. Export OneRoster 1.2 CSV instead.",
        "OneRoster 1.1のデータです。OneRoster 1.2のCSVで出力してください。",
        "Choose OneRoster 1.2 in the export, in which roles.csv says who is what in which school.",
        "OneRoster 1.2のCSV（所属と役割はroles.csv）で出力してください。",
    ),
    "E-OR10": Code(
        "This is OneRoster 1.0. Export OneRoster 1.2 CSV instead.",
        "OneRoster 1.0のデータです。OneRoster 1.2のCSVで出力してください。",
        "Choose OneRoster 1.2 in the export, which has manifest.csv and roles.csv.",
        "OneRoster 1.2のCSV（manifest.csvとroles.csvを含む）で出力してください。",
    ),
    "E-SDS": Code(
        "These are files of Microsoft School Data Sync. Export OneRoster 1.2 CSV instead.",
        "Microsoft School Data Sync形式のファイルです。OneRoster 1.2のCSVで出力してください。",
        "Choose OneRoster 1.2 CSV in the system that made them.",
        "出力元のシステムでOneRoster 1.2のCSVを選んでください。",
    ),
    # a file
    "E-EMPTY": Code(
        "The file has no header row.",
        "ファイルにヘッダー行がありません。",
        "Export it again; if there is nothing to send, call the file absent in manifest.csv.",
        "出力し直してください。送るものがなければmanifest.csvでabsentとしてください。",
    ),
    "E-ENC": Code(
        "The line is not in an encoding that is read here.",
        "文字コードが正しくないため読み取れない行です。",
        "Export as UTF-8 without a byte order mark, not as Shift_JIS, and do not save the file with Excel in between;"
        " or ask the operator to read your files as CP932.",
        "Shift_JISではなくUTF-8（BOMなし）で出力し、途中でExcelで保存しないでください。"
        "または、CP932として読み取る設定を運用担当者に依頼してください。",
    ),
    "E-CSV": Code(
        "The line cannot be read as CSV.",
        "CSVとして読み取れない行です。",
        "If this is where the file ends, it was cut off: export again. Else put a value with a comma or quote into"
        " double quotes, and double each quote inside it.",
        "ファイルの末尾であれば、出力か転送が途中で切れています。出力し直してください。そうでなければ、"
        "コンマや引用符を含む値を二重引用符で囲み、中の引用符は二つ重ねてください。",
    ),
    "E-SEPARATOR": Code(
        "The columns are not separated by commas.",
        "列の区切りがカンマではありません。",
        "Export with commas; a spreadsheet may have saved semicolons or tabs.",
        "カンマ区切りで出力してください。表計算ソフトがセミコロンやタブで保存した可能性があります。",
    ),
    "E-HEADER-MISSING": Code(
        "A column is missing.",
        "必要な列がありません。",
        "Export all columns of the profile, also those that stay blank, spelled exactly so.",
        "空の列も含め、プロファイルのすべての列を正確な名前で出力してください。",
    ),
    "E-HEADER-TWICE": Code(
        "A column stands twice.",
        "同じ列が重複しています。",
        "Remove one of the two from the export.",
        "出力設定で片方の列を除いてください。",
    ),
    "E-HEADER-UNKNOWN": Code(
        "This column is not part of the profile.",
        "プロファイルにない列です。",
        "Remove it, or name it metadata.NAME if it is meant as an extension.",
        "列を除くか、拡張項目であれば metadata.名前 としてください。",
    ),
    # a row
    "E-COLUMNS": Code(
        "The row has not as many cells as the header.",
        "列数がヘッダーと一致しません。",
        "Usually a comma inside a value that is not in double quotes.",
        "多くの場合、値の中のコンマが引用符で囲まれていません。",
    ),
    "E-REQUIRED": Code(
        "A required value is blank.",
        "必須項目が空です。",
        "Fill it in where the roster is kept.",
        "名簿の管理元で入力してください。",
    ),
    "E-TEXT": Code(
        "The text holds a line break or control character.",
        "改行または制御文字が含まれています。",
        "Write the value anew, on one line.",
        "改行のない一行の値として入力し直してください。",
    ),
    "E-GUID": Code(
        "Not an identifier: letters, digits and . - _ / @, at most 255 of them.",
        "識別子の形式ではありません（英数字と . - _ / @、255文字以内）。",
        "Export the identifier, not a name; items of a list are parted by commas.",
        "名称ではなく識別子を出力してください。複数の場合はコンマで区切ります。",
    ),
    "E-UUID": Code(
        "Not a UUID, which the Japan profile demands of every sourcedId and reference.",
        "sourcedIdと参照項目はUUIDでなければなりません（Japan Profile）。",
        "Give every record a UUID once, keep it, and use it wherever the record is referred to.",
        "各レコードにUUIDを一度だけ割り当てて変えずに使い、参照項目にも同じ値を出力してください。",
    ),
    "E-ENUM": Code(
        "Not a word of the vocabulary.",
        "許可された値ではありません。",
        "Use one of the words named; upper and lower case count.",
        "示された値のいずれかにしてください。大文字と小文字を区別します。",
    ),
    "E-BOOL": Code(
        "Not true or false.",
        "true または false ではありません。",
        "Write true or false in lower case.",
        "小文字のtrueまたはfalseにしてください。",
    ),
    "E-DATE": Code(
        "Not a date YYYY-MM-DD of the calendar.",
        "正しい日付（YYYY-MM-DD）ではありません。",
        "Write days like 2026-04-01: half-width digits, hyphens, no era.",
        "2026-04-01のように、半角の西暦をハイフンで区切ってください（和暦は使えません）。",
    ),
    "E-INSTANT": Code(
        "Not an instant like 2026-04-01T00:00:00.000Z.",
        "日時の形式（例：2026-04-01T00:00:00.000Z）ではありません。",
        "Write date and time as ISO 8601 in UTC.",
        "ISO 8601のUTCで日時を出力してください。",
    ),
    "E-YEAR": Code(
        "Not a year YYYY.",
        "年（YYYY）ではありません。",
        "Four half-width digits of the western calendar.",
        "西暦を半角4桁で出力してください。",
    ),
    "E-INTEGER": Code(
        "Not a whole number.",
        "整数ではありません。",
        "Half-width digits only, at most nine.",
        "半角数字のみ、9桁以内にしてください。",
    ),
    "E-USERIDS": Code(
        "Not of the form {type:identifier}.",
        "{種別:ID} の形式ではありません。",
        "Write {Google:taro@example.jp}, several parted by commas.",
        "{Google:taro@example.jp} のように出力し、複数の場合はコンマで区切ってください。",
    ),
    "E-STATUS": Code(
        "The row does not fit the mode of its file: a delta row has status and dateLastModified, a bulk row neither.",
        "行がファイルのモードに合いません（差分の行にはstatusとdateLastModifiedの両方が必要、一括の行ではどちらも空）。",
        "Fill both or neither in all rows, as the manifest says; a bulk file removes a record by leaving it out.",
        "マニフェストに合わせて全行で両方を入力するか両方を空にしてください。一括では行を含めないことが削除になります。",
    ),
    "E-SUBJECTS": Code(
        "There are not as many subjects as subjectCodes.",
        "subjectsとsubjectCodesの数が一致しません。",
        "Give every code its subject, in the same order, or leave one of the two blank.",
        "同じ順序で同じ数を出力するか、どちらかを空にしてください。",
    ),
    "E-DATE-ORDER": Code(
        "The end lies before the beginning.",
        "終了日が開始日より前です。",
        "Correct one of the two dates.",
        "どちらかの日付を訂正してください。",
    ),
    "E-PARENT": Code(
        "A district has no parent in the Japan profile.",
        "教育委員会（district）は親組織を持てません（Japan Profile）。",
        "Leave parentSourcedId of the district blank or NULL.",
        "教育委員会のparentSourcedIdは空またはNULLにしてください。",
    ),
    "E-PRIMARY": Code(
        "A pupil's enrollment cannot be primary in the Japan profile.",
        "児童生徒の在籍ではprimaryをtrueにできません（Japan Profile）。",
        "Export false for pupils; primary tells the main teacher of a class.",
        "児童生徒はfalseにしてください。primaryは主担当の教員を示します。",
    ),
    # across rows and files
    "E-DUPLICATE": Code(
        "The same identifier stands twice in the file.",
        "同じ識別子が重複しています。",
        "Remove one of the rows, or give the other record an identifier of its own.",
        "どちらかの行を除くか、別のレコードであれば別の識別子を割り当ててください。",
    ),
    "E-REF": Code(
        "The record referred to does not exist.",
        "参照先のレコードが存在しません。",
        "Export the record as well, or take the reference out; both come from one export of one moment.",
        "参照先も出力するか、参照を除いてください。すべてのファイルは同じ時点で出力してください。",
    ),
    "E-REF-TYPE": Code(
        "The record referred to is of the wrong type.",
        "参照先の種別が正しくありません。",
        "A school must be an org of type school, a school year a session of type schoolYear.",
        "学校には種別schoolの組織を、年度には種別schoolYearのセッションを指定してください。",
    ),
    "E-CYCLE": Code(
        "The record is its own ancestor.",
        "親をたどると自分自身に戻ります。",
        "Correct parentSourcedId of one of the rows named, so that the chain ends at a record without parent.",
        "示された行のいずれかのparentSourcedIdを訂正し、最上位の親が空になるようにしてください。",
    ),
    "E-PRIMARY-TWICE": Code(
        "The user has two primary roles in one org.",
        "同じ組織に主たるロール（primary）が二つある利用者です。",
        "Keep one primary row per user and org, and make the others secondary.",
        "利用者と組織ごとにprimaryを一つにし、他はsecondaryにしてください。",
    ),
    "E-PRIMARY-NONE": Code(
        "The user has roles but no primary one.",
        "主たるロール（primary）がない利用者です。",
        "Give the user a primary row; of a principal it is teacher, and principal is the secondary one.",
        "primaryの行を加えてください。校長はprimaryをteacher、secondaryをprincipalとします。",
    ),
}
