"""Words, scripts and names by which languages are told."""

import re

DENSE = {"zh", "ja", "ko"}
"""Languages with a syllable or a word in each character."""

SCRIPTS = {
    "latin": re.compile("[A-Za-z\u00aa-\u024f\u1e00-\u1eff]"),
    "ru": re.compile("[\u0400-\u052f]"),
    "ar": re.compile("[\u0620-\u065f\u066e-\u06d3\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]"),
    "zh": re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"),
    "ja": re.compile("[\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9d]"),
    "ko": re.compile("[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]"),
    "el": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
    "he": re.compile("[\u05d0-\u05ea]"),
    "th": re.compile("[\u0e01-\u0e4e]"),
    "hi": re.compile("[\u0900-\u097f]"),
    "bn": re.compile("[\u0980-\u09ff]"),
    "pa": re.compile("[\u0a00-\u0a7f]"),
    "gu": re.compile("[\u0a80-\u0aff]"),
    "ta": re.compile("[\u0b80-\u0bff]"),
    "te": re.compile("[\u0c00-\u0c7f]"),
    "kn": re.compile("[\u0c80-\u0cff]"),
    "ml": re.compile("[\u0d00-\u0d7f]"),
    "si": re.compile("[\u0d80-\u0dff]"),
    "lo": re.compile("[\u0e81-\u0edf]"),
    "km": re.compile("[\u1780-\u17ff]"),
    "my": re.compile("[\u1000-\u109f]"),
    "ka": re.compile("[\u10a0-\u10ff]"),
    "hy": re.compile("[\u0530-\u058f]"),
    "am": re.compile("[\u1200-\u137f]"),
}
"""By the language that uses it, the first of its group where there are several."""
VIETNAMESE = re.compile("[\u01a0\u01a1\u01af\u01b0\u0110\u0111\u1ea0-\u1ef9]")
"""Letters that no other language in Latin script has, with its double accents."""

GROUPS = [
    ["no", "nb", "nn", "da", "sv"], ["es", "gl", "ca", "an", "ast", "oc"],
    ["id", "ms", "jv", "su"], ["hr", "bs", "sr", "sl"], ["cs", "sk"], ["nl", "af", "lb"],
    ["ru", "uk", "be", "bg", "mk", "kk", "ky", "mn", "tg"], ["hi", "mr", "ne"],
    ["ar", "fa", "ur", "ps", "ug", "ku"], ["tr", "az"], ["fi", "et"], ["lt", "lv"],
    ["he", "yi"], ["bn", "as"],
]  # fmt: skip
ALIKE = {code: group[0] for group in GROUPS for code in group}

_WORDS = {
    "en": """a an in on at or if as get use used using want need like i'd i've many much more most other only
        also time people good way first new question answer given based following word words short
        simple suggest design convert plan example examples identify happen happens work works
        the of and to is are was were what which who how why when where can could would should you
        your my me we our they their he she his her it's this that these those with from about for an
        do does did have has had not i i'm will be been there than then write give make explain list
        tell please create describe provide name help find between into some any best does don't""",
    "de": """der die das und ist sind war nicht ein eine einen einem einer ich du sie wir ihr mit auf f\u00fcr
        von zu den dem des im wie was warum wann wo kann k\u00f6nnen soll auch aber oder wenn als bei nach
        \u00fcber schreibe bitte erkl\u00e4re gib mir mich mein meine dein hat haben wird werden sich es ja nein""",
    "fr": """le les des du est sont une et \u00e0 au aux je tu il elle nous vous ils que qui quoi quel quelle
        comment pourquoi dans pour avec sur pas ne plus ce cette ces mon ma mes votre notre \u00e9cris
        \u00e9crivez donne explique fais sans mais ou o\u00f9 c'est j'ai d'un d'une l'on qu'est oui non peux""",
    "es": """el los las una y es son est\u00e1 est\u00e1n del al que qu\u00e9 c\u00f3mo cu\u00e1l cu\u00e1ndo d\u00f3nde por para con
        sin mi mis tu su sus yo t\u00fa nosotros pero m\u00e1s muy tambi\u00e9n escribe dame explica haz crea lo se
        este esta estos hay ser como s\u00ed puedo puedes quiero genera sobre""",
    "it": """il lo gli della dello delle degli dei nel nella \u00e8 sono che chi come perch\u00e9 quando dove con
        per una uno un' di e non mi ti ci pi\u00f9 anche scrivi dammi spiega crea questo questa mio mia tuo
        sua essere ho hai ha hanno puoi posso vorrei""",
    "pt": """o os um uma \u00e9 s\u00e3o est\u00e1 da das dos na nas nos em que como porque quando onde com para por n\u00e3o
        mais mas meu minha seu sua voc\u00ea eu ele ela n\u00f3s escreva me explique crie fa\u00e7a isso este esta
        tamb\u00e9m ser tem qual quais sobre sim""",
    "nl": """de het een en is zijn was niet van voor met op aan naar dat die dit deze ik je jij u wij ze hij
        hoe wat waarom wanneer waar kan kunnen ook maar of als bij schrijf geef maak leg mijn jouw er
        nog geen ja nee worden wordt heeft hebben""",
    "no": """och att det som en ett \u00e4r var inte jag du vi de p\u00e5 med f\u00f6r av till hur vad varf\u00f6r kan skriv
        og at er ikke jeg til af av hvordan hva hvad hvorfor et den har om min din mitt ditt eller men
        ogs\u00e5 \u00e5 ge mig meg fra fr\u00e5n""",
    "pl": """i w na z do nie jest s\u0105 to \u017ce si\u0119 jak co dlaczego kiedy gdzie dla przez o od po za czy ale
        napisz podaj mi m\u00f3j moja jego jej tego tym tej kt\u00f3ry kt\u00f3ra jestem mo\u017ce mog\u0119 prosz\u0119 tak ten""",
    "cs": """a v na je jsou z do ne to \u017ee se jak co pro\u010d kdy kde pro od po za ale napi\u0161 mi m\u016fj moje jeho
        jej\u00ed toho kter\u00fd kter\u00e1 jsem m\u016f\u017ee mohu pros\u00edm ano ten bude p\u0159\u00edb\u011bh nebo o ako som nie \u010do aby""",
    "ro": """\u0219i este sunt un o de la pe cu pentru nu c\u0103 ce cum c\u00e2nd unde din sau dar mai mi meu mea lui
        scrie explic\u0103 \u00een s\u0103 care eu tu noi voi au are fi""",
    "hu": """a az \u00e9s nem hogy egy van vagy mi mit hogyan mi\u00e9rt mikor hol meg is de csak \u00edrj k\u00e9rlek ez azt
        nekem lehet sz\u00e1m\u00e1ra volt fog""",
    "fi": """ja on ei ett\u00e4 se ovat kuin mit\u00e4 miten miksi milloin miss\u00e4 kirjoita min\u00e4 sin\u00e4 h\u00e4n me te he tai
        mutta my\u00f6s olen minun kuka jos niin ole""",
    "tr": """ve bir bu ne nas\u0131l neden i\u00e7in ile de da mi m\u0131 de\u011fil \u00e7ok daha ben sen o biz siz yaz bana
        olarak olan var yok gibi en kadar ama veya evet hay\u0131r""",
    "vi": """v\u00e0 l\u00e0 c\u1ee7a c\u00f3 kh\u00f4ng cho m\u1ed9t t\u00f4i b\u1ea1n nh\u1eefng c\u00e1c v\u1edbi trong \u0111\u01b0\u1ee3c nh\u01b0 th\u1ebf n\u00e0o h\u00e3y vi\u1ebft gi\u1ea3i
        khi th\u00ec m\u00e0 \u0111\u1ec3 v\u1ec1 n\u00e0y b\u1eb1ng ra tr\u00ean t\u1eeb \u1edf l\u00e0m b\u00e0i""",
    "id": """yang dan di ke dari untuk dengan ini itu adalah tidak bisa dapat saya anda kamu apa bagaimana
        mengapa kapan dimana tulis buatlah jelaskan pada akan atau juga sebuah""",
    "hr": """je i u na da se su sam nije \u0161to kako za\u0161to kada gdje od do za sa napi\u0161i molim ali ili mi moj
        moja koji koja bi \u0161ta gde sve""",
    "lt": """ir yra kaip kas kod\u0117l kada kur ne su i\u0161 a\u0161 tu mes para\u0161yk bet arba un ir k\u0101 k\u0101p\u0113c kad ar no
        es j\u016bs uzraksti""",
    "tl": """ang ng mga sa ay na at ako ikaw siya kami ano paano bakit kailan saan hindi para ito""",
}
ENGLISH_TOO = set(_WORDS["en"].split()) | set("""die man men hat war bin will also sin son come are sea
    fire over do no so am pro me use ten hot hits den van ten bij care plus ma fi mine top""".split())
WORDS = {
    code: {word for word in words.split() if code == "en" or word not in ENGLISH_TOO and (len(word) > 1 or not word.isascii())}
    for code, words in _WORDS.items()
}
"""Words that many texts of a language have, ten of them in a hundred at least."""

_NAMES = {
    "en": "english|british|american|anglais|ingl\u00e9s|inglese|englisch|\u82f1\u6587|\u82f1\u8bed|\u82f1\u8a9e|\uc601\uc5b4|\u0430\u043d\u0433\u043b\u0438\u0439\u0441\u043a",
    "de": "german|austrian|swiss|deutsch|allemand|alem\u00e1n|tedesco|\u5fb7\u8bed|\u5fb7\u6587|\u043d\u0435\u043c\u0435\u0446\u043a",
    "fr": "french|fran\u00e7ais|franz\u00f6sisch|franc\u00e9s|francese|fran\u00e7aise|canadian|\u6cd5\u8bed|\u6cd5\u6587|\u0444\u0440\u0430\u043d\u0446\u0443\u0437\u0441\u043a",
    "es": "spanish|mexican|argentin|espa\u00f1ol|spanisch|espagnol|catalan|castilian|hispanic|latino|\u897f\u73ed\u7259|\u0438\u0441\u043f\u0430\u043d\u0441\u043a",
    "it": "italian|italienisch|italien|opera|\u610f\u5927\u5229|\u0438\u0442\u0430\u043b\u044c\u044f\u043d\u0441\u043a",
    "pt": "portugu|brazil|brasil|\u8461\u8404\u7259|\u043f\u043e\u0440\u0442\u0443\u0433\u0430\u043b\u044c\u0441\u043a",
    "nl": "dutch|netherlands|flemish|belgian|niederl\u00e4ndisch|nederlands|afrikaans",
    "no": "danish|norwegian|swedish|nordic|scandinavian|dansk|norsk|svensk",
    "pl": "polish|poland|polski|po polsku",
    "cs": "czech|slovak|\u010desky|\u010de\u0161tin",
    "ro": "romanian|rom\u00e2n",
    "hu": "hungarian|magyar",
    "fi": "finnish|suomi|suomeksi|estonian",
    "tr": "turkish|turk|azerbaijani",
    "vi": "vietnam|vi\u1ec7t",
    "id": "indonesia|malay|javanese|balinese",
    "hr": "croatian|serbian|bosnian|slovenian|bulgarian|srpski|hrvatski|yugoslav",
    "lt": "lithuanian|latvian",
    "tl": "tagalog|filipino|philippine",
    "la": "latin|roman|lorem ipsum|mottos?|scientific names?|species",
    "ru": "russian|ukrainian|belarusian|soviet|cyrillic|\u0440\u0443\u0441\u0441\u043a|\u0443\u043a\u0440\u0430\u0457\u043d",
    "ar": "arab|persian|farsi|iran|urdu|kurdish|quran|islam|\u0639\u0631\u0628\u064a|\u0641\u0627\u0631\u0633\u06cc",
    "zh": "chin|mandarin|cantonese|taiwan|hanzi|pinyin|tang|kanji|\u4e2d\u6587|\u6c49\u8bed|\u6f22",
    "ja": "japan|kanji|hiragana|katakana|haiku|anime|\u65e5\u672c|\u65e5\u6587|\u65e5\u8bed",
    "ko": "korea|hangul|k-pop|\ud55c\uad6d|\u97e9\u8bed|\u97d3",
    "el": "greek|greece|byzantin|\u03b5\u03bb\u03bb\u03b7\u03bd|math|symbol|alphabet",
    "he": "hebrew|israel|jewish|torah|yiddish|\u05e2\u05d1\u05e8\u05d9\u05ea",
    "th": "thai|\u0e44\u0e17\u0e22",
    "hi": "hindi|india|sanskrit|marathi|nepal|mantra|yoga|\u0939\u093f\u0928\u094d\u0926\u0940",
    "bn": "bengal|bangla",
    "ta": "tamil",
    "te": "telugu",
}
IN_CODE = set("if for from with as and or not in is while this do use new on at list name time work get".split())
"""Words of English that code has as well."""
NAMES = {code: re.compile(rf"(?<![^\W\d_])(?:{names})", re.IGNORECASE) for code, names in _NAMES.items()}
"""What a prompt says that speaks of a language, or of a people with one."""

SPEAKS_OF_LANGUAGE = re.compile(
    r"\btranslat|\binterpret(?:er|ation)|(?<!programming )(?<!body )(?<!sign )(?<!love )(?<!scripting )"
    r"(?<!markup )\blanguages?\b(?! model)|\bbilingual|\bmultilingual|\bforeign|\bloanwords?|\betymolog"
    r"|\bdialect|\btransliterat|\bromaniz|\bconlang|\bklingon|\besperanto|\bquenya|\belvish|\bold norse"
    r"|\bgaelic|\bwelsh|\birish|\bbasque|\bicelandic|\bswahili|\byoruba|\bzulu|\bmaori|\bhawaiian"
    r"|\bceltic|\bfaroese|\balbanian|\barmenian|\bgeorgian|\b\u00fcbersetz|\btradu[ciz]|\bvertaal|\bprze"
    r"t\u0142umacz|\bp\u0159elo\u017e|\b\u00f6vers\u00e4tt|\bsprache|\blangue\b|\bidioma|\blingua|\b\u044f\u0437\u044b\u043a|\u043f\u0435\u0440\u0435\u0432\u0435\u0434|\u043f\u0435\u0440\u0435\u043a\u043b\u0430\u0434|\u7ffb\u8bd1|\u7ffb\u8b6f"
    r"|\u7ffb\u8a33|\u8a33\u3057|\ubc88\uc5ed|\u8bed\u8a00|\u8a9e\u8a00|\u8a00\u8a9e|\uc5b8\uc5b4|\u062a\u0631\u062c\u0645|\u0644\u063a\u0629|\u05ea\u05e8\u05d2\u05dd|\u05e9\u05e4\u05d4|d\u1ecbch sang|terjemah|\u00e7evir",
    re.IGNORECASE,
)
"""A prompt that may want any language."""
