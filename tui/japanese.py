"""The Japanese of every text of the screens, by its English.

The terms, one for a thing, the same as in reports to senders and in docs/problems.md:

    tenant      テナント        job         ジョブ          operator    運用担当
    inbox       受信箱          problem     問題            viewer      閲覧者
    bundle      データ          error       エラー          admin       管理者
    roster      名簿            warning     警告            a person    担当者
    revision    リビジョン      guard       ガード          client      クライアント
    record      レコード        audit log   監査ログ        profile     プロファイル

    received    受付済          held        保留            superseded  旧データ
    loading     処理中          rejected    不受理          failed      障害
    applied     反映済          discarded   却下            rolled_back 取消済
    duplicate   重複

    approve     承認            reject      却下            retry       再実行
    roll back   取り消し        pause       停止            rotate      更新

A column's title is no wider than its column, a character of Japanese taking two cells. What stands on keys stays as it
is. Punctuation is that of a Japanese text; brackets, colons and figures that stand in columns are narrow.
"""

JAPANESE = {
    # The frame
    "1 Overview": "1 概況",
    "2 Jobs": "2 ジョブ",
    "3 Audit": "3 監査",
    "? help ": "? ヘルプ ",
    "all tenants": "全テナント",
    "{role} RO": "{role} 閲覧のみ",
    "{role} RW": "{role}",
    "viewer": "閲覧者",
    "operator": "運用担当",
    "admin": "管理者",
    "db ok": "DB 正常",
    "db AWAY": "DB 応答なし",
    "sftp ok": "SFTP 正常",
    "sftp AWAY": "SFTP 停止",
    "disk {used}": "容量 {used}",
    "The database does not answer.": "データベースが応答しません。",
    "The database does not answer. This is how it was at {time}.": "データベースが応答しません。{time}時点の表示です。",
    "Filter: {filter}": "絞り込み: {filter}",
    "{total:,} {what}": "{what} {total:,}件",
    "{shown:,} of {total:,} {what}": "{what} {total:,}件中 {shown:,}件",
    "FOLLOWING": "追尾中",
    "live, 1 s": "自動更新 1秒",
    "Nothing to follow here.": "ここには追尾するものがありません。",
    "Copied {value}": "コピーしました: {value}",
    "This terminal has no clipboard: copied to {file}.": (
        "この端末にはクリップボードがありません。{file} に書き出しました。"
    ),
    "Not copied: {reason}": "コピーできませんでした: {reason}",
    "Copied the row as JSON.": "行をJSONでコピーしました。",
    "word field:value,other !not since:24h   Enter keep, Esc drop": (
        "語 状態:保留,障害 !除く語 期間:24時間   Enter 決定  Esc 取り消し"
    ),
    "rosterhub tui needs a terminal; scripts use `rosterhub job list --json`.": (
        "rosterhub tui には端末が必要です。スクリプトでは `rosterhub job list --json` をお使いください。"
    ),
    ", ": "、",
    "{sentence}.": "{sentence}。",
    # Hints
    "t range  / search  Enter detail  v verify chain  e export  ? help  q back": (
        "t 期間  / 検索  Enter 詳細  v 封印の検証  e 書き出し  ? ヘルプ  q 戻る"
    ),
    "j k move  / filter  y copy value  Y copy all as JSON  Esc back": (
        "j k 移動  / 絞り込み  y 値をコピー  Y 全体をJSONでコピー  Esc 戻る"
    ),
    "type to narrow, Up Down move, Enter choose, Esc back": "入力で絞り込み、上下キーで移動、Enterで選択、Escで戻る",
    "type here": "ここに入力",
    # States
    "RECEIVED": "受付済",
    "LOADING": "処理中",
    "APPLIED": "反映済",
    "HELD": "保留",
    "REJECTED": "不受理",
    "DUPLICATE": "重複",
    "SUPERSEDED": "旧データ",
    "FAILED": "障害",
    "DISCARDED": "却下",
    "ROLLED_BACK": "取消済",
    "OK": "正常",
    "PAUSED": "停止中",
    "NONE": "未受信",
    "HELD because: {reason} Nothing was changed.": "保留の理由：{reason} 何も変更していません。",
    "the guard asks a person to look.": "ガードにより、担当者の確認が必要です。",
    "REJECTED because: {reason} Nothing was changed.": "不受理の理由：{reason} 何も変更していません。",
    "1 error in the data.": "データにエラーが1件あります。",
    "{count:,} errors in the data.": "データにエラーが{count:,}件あります。",
    "FAILED because: {reason} Nothing was changed.": "障害の内容：{reason} 何も変更していません。",
    "an outage outlasted the retries.": "再試行の間に障害が復旧しませんでした。",
    "PAUSED: what arrives is kept and waits until the tenant is resumed.": (
        "停止中：届いたデータは保管され、再開されるまで待ちます。"
    ),
    "PAUSED by {who}, {time}: {reason} What arrives is kept and waits until the tenant is resumed.": (
        "停止中（{who}、{time}）：{reason} 届いたデータは保管され、再開されるまで待ちます。"
    ),
    "LOADING: clients are served the roster before this bundle until it is whole.": (
        "処理中：完了するまで、クライアントにはこのデータより前の名簿を返します。"
    ),
    "NONE: no bundle has come yet.": "未受信：データはまだ届いていません。",
    "OK: the last bundle is applied.": "正常：最新のデータは反映済みです。",
    "OK: the last bundle was older than what is applied, and was left aside.": (
        "正常：最後に届いたデータは反映済みのものより古いため、使用していません。"
    ),
    "OK: the last bundle was held and then rejected by a person.": (
        "正常：最後に届いたデータは保留の後、担当者が却下しました。"
    ),
    "OK: the last bundle was rolled back.": "正常：最後に届いたデータは取り消されました。",
    "These very bytes were rolled back; they are not applied again by themselves.": (
        "以前に取り消されたデータと同一のため、自動では反映しません。"
    ),
    # Overview
    "TENANT": "テナント",
    "STATE": "状態",
    "LAST": "最終受信",
    "AGE": "経過",
    "ROWS": "行数",
    "ERR": "エラー",
    "WARN": "警告",
    "7 DAYS": "7日間",
    "tenants": "テナント",
    "No tenant fits the filter.": "条件に合うテナントはありません。",
    "No tenants yet: rosterhub tenant add": "テナントはまだありません。rosterhub tenant add で追加してください。",
    "Queue {waiting:,} waiting, {loading:,} running": "待ち {waiting:,}件、処理中 {loading:,}件",
    "Today {what}": "本日: {what}",
    "{count:,} applied": "反映 {count:,}件",
    "{count:,} held": "保留 {count:,}件",
    "{count:,} rejected": "不受理 {count:,}件",
    "{count:,} failed": "障害 {count:,}件",
    # Jobs
    "JOB": "ジョブ",
    "VIA": "経路",
    "PROGRESS": "経過・結果",
    "ROWS/S": "行/秒",
    "jobs": "ジョブ",
    "job": "ジョブ",
    "the newest": "新しい順に",
    "No job fits the filter.": "条件に合うジョブはありません。",
    "No bundle has come yet.": "データはまだ届いていません。",
    "sftp": "SFTP",
    "drop": "共有",
    "pull": "取得",
    "http": "HTTP",
    "hand": "手動",
    "claim": "開始",
    "stage": "読込",
    "check": "検査",
    "diff": "比較",
    "apply": "反映",
    "commit": "確定",
    "publish": "公開",
    "tries again: {reason}": "再試行: {reason}",
    "waits for a worker": "処理待ち",
    "waits: tenant is paused": "テナント停止中のため待機",
    "undoes {job}: {counts}": "{job}の取り消し: {counts}",
    "Of UPDATE, were removed before and come back: {count:,}": "更新のうち、削除済みから復帰するもの: {count:,}件",
    "The tenant is paused: delivered, the bundle waits until it is resumed.": (
        "テナントは一時停止中です。投入したデータは再開まで待機します。"
    ),
    "waits for approval": "承認待ち",
    "1 error, 0 rows": "エラー1件、反映なし",
    "{count:,} errors, 0 rows": "エラー{count:,}件、反映なし",
    "nothing changed": "変更なし",
    "{rows:,} of {total:,} rows, {speed:,.0f} rows/s, {time} to go": (
        "{total:,}行中{rows:,}行、毎秒{speed:,.0f}行、残り{time}"
    ),
    "same as {job}": "{job} と同一",
    "the bytes that are applied already": "反映済みのデータと同一",
    # One job
    "Job {id}": "ジョブ {id}",
    "attempt {number}": "{number}回目",
    "attempt {number}, after {time}": "{number}回目、待ち時間 {time}",
    "after {time}": "所要 {time}",
    "by {via}: {bundle}": "{via}: {bundle}",
    "now": "現在",
    "revision": "リビジョン",
    "{revision:,}, confirmed": "{revision:,}（変更なしを確認）",
    "Problems {count:,}": "問題 {count:,}",
    "Diff": "差分",
    "Files {count}": "ファイル {count}",
    "Timeline": "経過",
    "FILE": "ファイル",
    "LINE": "行",
    "COLUMN": "列",
    "RULE": "規則",
    "VALUE": "値",
    "ENTITY": "種類",
    "NOW": "現在",
    "BEFORE": "反映前",
    "AFTER": "反映後",
    "approved": "承認済み",
    "turned down": "却下済み",
    "NEW": "反映後",
    "INSERT": "追加",
    "UPDATE": "更新",
    "SOFT DEL": "削除",
    "CHANGE": "変化率",
    "GUARD": "ガード",
    "PROBLEMS": "問題",
    "TIME": "時刻",
    "WHAT": "内容",
    "MORE": "詳細",
    "ok": "正常",
    "HOLD deleted": "保留 削除数",
    "HOLD updated": "保留 更新数",
    "HOLD ids": "保留 ID変更",
    "HOLD empty": "保留 行なし",
    "(bundle)": "(全体)",
    "The bundle": "データ全体",
    " line {line:,}": " {line:,}行目",
    ", {column}": " {column}",
    "{place}: {message}": "{place}：{message}",
    "{counts}: {kinds}": "{counts}：{kinds}",
    "1 error": "エラー1件",
    "{count:,} errors": "エラー{count:,}件",
    "1 warning": "警告1件",
    "{count:,} warnings": "警告{count:,}件",
    " ({count:,} shown)": "（うち{count:,}件を表示）",
    "1 other kind": "ほか1種類",
    "{count} other kinds": "ほか{count}種類",
    "problems": "問題",
    "problem": "問題",
    "entities": "種類",
    "files": "ファイル",
    "steps": "段階",
    "step": "段階",
    "No counts: the bundle was not compared with the roster.": "件数はありません。名簿との比較は行われていません。",
    # The log
    "TIME ({zone})": "時刻 ({zone})",
    "WHO": "実行者",
    "FROM": "接続元",
    "ACTION": "操作",
    "TARGET": "対象",
    "DONE": "結果",
    "yes": "成功",
    "NO": "失敗",
    "entries": "記録",
    "entry": "記録",
    ", newer above": "、上に続きあり",
    ", older below": "、下に続きあり",
    "tenant {code}": "テナント {code}",
    "client": "クライアント",
    "inbox": "受信箱",
    "system": "システム",
    "Nothing found.": "該当する記録はありません。",
    "The log is empty.": "記録はまだありません。",
    "The log is always newest first.": "監査ログは常に新しい順です。",
    "word who: action: target: result:no since:24h until: !not   Enter, Esc drop": (
        "語 実行者: 操作: 対象: 結果:失敗 期間:24時間 終わり: !除く語   Enter, Esc"
    ),
    "UNTIL": "終わり",
    "RANGE": "範囲",
    "Range": "期間",
    "all": "すべて",
    "last hour": "直近1時間",
    "last 24 h": "直近24時間",
    "last 7 days": "直近7日",
    "last 30 days": "直近30日",
    "last 365 days": "直近365日",
    "Range: {range}": "期間: {range}",
    "Who: {who}": "実行者: {who}",
    "Action: {action}": "操作: {action}",
    "Result: {result}": "結果: {result}",
    "Target: {target}": "対象: {target}",
    ", searched back to {time}": "、{time}まで検索済み",
    # The chain over the log
    "Chain: to #{sealed:,}": "封印: #{sealed:,}まで",
    "Chain: #{count:,} of #{sealed:,}": "検証中: #{sealed:,}中 #{count:,}",
    "Chain: OK to #{last:,}": "封印: #{last:,}まで正常",
    "Chain: WRONG, {count:,}": "封印: 異常{count:,}件",
    "not sealed yet": "未封印",
    "prev {before}  hash {own}": "前 {before}  値 {own}",
    "1 entry is as it was sealed.": "1件、封印時のままです。",
    "{count:,} entries are as they were sealed.": "{count:,}件すべて封印時のままです。",
    "keep elsewhere": "別の場所に控える",
    "then, later": "後日の照合",
    "The chain is verified where the key is: rosterhub audit verify": (
        "検証は鍵のある環境で行います: rosterhub audit verify"
    ),
    "The chain was not verified: the database does not answer.": ("検証できませんでした。データベースが応答しません。"),
    "The entry is not as it was sealed.": "記録が封印時から変更されています。",
    "The entry is gone.": "記録が失われています。",
    "The entry bears another time than when it was sealed.": "記録の時刻が封印時と異なります。",
    "The entry was put in behind the chain, or its link is gone.": "封印を経ずに挿入されたか、封印が失われています。",
    "The entry has an id that the hub never gave.": "記録の番号は発行されたものではありません。",
    "The entry was put in long after the time that it tells.": "記録が示す時刻よりかなり後に挿入されています。",
    "The link is not as it was made; its entry is.": "封印が変更されています。記録は封印時のままです。",
    "From here on links of the chain are gone.": "ここから封印が欠けています。",
    "The end of the chain is cut off; it came as far as this.": "封印の末尾が切り取られています。ここまでありました。",
    "The link is not the one that an anchor tells of.": "封印が控えと一致しません。",
    # A row, field by field
    "FIELD": "項目",
    "action": "操作",
    "after": "変更後",
    "at": "時刻",
    "before": "変更前",
    "code": "コード",
    "column": "列",
    "deleted": "削除",
    "detail": "詳細",
    "entity": "種類",
    "file": "ファイル",
    "from": "接続元",
    "guard": "ガード",
    "hash": "封印値",
    "hash before": "前の封印値",
    "id": "番号",
    "in the chain": "封印番号",
    "inserted": "追加",
    "kind of who": "実行者の種類",
    "line": "行",
    "message": "説明",
    "more": "詳細",
    "newer": "次の記録",
    "older": "前の記録",
    "rows": "行数",
    "severity": "重要度",
    "succeeded": "成功",
    "target": "対象",
    "tenant": "テナント",
    "updated": "更新",
    "value": "値",
    "what": "内容",
    "who": "実行者",
    "error": "エラー",
    "warning": "警告",
    # Choosing
    "Tenant": "テナント",
    "Command": "コマンド",
    "Keys": "キー",
    "CODE": "コード",
    "NAME": "名称",
    "KEY": "キー",
    "DOES": "内容",
    "Theme {name}": "配色 {name}",
    "dark": "暗い背景",
    "light": "明るい背景",
    "high contrast": "高コントラスト",
    "dark, in the terminal's own colours": "暗い背景（端末の色）",
    "light, in the terminal's own colours": "明るい背景（端末の色）",
    # Words of the filter that are no column's title
    "BUNDLE": "データ",
    "REASON": "理由",
    "SINCE": "期間",
    # Keys
    "j Down": "j 下",
    "k Up": "k 上",
    "h Left": "h 左",
    "l Right": "l 右",
    "Overview: every tenant and how it stands": "概況: すべてのテナントの状態",
    "Jobs: what came and what became of it": "ジョブ: 届いたデータとその結果",
    "Audit: choose a range of time": "監査: 期間を選ぶ",
    "Audit: verify the chain, whether anything was changed since it was sealed": (
        "監査: 封印を検証し、変更された記録がないか調べる"
    ),
    "Audit: who did what, newest first": "監査: 誰が何をしたか、新しい順",
    "Open what the cursor stands on": "カーソルの行を開く",
    "Drop the filter; go back": "絞り込みを解除する、または戻る",
    "Go back; on the Overview: quit": "戻る。概況では終了",
    "Next row": "次の行",
    "Row before": "前の行",
    "First row": "最初の行",
    "Last row": "最後の行",
    "A screenful down": "一画面分下へ",
    "A screenful up": "一画面分上へ",
    "Half a screen down: scrolls, nothing else": "半画面分下へ（表示が動くだけです）",
    "Half a screen up": "半画面分上へ",
    "Columns to the left": "列を左へ",
    "Columns to the right, so that the last has more room": "列を右へ（最後の列が広くなります）",
    "Filter: word field:value,other !not since:24h; in Audit: search": (
        "絞り込み: 語 状態:保留,障害 !除く語 期間:24時間。監査では検索"
    ),
    "Next row that the filter found, round the end": "絞り込みの次の行（最後の次は最初）",
    "Row before that the filter found, round the end": "絞り込みの前の行（最初の前は最後）",
    "Sort by the next column": "次の列で並べ替え",
    "Sort the other way round": "逆の順に並べ替え",
    "Follow: keep the cursor on the newest row": "追尾: カーソルを最新の行に置き続ける",
    "Show one tenant only, or all": "一つのテナントのみ、またはすべてを表示",
    "Look again at once, and paint the screen anew": "すぐに更新し、画面を描き直す",
    "Copy the id or value of the row (OSC 52)": "行のIDまたは値をコピー (OSC 52)",
    "Copy the row as JSON (OSC 52)": "行をJSONでコピー (OSC 52)",
    "Commands, searchable": "コマンド一覧（検索できます）",
    "These keys, searchable": "このキー一覧（検索できます）",
    "Quit, from anywhere": "どこからでも終了",
    "Job: the one before": "ジョブ: 前のタブ",
    # Times
    "<1m": "<1分",
    "{minutes}m": "{minutes}分",
    "{hours}h": "{hours}時間",
    "{days}d": "{days}日",
    "{days}d{hours}h": "{days}日{hours}時",
    "{seconds:.1f} s": "{seconds:.1f}秒",
    "{seconds:.0f} s": "{seconds:.0f}秒",
    "{minutes} min {seconds} s": "{minutes}分{seconds}秒",
    "{hours} h {minutes} min": "{hours}時間{minutes}分",
    # Going about
    "4 Clients": "4 クライアント",
    "5 Tenants": "5 テナント",
    "6 Logs": "6 ログ",
    "Clients: who calls the API, with which secrets": "クライアント: APIの利用者とシークレット",
    "Tenants: doors, due times, guard, settings": "テナント: 受信箱・期限・ガード・設定",
    "Logs: what the daemon says": "ログ: デーモンの動作記録",
    "Record: what became of a pupil, a class, an enrollment": "レコード: 児童生徒・クラス・在籍の来歴",
    "Deliver a file by hand, rehearsed first": "ファイルを手動で投入（先に試行）",
    "What can be done to the item": "行に対する操作の一覧",
    "Approve the held bundle: opens a dialog": "保留データの承認（確認画面が開きます）",
    "Reject the held bundle: opens a dialog": "保留データの却下（確認画面が開きます）",
    "Try the job once more: opens a dialog": "ジョブの再実行（確認画面が開きます）",
    "Roll back the job: opens a dialog": "ジョブの取り消し（確認画面が開きます）",
    "Export what is listed to a file, CSV or JSONL": "一覧をファイルに書き出す（CSV・JSONL）",
    "Job: next of Problems, Diff, Files, Timeline, Raw": "ジョブ: 問題・差分・ファイル・経過・原文の次のタブ",
    "Logs: show from another level on": "ログ: 表示するレベルを変える",
    "Logs: show one part of the daemon only, or all": "ログ: 一つの部分のみ、またはすべてを表示",
    "Logs: fold long lines, or cut them": "ログ: 長い行を折り返す、または切る",
    "Enter open  a actions  / filter  s sort  T tenant  : command  ? help  q quit": (
        "Enter 開く  a 操作  / 絞り込み  s 並べ替え  T テナント  : コマンド  q 終了"
    ),
    "Enter open  a actions  / filter  s sort  f follow  y copy  e export  q back": (
        "Enter 開く  a 操作  / 絞り込み  s 並べ替え  f 追尾  e 書き出し  q 戻る"
    ),
    "Enter open  a new, rotate, limit, revoke  / filter  y copy id  ? help  q back": (
        "Enter 開く  a 操作（作成・更新・失効）  / 絞り込み  ? ヘルプ  q 戻る"
    ),
    "Enter settings  a pause, window, inbox  / filter  s sort  y copy  q back": (
        "Enter 設定  a 操作（停止・期間・受信箱）  / 絞り込み  s 並べ替え  q 戻る"
    ),
    "Enter what became of it  / filter  s sort  y copy id  e export  Esc back": (
        "Enter 来歴  / 絞り込み  s 並べ替え  y IDコピー  e 書き出し  Esc 戻る"
    ),
    "Enter all fields  a actions (unmask)  y copy job  e export  Esc back": (
        "Enter 全項目  a 操作（氏名の表示）  y ジョブをコピー  e 書き出し  Esc 戻る"
    ),
    "Tab next tab  Enter open  A approve  X reject  e export  ? help  Esc back": (
        "Tab 次のタブ  Enter 開く  A 承認  X 却下  e 書き出し  ? ヘルプ  Esc 戻る"
    ),
    "Tab next tab  Enter what to do  R try again  e export  ? help  Esc back": (
        "Tab 次のタブ  Enter 対処  R 再実行  e 書き出し  ? ヘルプ  Esc 戻る"
    ),
    "Tab next tab  Enter open  B roll back  e export  ? help  Esc back": (
        "Tab 次のタブ  Enter 開く  B 取り消し  e 書き出し  ? ヘルプ  Esc 戻る"
    ),
    "Tab next tab  Enter open  a actions  e export  ? help  Esc back": (
        "Tab 次のタブ  Enter 開く  a 操作  e 書き出し  ? ヘルプ  Esc 戻る"
    ),
    "{bundle}, 1 error: Enter shows file and line.": ("{bundle}、エラー1件。Enter でファイルと行を表示します。"),
    "{bundle}, {errors:,} errors: Enter shows file and line.": (
        "{bundle}、エラー {errors:,}件。Enter でファイルと行を表示します。"
    ),
    "what to do": "対処",
    "f follow  / search  l level  u unit  w wrap  y copy line  e export  q back": (
        "f 追尾  / 検索  l レベル  u 部分  w 折り返し  y コピー  e 書き出し  q 戻る"
    ),
    # Deeds
    "Actions": "操作",
    "DEED": "操作",
    "KEY OR WHY NOT": "キー、または行えない理由",
    "Nothing can be done to this.": "この行に対する操作はありません。",
    "Nothing here can be decided about in this way.": "ここでは行えない操作です。",
    "Nothing is listed.": "一覧は空です。",
    "Not understood: {what}": "解釈できない条件: {what}",
    "These screens were opened with --read-only.": "閲覧専用（--read-only）で開いています。",
    "Your role is {mine}; this takes {wanted}.": "あなたの役割は{mine}です。この操作には{wanted}の権限が必要です。",
    "These screens have no access to the master key.": "この画面からはマスターキーを使用できません。",
    "These screens have no access to the archive.": "この画面からは保管庫を使用できません。",
    "Cancel": "やめる",
    "Enter Tab next  Up back  Esc cancel": "Enter Tab 次へ  上 前へ  Esc やめる",
    "A client is found by its name with who:NAME.": "クライアントは who:名前 で名前から探せます。",
    "Make a client": "クライアントを作成",
    "Make": "作成",
    "A platform that may read the roster of one tenant. Its secret is shown once.": (
        "一つのテナントの名簿を読み取る接続先です。シークレットは一度だけ表示します。"
    ),
    "Tenants: {codes}.": "テナント: {codes}。",
    "{first} and {count:,} more": "{first}、ほか{count:,}件",
    "roster.readonly: everything but demographics. roster-core.readonly: no lists such as a class's pupils.": (
        "roster.readonly: demographics以外すべて。roster-core.readonly: クラスの児童生徒一覧などを除く。"
    ),
    "roster-demographics.readonly: demographics. rosterhub.upload: to deliver bundles.": (
        "roster-demographics.readonly: demographics。rosterhub.upload: データの投入。"
    ),
    "Undo: revoke it.": "元に戻すには：失効させてください。",
    "What people call it:": "呼び名:",
    "Scopes:": "スコープ:",
    "The id and the secret of {name}; the secret is shown this once only:": (
        "{name}のIDとシークレット。シークレットの表示は今回限りです。"
    ),
    "A token to try it: curl -u {id}:SECRET -d grant_type=client_credentials {api}/token": (
        "動作確認用のトークン: curl -u {id}:SECRET -d grant_type=client_credentials {api}/token"
    ),
    'Then: curl -H "Authorization: Bearer TOKEN" {address}': '次に: curl -H "Authorization: Bearer TOKEN" {address}',
    "How to ask: {address}": "利用方法: {address}",
    "There is no such scope:": "そのようなスコープはありません。",
    "Nothing was done.": "何も実行していません。",
    "Close": "閉じる",
    "Same as: {command}": "同じコマンド: {command}",
    "One moment, please": "お待ちください",
    "{field} Type {wanted} to go on.": "{field} 続けるには {wanted} と入力してください。",
    "{field} Something must stand here.": "{field} 入力してください。",
    "It cannot be read: {why}.": "読み取れません: {why}。",
    "The database did not answer. Look whether it was done before you try again.": (
        "データベースが応答しませんでした。実行されたかどうかを確認してから、やり直してください。"
    ),
    "The database does not allow this to the role {role}. Nothing was changed.": (
        "データベースは{role}の権限でのこの操作を許可していません。何も変更していません。"
    ),
    "Type the tenant's code to go on:": "続けるにはテナントのコードを入力:",
    "Reason (kept in the audit log):": "理由（監査ログに残ります）:",
    "Tenant {tenant} ({code}), bundle {bundle}.": "テナント {tenant}（{code}）、データ {bundle}。",
    "Nothing was changed.": "何も変更していません。",
    # Deeds: jobs
    "Approve the held bundle": "保留データを承認",
    "Reject the held bundle": "保留データを却下",
    "Try the job once more": "ジョブを再実行",
    "What became of the record of this line": "この行のレコードの来歴",
    "Roll back to before this job": "このジョブの前に戻す",
    "Only a held bundle can be decided about; this one is {state}.": (
        "承認・却下できるのは保留のデータだけです。これは「{state}」です。"
    ),
    "It is approved already and waits for a worker.": "承認済みで、処理を待っています。",
    "Only a failed or rejected job can be tried again; this one is {state}.": (
        "再実行できるのは障害・不受理のジョブだけです。これは「{state}」です。"
    ),
    "Only an applied job can be rolled back; this one is {state}.": (
        "取り消せるのは反映済のジョブだけです。これは「{state}」です。"
    ),
    "Approve held bundle {job}": "保留データ {job} の承認",
    "This will soft-delete {number:,}: {counts}.": "合計{number:,}件を論理削除します：{counts}。",
    "No record will be removed; {updated:,} will change.": "削除はありません。{updated:,}件が更新されます。",
    "Undo: roll back to the state before this bundle, for as long as history is kept (30 days).": (
        "元に戻すには：履歴の保存期間内（30日）であれば、このデータの前の状態に取り消せます。"
    ),
    "Type the number of removals to go on:": "続けるには削除件数を入力:",
    "Approve": "承認する",
    "Approved: {job} is loaded again, with exactly that many removals.": (
        "承認しました。{job} をその削除件数で再度処理します。"
    ),
    "Reject held bundle {job}": "保留データ {job} の却下",
    "Nothing of it will be applied, and its sender is told the reason. The roster stays as it is.": (
        "このデータは反映されず、送信者に理由が伝えられます。名簿は変わりません。"
    ),
    "Undo: deliver the bundle again; it is looked at anew.": (
        "元に戻すには：データを再度送信すれば、改めて検査されます。"
    ),
    "Reject": "却下する",
    "Rejected: nothing of {job} was applied.": "却下しました。{job} は何も反映していません。",
    "Try {job} once more": "{job} の再実行",
    "The same bytes are read again with today's settings. If they are good, they are applied.": (
        "同じデータを現在の設定で読み直します。問題がなければ反映されます。"
    ),
    "Undo: once applied, it can be rolled back.": "元に戻すには：反映の後に取り消せます。",
    "Try again": "再実行する",
    "{job} waits to be tried again.": "{job} は再実行を待っています。",
    "Roll back job {job}": "ジョブ {job} の取り消し",
    "The roster becomes what it was before {time} (revision {revision:,}).": (
        "名簿を{time}（リビジョン {revision:,}）より前の状態に戻します。"
    ),
    "Undone: {inserted:,} new, {updated:,} changed, {deleted:,} removed.": (
        "取り消す変更: 新規 {inserted:,}件、変更 {updated:,}件、削除 {deleted:,}件。"
    ),
    "Later bundles are undone, too: {bundles}.": "その後のデータも取り消されます：{bundles}。",
    "Type how many later ones that are:": "その後のデータの件数を入力:",
    "Undo: the rollback is a job of its own, and can be rolled back like any.": (
        "元に戻すには：取り消しも一つのジョブであり、同じように取り消せます。"
    ),
    "Roll back": "取り消す",
    "Job {job} rolls it back.": "ジョブ {job} が取り消しを行います。",
    # Deeds: clients
    "Client {name} ({id}) of tenant {tenant}.": "テナント {tenant} のクライアント {name}（{id}）。",
    "The client is revoked.": "このクライアントは失効しています。",
    "Give it a new secret": "新しいシークレットを発行",
    "Limit what it may ask for": "利用を制限",
    "Revoke it": "失効させる",
    "New secret for {name}": "{name} の新しいシークレット",
    "It gets a new secret, shown once. The old ones work on for the overlap, then they end.": (
        "新しいシークレットを発行し、一度だけ表示します。古いものは猶予期間の後に無効になります。"
    ),
    "Undo: none; give it another one.": "元に戻せません。もう一度発行してください。",
    "The old secret works on for:": "古いシークレットの猶予期間:",
    "Rotate": "発行する",
    "The new secret of {name} is shown this once only:": "{name} の新しいシークレット（表示はこの一度だけです）:",
    "The old one works on for {overlap}.": "古いものは {overlap} の間使えます。",
    "Revoke {name}": "{name} の失効",
    "It is refused from now on; tokens it holds end within 5 seconds.": (
        "今後は拒否されます。発行済みのトークンも5秒以内に無効になります。"
    ),
    "Undo: none; make a new client.": "元に戻せません。新しいクライアントを作成してください。",
    "Revoke": "失効させる",
    "{name} is revoked.": "{name} を失効させました。",
    "Limit {name}": "{name} の制限",
    "It is bound by this within 5 seconds. Undo: set it back.": (
        "5秒以内に有効になります。元に戻すには：設定を戻してください。"
    ),
    "What is left empty is as the service's settings say: api.rate, api.burst.": (
        "空欄の項目はサービスの設定（api.rate、api.burst）に従います。"
    ),
    "Requests a minute (0: any number):": "1分あたりの回数（0は無制限）:",
    "Of them at once:": "一度に許す回数:",
    "Refused from this moment on:": "利用期限:",
    "May call from (networks, or any):": "接続元（ネットワーク、または any）:",
    "Limit": "制限する",
    "{name} is bound by that within 5 seconds.": "{name} の制限は5秒以内に有効になります。",
    # Deeds: tenants
    "The tenant is not paused.": "このテナントは停止していません。",
    "The tenant is paused already.": "このテナントはすでに停止中です。",
    "Pause the tenant": "テナントを停止",
    "Resume the tenant": "テナントを再開",
    "Change its settings": "設定を変更",
    "Set the school-year window": "年度更新期間を設定",
    "Remove inbox {id}": "受信箱 {id} を削除",
    "{name}: {state}.": "{name}：{state}。",
    "paused": "停止中",
    "active": "稼働中",
    "Pause tenant {code}": "テナント {code} の停止",
    "{name}: what arrives is kept and waits; a load under way ends. Clients read on.": (
        "{name}：届いたデータは保管されて待ちます。処理中のものは最後まで行われます。"
        "クライアントは引き続き利用できます。"
    ),
    "Undo: resume it; then all that waits is loaded in order.": (
        "元に戻すには：再開すると、待っているデータを順に処理します。"
    ),
    "Pause": "停止する",
    "Resume tenant {code}": "テナント {code} の再開",
    "{name}: all that waits is loaded, in the order in which it came.": (
        "{name}：待っているデータを届いた順に処理します。"
    ),
    "Undo: pause it again; what was loaded can be rolled back.": (
        "元に戻すには：再び停止できます。反映したものは取り消せます。"
    ),
    "Resume": "再開する",
    "Saved. It holds for bundles loaded from now on.": "保存しました。今後処理するデータから有効です。",
    "Settings of {code}, version {version}": "{code} の設定（版 {version}）",
    "They hold for bundles loaded from now on. Undo: set them back; the audit log keeps both.": (
        "今後処理するデータから有効です。元に戻すには：設定を戻してください。監査ログに両方が残ります。"
    ),
    "Save": "保存する",
    "School-year window of {code}": "{code} の年度更新期間",
    "In these days classes and enrollments may turn over entirely, people and orgs as far as set here.": (
        "この期間中、クラスと在籍はすべて入れ替わることができ、人と組織はここで定めた割合まで変わることができます。"
    ),
    "Undo: set it to none.": "元に戻すには：none を設定してください。",
    "Nothing comes in there any more. What came through it stays.": (
        "今後は何も受け取りません。すでに届いたものは残ります。"
    ),
    "Undo: add it again; an SFTP user needs its password or key again.": (
        "元に戻すには：追加し直してください。SFTPの利用者はパスワードか鍵の再設定が必要です。"
    ),
    "Remove": "削除する",
    "Inbox {id} is removed.": "受信箱 {id} を削除しました。",
    "Name:": "名称:",
    "Profile:": "プロファイル:",
    "Encoding (auto, cp932):": "文字コード（auto, cp932）:",
    "Guard: most deleted, %:": "ガード: 削除の上限（%）:",
    "Guard: most updated, %:": "ガード: 更新の上限（%）:",
    "Window FIRST..LAST, or none:": "年度更新期間（なしは none）:",
    "In it: most deleted, %:": "期間中: 削除の上限（%）:",
    "In it: most updated, %:": "期間中: 更新の上限（%）:",
    "Due (Japan, HH:MM), or none:": "期限 HH:MM 日本時間（なしは none）:",
    "Grace:": "猶予:",
    "Quota, or none:": "容量の上限（なしは none）:",
    # Clients
    "CLIENT": "クライアント",
    "SCOPES": "範囲",
    "LAST USED": "最終利用",
    "SECRETS": "シークレット",
    "REVOKED": "失効",
    "EXPIRED": "期限切れ",
    "NO SECRET": "なし",
    "{new} + {old} old": "{new} + 旧 {old}",
    "No client fits the filter.": "条件に合うクライアントはありません。",
    "No clients yet: a makes one.": "クライアントはまだありません。a で作成します。",
    "clients": "クライアント",
    "Revoked {time}: {reason}": "{time} に失効: {reason}",
    "Old and new secret both work until {time}.": "新旧のシークレットは {time} まで両方使えます。",
    "the service's own rate": "既定の回数",
    "any rate": "無制限",
    "May ask: {rate}{burst}.": "回数: {rate}{burst}。",
    ", {count:,} at once": "、一度に{count:,}回",
    "Only from {networks}.": "接続元: {networks}。",
    "Until {time}.": "期限: {time}。",
    # Tenants
    "STALE": "未着",
    "STALE: a delivery was due {time}, and none has come. Clients are served the last roster.": (
        "未着：{time} までに届くはずのデータが届いていません。クライアントには最後の名簿を返しています。"
    ),
    "INBOX": "受信箱",
    "DUE": "期限",
    "inboxes": "受信箱",
    "No inbox: bundles come by hand or by HTTP alone. Add one: rosterhub inbox add": (
        "受信箱がありません。手動またはHTTPでのみ届きます。rosterhub inbox add で追加してください。"
    ),
    "Trouble: {trouble}": "異常: {trouble}",
    "Last delivery {time}.": "最終受信 {time}。",
    "Last look {time}.": "最終確認 {time}。",
    "On disk {used}, no quota.": "使用量 {used}、上限なし。",
    "On disk {used} of {quota}.": "使用量 {used} / {quota}。",
    "Encoding {encoding}.": "文字コード {encoding}。",
    "No school-year window.": "年度更新期間はありません。",
    "School-year window {begin} to {end}.": "年度更新期間 {begin} から {end} まで。",
    "none": "なし",
    # Logs
    "LEVEL": "レベル",
    "UNIT": "部分",
    "TEXT": "本文",
    "DEBUG": "詳細",
    "INFO": "情報",
    "ERROR": "エラー",
    "log lines": "ログ",
    "log line": "ログ",
    "Level from {level} on   unit: {unit}": "レベル {level} 以上   部分: {unit}",
    "There is no journal here: the log is on the standard error of `rosterhub run`.": (
        "ここにはジャーナルがありません。ログは `rosterhub run` の標準エラーに出力されています。"
    ),
    "The journal has no line of RosterHub's units. What a hub started by hand says is on the standard error"
    " of `rosterhub run`.": (
        "ジャーナルにRosterHubの記録はありません。"
        "手動で起動した場合、ログは `rosterhub run` の標準エラーに出力されます。"
    ),
    "The journal cannot be read: {why}.": "ジャーナルを読み取れません: {why}。",
    "The log has said nothing of this kind yet.": "該当するログはまだありません。",
    # Record
    "Record": "レコード",
    "REVISION": "ﾘﾋﾞｼﾞｮﾝ",
    "all {count}": "全{count}項目",
    "WHERE": "場所",
    "FIELDS": "項目",
    "ID": "ID番号",
    "made": "作成",
    "changed": "変更",
    "removed": "削除",
    "returned": "復帰",
    "undone": "取消",
    "comes": "追加",
    "changes": "更新",
    "goes": "削除",
    "versions": "版",
    "version": "版",
    "Record {entity} {id} of {tenant}": "{tenant} の {entity} {id}",
    "names masked": "氏名は伏せています",
    "NAMES SHOWN": "氏名を表示中",
    "There is no such record, and none is remembered.": "該当するレコードはなく、記録もありません。",
    "and {count} more: Enter": "ほか{count}件: Enter",
    "This record holds no names of persons.": "このレコードに氏名はありません。",
    "The names are shown already.": "氏名はすでに表示しています。",
    "Show the names": "氏名を表示",
    "Names are shown; that is noted in the audit log.": "氏名を表示しています。監査ログに記録しました。",
    "The names of the person are shown on this screen until you leave it. That you looked is noted.": (
        "この画面を閉じるまで氏名を表示します。閲覧したことが記録されます。"
    ),
    "Undo: none; the entry stays in the audit log.": "元に戻せません。記録は監査ログに残ります。",
    "Show": "表示する",
    "no longer in {file}": "{file} に存在せず",
    "no line of a file": "該当行なし",
    "What became of one record. Entities: {names}.": "一つのレコードの来歴を表示します。種類: {names}。",
    "Tenant's code:": "テナントのコード:",
    "Entity:": "種類:",
    "sourcedId:": "レコードのID:",
    "No samples were kept.": "見本は保存されていません。",
    "of those that change": "変わるものの見本",
    # Raw
    "Raw": "原文",
    "lines": "行",
    "There is no problem whose line could be shown.": "行を表示できる問題はありません。",
    "This problem is not about a line of a file.": "この問題はファイルの行についてのものではありません。",
    "The bundle is no longer kept.": "データの保存期間は終了しています。",
    # Deliver
    "Deliver a file": "ファイルの投入",
    "It is rehearsed first: you see what would become of it, and nothing is changed by that.": (
        "まず試行し、結果がどうなるかを表示します。試行では何も変更しません。"
    ),
    "A zip or a folder of CSV files:": "zip、またはCSVのフォルダ:",
    "Rehearse": "試行する",
    "{bundle} would be: {state}. {why}": "{bundle} の見込み：{state}。{why}",
    "It would change: {counts}": "変更の見込み：{counts}",
    "Delivered, it goes the way of every bundle. Undo: roll its job back.": (
        "投入すると、ほかのデータと同じように処理されます。元に戻すには：ジョブを取り消してください。"
    ),
    "Deliver {bundle} to {code}": "{bundle} を {code} へ投入",
    "Deliver": "投入する",
    # Export
    "Export the log": "監査記録の書き出し",
    "All entries that fit the range and the search, however many, oldest first, also those not shown here.": (
        "期間と検索条件に合う記録を、画面にないものも含めてすべて、古い順に書き出します。"
    ),
    "They go to a file that does not exist yet: CSV, or JSON lines where its name ends so.": (
        "まだ存在しないファイルに書き出します。CSV、または名前の末尾が .jsonl なら JSON 行形式です。"
    ),
    "The log is being written to {file}; the screens go on.": (
        "監査記録を {file} に書き出しています。画面はそのまま使えます。"
    ),
    "The log was not written: the database does not answer.": (
        "監査記録を書き出せませんでした。データベースが応答しません。"
    ),
    "1 entry is in {file}.": "1件を {file} に書き出しました。",
    "{count:,} entries are in {file}.": "{count:,}件を {file} に書き出しました。",
    "Export 1 row": "1行の書き出し",
    "Export {count:,} rows": "{count:,}行の書き出し",
    "What is listed goes to a file that does not exist yet: CSV, or JSON lines where its name ends so.": (
        "一覧を新しいファイルに書き出します。CSV、または名前の末尾により1行1件のJSONになります。"
    ),
    "File (.csv or .jsonl):": "ファイル（.csv か .jsonl）:",
    "Write": "書き出す",
    "1 row is in {file}.": "1行を {file} に書き出しました。",
    "{count:,} rows are in {file}.": "{count:,}行を {file} に書き出しました。",
    # Refusals
    "A reason is needed; it is kept in the audit log.": "理由が必要です。監査ログに残ります。",
    "The job is no longer in a state that allows this.": "ジョブの状態が変わったため、この操作は行えません。",
    "There is no such job any more.": "そのジョブはもうありません。",
    "The number of removals is not what the bundle would remove.": "削除件数が、このデータの削除件数と一致しません。",
    "The job changed nothing that could be undone.": "このジョブには取り消せる変更がありません。",
    "Later bundles changed the roster since; look again.": (
        "その後のデータが名簿を変えています。もう一度確認してください。"
    ),
    "Somebody changed the tenant since you opened this; nothing of yours is saved:": (
        "開いている間に別の担当者がテナントを変更しました。あなたの変更は保存していません:"
    ),
    "The tenant is not in a state that allows this.": "テナントの状態により、この操作は行えません。",
    "That cannot be a tenant's profile.": "そのプロファイルは使えません。",
    "There is no such tenant.": "そのテナントはありません。",
    "There is no such client.": "そのクライアントはありません。",
    "The client is revoked already.": "このクライアントはすでに失効しています。",
    "There is no such inbox any more.": "その受信箱はもうありません。",
    "That cannot be set so:": "その値は設定できません:",
    "That is no length of time; write 30m, 12h or 7d:": "期間の書き方が正しくありません（例 30m、12h、7d）:",
    "That is no size; write 500MB or 2GB:": "容量の書き方が正しくありません（例 500MB、2GB）:",
    "That is no number of requests; write 600/m, or 0 for any number:": (
        "回数の書き方が正しくありません（例 600/m、無制限は 0）:"
    ),
    "That is no network; write 192.0.2.0/24 or any:": "ネットワークの書き方が正しくありません（例 192.0.2.0/24、any）:",
    "That is no day or time; write 2027-03-31:": "日時の書き方が正しくありません（例 2027-03-31）:",
}
