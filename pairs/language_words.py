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
    "en": """a an in on at or if as get use used using want need like i'd i've what's who's that's
        there's let's can't isn't many much more most other only also time people good way first
        new question answer given based following word words short simple suggest design convert
        plan example examples identify happen happens work works the of and to is are was were
        what which who how why when where can could would should you your my me we our they
        their he she his her it's this that these those with from about for do does did have has
        had not i i'm will be been there than then write give make explain list tell please
        create describe provide name help find between into some any best don't""",
    "de": """der das und ist sind nicht ein eine einen einem einer ich du sie wir ihr mit auf für
        von zu dem des im wie warum wann wo kann können soll auch aber oder wenn als bei nach über
        schreibe bitte erkläre gib mir mich mein meine dein haben wird werden sich es ja nein""",
    "fr": """le les des du est sont une et à au aux je tu il elle nous vous ils que qui quoi quel
        quelle comment pourquoi dans pour avec sur pas ne ce cette ces mon mes votre notre écris
        écrivez donne explique fais sans mais ou où c'est j'ai d'un d'une l'on qu'est oui non
        peux""",
    "es": """el los las una es está están del al que qué cómo cuál cuándo dónde por para con mi mis
        tu su sus yo tú nosotros pero más muy también escribe dame explica haz crea lo se este
        esta estos hay ser como sí puedo puedes quiero genera sobre""",
    "it": """il lo gli della dello delle degli dei nel nella è sono che chi perché quando dove con
        per una uno un' di non mi ti ci più anche scrivi dammi spiega crea questo questa mio mia
        tuo sua essere ho hai ha hanno puoi posso vorrei""",
    "pt": """os um uma é são está da das dos na nas nos em que como porque quando onde com para por
        não mais mas meu minha seu sua você eu ele ela nós escreva explique crie faça isso este
        esta também ser tem qual quais sobre sim""",
    "nl": """de het een en zijn niet voor met op aan naar dat dit deze ik je jij wij ze hij hoe wat
        waarom wanneer waar kan kunnen ook maar als schrijf geef maak leg mijn jouw er nog geen
        ja nee worden wordt heeft hebben""",
    "no": """och att det som en ett är var inte jag du vi de på med för av till hur vad varför kan
        skriv og er ikke jeg til af hvordan hva hvad hvorfor et har om min din mitt ditt eller
        også å ge mig meg fra från""",
    "pl": """na nie jest są że się jak co dlaczego kiedy gdzie dla przez od po za czy ale napisz
        podaj mi mój moja jego jej tego tym tej który która jestem może mogę proszę tak""",
    "cs": """na je jsou ne že se jak co proč kdy kde od po za ale napiš mi můj moje jeho její toho
        který která jsem může mohu prosím ano bude příběh nebo ako som nie čo aby""",
    "ro": """și este sunt un de la pe cu pentru nu că ce cum când unde din sau dar mai mi meu mea
        lui
        scrie explică în să eu tu noi voi au""",
    "hu": """az és nem hogy egy vagy mi mit hogyan miért mikor hol meg de csak írj kérlek ez azt
        nekem lehet számára volt fog""",
    "fi": """ja ei että se ovat kuin mitä miten miksi milloin missä kirjoita minä sinä hän te tai
        mutta myös olen minun kuka jos niin ole""",
    "tr": """ve bir bu ne nasıl neden için ile de da mi mı değil çok daha ben sen biz siz yaz bana
        olarak olan var yok gibi en kadar ama veya evet hayır""",
    "vi": """và là của có không cho một tôi bạn những các với trong được như thế nào hãy viết giải
        khi thì mà để về này bằng ra trên từ ở làm bài""",
    "id": """yang dan di ke dari untuk dengan ini itu adalah tidak bisa dapat saya anda kamu apa
        bagaimana mengapa kapan dimana tulis buatlah jelaskan pada akan atau juga sebuah""",
    "hr": """je na da se su sam nije što kako zašto kada gdje od za sa napiši molim ali ili mi moj
        moja koji koja bi šta gde sve""",
    "lt": """ir yra kaip kas kodėl kada kur ne su iš aš tu mes parašyk bet arba un kā kāpēc kad ar
        es
        jūs uzraksti""",
    "tl": """ang ng mga sa ay na ako ikaw siya kami ano paano bakit kailan saan hindi para ito""",
}
"""Words that texts of a language have, written by its code; none that English has as well."""
WORDS = {code: set(words.split()) for code, words in _WORDS.items()}

_NAMES = {
    "en": "english|british|american|anglais|inglés|inglese|englisch|英文|英语|英語|영어|английск",
    "de": "german|austrian|swiss|deutsch|allemand|alemán|tedesco|德语|德文|немецк",
    "fr": "french|français|französisch|francés|francese|française|canadian|法语|法文|французск",
    "es": "spanish|mexican|argentin|español|spanisch|espagnol|catalan|castilian|hispanic"
    "|latino|西班牙|испанск",
    "it": "italian|italienisch|italien|opera|意大利|итальянск",
    "pt": "portugu|brazil|brasil|葡萄牙|португальск",
    "nl": "dutch|netherlands|flemish|belgian|niederländisch|nederlands|afrikaans",
    "no": "danish|norwegian|swedish|nordic|scandinavian|dansk|norsk|svensk",
    "pl": "polish|poland|polski|po polsku",
    "cs": "czech|slovak|česky|češtin",
    "ro": "romanian|român",
    "hu": "hungarian|magyar",
    "fi": "finnish|suomi|suomeksi|estonian",
    "tr": "turkish|turk|azerbaijani",
    "vi": "vietnam|việt",
    "id": "indonesia|malay|javanese|balinese",
    "hr": "croatian|serbian|bosnian|slovenian|bulgarian|srpski|hrvatski|yugoslav",
    "lt": "lithuanian|latvian",
    "tl": "tagalog|filipino|philippine",
    "la": "latin|roman|lorem ipsum|mottos?|scientific names?|species",
    "ru": "russian|ukrainian|belarusian|soviet|cyrillic|русск|україн",
    "ar": "arab|persian|farsi|iran|urdu|kurdish|quran|islam|عربي|فارسی",
    "zh": "chin|mandarin|cantonese|taiwan|hanzi|pinyin|tang|kanji|中文|汉语|漢",
    "ja": "japan|kanji|hiragana|katakana|haiku|anime|日本|日文|日语",
    "ko": "korea|hangul|k-pop|한국|韩语|韓",
    "el": "greek|greece|byzantin|ελλην|math|symbol|alphabet",
    "he": "hebrew|israel|jewish|torah|yiddish|עברית",
    "th": "thai|ไทย",
    "hi": "hindi|india|sanskrit|marathi|nepal|mantra|yoga|हिन्दी",
    "bn": "bengal|bangla",
    "ta": "tamil",
    "te": "telugu",
}
IN_CODE = set(
    "if for from with as and or not in is while this do use new on at list name time get".split()
)
"""Words of English that code has as well."""
NAMES = {
    code: re.compile(rf"(?<![^\W\d_])(?:{names})", re.IGNORECASE) for code, names in _NAMES.items()
}
"""What a prompt says that speaks of a language, or of a people with one."""

SPEAKS_OF_LANGUAGE = re.compile(
    r"\btranslat|\binterpret(?:er|ation)"
    r"|(?<!programming )(?<!natural )(?<!body )(?<!sign )(?<!love )(?<!scripting )"
    r"(?<!markup )\blanguages?\b(?! model)|\bbilingual|\bmultilingual|\bforeign|\bloanwords?"
    r"|\betymolog"
    r"|\bdialect|\btransliterat|\bromaniz|\bconlang|\bklingon|\besperanto|\bquenya|\belvish"
    r"|\bold norse"
    r"|\bgaelic|\bwelsh|\birish|\bbasque|\bicelandic|\bswahili|\byoruba|\bzulu|\bmaori|\bhawaiian"
    r"|\bceltic|\bfaroese|\balbanian|\barmenian|\bgeorgian|\bübersetz|\btradu[ciz]|\bvertaal"
    r"|\bprze"
    r"tłumacz|\bpřelož|\böversätt|\bsprache|\blangue\b|\bidioma|\blingua\b|\blíngua|\bязык|перевед"
    r"|переклад|翻译|翻譯"
    r"|翻訳|訳し|번역|(?<![A-Za-z+#])语言(?!编程)|語言|言語|언어|ترجم|لغة|תרגם|שפה"
    r"|dịch sang|terjemah|çevir",
    re.IGNORECASE,
)
"""A prompt that may want any language."""
