"""The words samples are made of: names with their readings, schools, subjects. All people are made up."""

import msgspec


class Name(msgspec.Struct, frozen=True):
    """A name and its reading in full-width katakana."""

    kanji: str
    kana: str


def _names(text: str) -> tuple[Name, ...]:
    return tuple(Name(*pair.split("/")) for pair in _words(text))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FAMILY = _names("""
佐藤/サトウ 鈴木/スズキ 高橋/タカハシ 田中/タナカ 伊藤/イトウ 渡辺/ワタナベ 山本/ヤマモト 中村/ナカムラ
小林/コバヤシ 加藤/カトウ 吉田/ヨシダ 山田/ヤマダ 佐々木/ササキ 山口/ヤマグチ 松本/マツモト 井上/イノウエ
木村/キムラ 林/ハヤシ 斎藤/サイトウ 清水/シミズ 山崎/ヤマザキ 森/モリ 池田/イケダ 橋本/ハシモト
阿部/アベ 石川/イシカワ 山下/ヤマシタ 中島/ナカジマ 石井/イシイ 小川/オガワ 前田/マエダ 岡田/オカダ
長谷川/ハセガワ 藤田/フジタ 後藤/ゴトウ 近藤/コンドウ 村上/ムラカミ 遠藤/エンドウ 青木/アオキ 坂本/サカモト
斉藤/サイトウ 福田/フクダ 太田/オオタ 西村/ニシムラ 藤井/フジイ 金子/カネコ 岡本/オカモト 藤原/フジワラ
中野/ナカノ 三浦/ミウラ 原田/ハラダ 中川/ナカガワ 松田/マツダ 竹内/タケウチ 小野/オノ 田村/タムラ
中山/ナカヤマ 和田/ワダ 石田/イシダ 森田/モリタ 上田/ウエダ 原/ハラ 内田/ウチダ 柴田/シバタ
酒井/サカイ 宮崎/ミヤザキ 横山/ヨコヤマ 高木/タカギ 安藤/アンドウ 宮本/ミヤモト 大野/オオノ 小島/コジマ
谷口/タニグチ 工藤/クドウ 高田/タカダ 今井/イマイ 丸山/マルヤマ 増田/マスダ 杉山/スギヤマ 𣘺本/ハシモト
""")
"""The last one lies outside the basic plane of Unicode, and in JIS X 0213: such names exist."""

GIRLS = _names("""
陽葵/ヒマリ 凛/リン 紬/ツムギ 結菜/ユイナ 芽依/メイ 葵/アオイ 陽菜/ヒナ 莉子/リコ
澪/ミオ 結愛/ユア さくら/サクラ 咲良/サラ 美月/ミツキ 杏/アン 一花/イチカ 詩/ウタ
花/ハナ 心春/コハル 琴音/コトネ 美咲/ミサキ 彩花/アヤカ 七海/ナナミ 優奈/ユウナ 真央/マオ
千尋/チヒロ 美羽/ミウ 彩乃/アヤノ 菜々子/ナナコ 遥/ハルカ 瑞希/ミズキ 香織/カオリ 由美/ユミ
恵子/ケイコ 裕子/ユウコ 直美/ナオミ 智子/トモコ 久美子/クミコ 明美/アケミ 真由美/マユミ 京子/キョウコ
麻衣/マイ 愛/アイ 千夏/チナツ 桃花/モモカ 和奏/ワカナ 楓/カエデ 小春/コハル 柚希/ユズキ
美桜/ミオ 穂乃香/ホノカ 綾/アヤ 舞/マイ 沙織/サオリ 玲奈/レイナ 友香/トモカ 奈緒/ナオ
早紀/サキ 理恵/リエ 朋美/トモミ みのり/ミノリ
""")
BOYS = _names("""
陽翔/ハルト 蓮/レン 湊/ミナト 樹/イツキ 蒼/アオイ 悠真/ユウマ 大和/ヤマト 朝陽/アサヒ
律/リツ 新/アラタ 陽太/ヒナタ 颯真/ソウマ 悠人/ユウト 翔太/ショウタ 大翔/ヒロト 健太/ケンタ
拓海/タクミ 颯/ハヤテ 翼/ツバサ 海斗/カイト 優斗/ユウト 匠/タクミ 奏太/カナタ 瑛太/エイタ
直樹/ナオキ 誠/マコト 隆/タカシ 浩二/コウジ 健一/ケンイチ 哲也/テツヤ 剛/ツヨシ 学/マナブ
修/オサム 和也/カズヤ 達也/タツヤ 大輔/ダイスケ 雄一/ユウイチ 亮/リョウ 純/ジュン 智也/トモヤ
晴/ハル 駿/シュン 怜/レイ 晃/アキラ 慎/シン 涼介/リョウスケ 光/ヒカル 春樹/ハルキ
圭吾/ケイゴ 千隼/チハヤ 一郎/イチロウ 正人/マサト 秀樹/ヒデキ 康平/コウヘイ 裕太/ユウタ 俊介/シュンスケ
恭平/キョウヘイ 歩/アユム 豊/ユタカ しょう/ショウ
""")
MIDDLE = ("マリア", "リー", "アン", "ジョン", "マリア ルイーズ", "ホセ アントニオ")
"""In katakana, so their own reading; several are separated by a blank (CSV binding section 5)."""

CITIES = ("青葉野市", "桜沢市", "若草台市", "星見原市", "白鷺浜市", "緑ヶ原市", "朝霧市", "花園野市")
"""None of these exists."""
PLACES = _words("""
桜丘 緑が丘 若葉 朝日 富士見 栄 本町 春日 泉 桃山 松風 竹園 梅里 川原 中央 光が丘 希望が丘 城山 湖南 浜田
大谷 平和 高砂 常盤 清水台 日吉 天神 八幡 稲荷 宮前 東雲 青空 月見 風早 雪村 花岡 若宮 千歳 弥生 曙
""")
QUARTERS = ("", "東", "西", "南", "北", "中", "第二", "第三", "第四", "第五")


class Subject(msgspec.Struct, frozen=True):
    """A subject, and the years of its kind of school in which it is taught."""

    name: str
    code: str = ""
    years: str = "123456"
    special: bool = False
    """Taught by a specialist where a homeroom teacher teaches the rest."""


class Kind(msgspec.Struct, frozen=True):
    """A kind of school."""

    name: str
    code: str
    """How its school code begins (Japan sheet section 3)."""
    letter: str
    """How its grades begin (Japan sheet section 4)."""
    years: int
    first_age: int
    """Of a pupil when the first year begins."""
    subjects: tuple[Subject, ...]


# The codes are those of the Japan sheet, section 4. Which subject each of them means is published nowhere we could
# read: that they follow the order of the curriculum is a guess, good enough for made-up rosters and for nothing else.
ELEMENTARY = Kind(
    "小学校",
    "B1",
    "P",
    6,
    6,
    (
        Subject("国語", "P010"),
        Subject("社会", "P020", "3456"),
        Subject("算数", "P030"),
        Subject("理科", "P040", "3456"),
        Subject("生活", "P050", "12"),
        Subject("音楽", "P060", special=True),
        Subject("図画工作", "P070"),
        Subject("家庭", "P080", "56"),
        Subject("体育", "P090"),
        Subject("外国語", "P100", "56", special=True),
        Subject("外国語活動", "", "34", special=True),
        Subject("特別の教科 道徳"),
        Subject("総合的な学習の時間", "", "3456"),
        Subject("特別活動"),
    ),
)
JUNIOR_HIGH = Kind(
    "中学校",
    "C1",
    "J",
    3,
    12,
    (
        Subject("国語", "J010"),
        Subject("社会", "J020"),
        Subject("数学", "J030"),
        Subject("理科", "J040"),
        Subject("音楽", "J050"),
        Subject("美術", "J060"),
        Subject("保健体育", "J070"),
        Subject("技術・家庭", "J080"),
        Subject("外国語", "J090"),
        Subject("特別の教科 道徳"),
        Subject("総合的な学習の時間"),
        Subject("特別活動"),
    ),
)
HIGH = Kind(
    "高等学校",
    "D1",
    "H",
    3,
    15,
    (
        Subject("現代の国語", "", "1"),
        Subject("言語文化", "", "1"),
        Subject("論理国語", "", "23"),
        Subject("古典探究", "", "23"),
        Subject("歴史総合", "", "1"),
        Subject("地理総合", "", "2"),
        Subject("公共", "", "2"),
        Subject("政治・経済", "", "3"),
        Subject("数学Ⅰ", "", "1"),
        Subject("数学A", "", "1"),
        Subject("数学Ⅱ", "", "2"),
        Subject("数学B", "", "2"),
        Subject("数学Ⅲ", "", "3"),
        Subject("物理基礎", "", "1"),
        Subject("化学基礎", "", "2"),
        Subject("生物", "", "3"),
        Subject("体育"),
        Subject("保健", "", "12"),
        Subject("音楽Ⅰ", "", "1"),
        Subject("英語コミュニケーションⅠ", "", "1"),
        Subject("英語コミュニケーションⅡ", "", "2"),
        Subject("英語コミュニケーションⅢ", "", "3"),
        Subject("論理・表現Ⅰ", "", "1"),
        Subject("論理・表現Ⅱ", "", "2"),
        Subject("論理・表現Ⅲ", "", "3"),
        Subject("家庭基礎", "", "2"),
        Subject("情報Ⅰ", "", "2"),
        Subject("総合的な探究の時間"),
        Subject("特別活動"),
    ),
)
KINDS = (ELEMENTARY, JUNIOR_HIGH, HIGH, ELEMENTARY, JUNIOR_HIGH, ELEMENTARY)
"""The kinds of the first, second, third ... school of a district, over and over."""
