"""Words of other languages that make a bracketed verdict a draft, a denial or somebody else's.

German, French, Spanish, Italian, Portuguese, Dutch, Russian, Chinese, Japanese, Korean: the words
after which reading a verdict by its marks alone would read it the wrong way round.
"""

DRAFT = (
    r"\b(?:wenn|falls|w[a\u00e4]re|h[a\u00e4]tte|vielleicht|zun[a\u00e4]chst|zuerst|vorl[a\u00e4]ufig\w*"
    r"|anfangs|auf\s+den\s+ersten\s+blick|d['\u2019]abord|peut-[e\u00ea]tre|si\s+(?:on|seule?|elle|la|le|il"
    r"|solo|el|se|fosse|fuera)|au\s+premier\s+abord|provisoire|quiz[a\u00e1]s?|tal\s+vez"
    r"|a\s+primera\s+vista|provisional|inicialmente|talvez|forse|all['\u2019]inizio|misschien|als\s+\w+"
    r"\s+(?:was|zou)|eerst)\b|\b(?:\u0435\u0441\u043b\u0438|\u0432\u043e\u0437\u043c\u043e\u0436\u043d\u043e"
    r"|\u0441\u043d\u0430\u0447\u0430\u043b\u0430|\u043f\u0440\u0435\u0434\u0432\u0430\u0440\u0438\u0442\u0435\u043b\u044c\u043d\w*)\b"
    "|\u521d\u6b65|\u5982\u679c|\u5047\u5982|\u5018\u82e5|\u4e5f\u8bb8|\u6216\u8bb8|\u53ef\u80fd|\u4e4d\u4e00\u770b|\u8d77\u521d"
    "|\u3082\u3057|\u6700\u521d\u306f|\u4eee\u306b|\u304b\u3082\u3057\u308c|\ub9cc\uc57d|\ucc98\uc74c\uc5d0\ub294|\uc544\ub9c8"
)
"""A condition, a doubt, a first impression."""
DENIED = (
    r"\b(?:nicht|keine?\w?|statt|non\s+pas|pas|plut[o\u00f4]t\s+que|no\s+es|non|n[a\u00e3]o|niet"
    r"|geen|\u043d\u0435|\u0430\s+\u043d\u0435)\W*$|(?:\u4e0d\u662f|\u4e0d\u9009|\u4e0d\u4f1a\u9009|\u5e76\u975e|\u800c\u975e)\W*$"
)
"""What stands right before a verdict that is denied."""
SAYS = (
    r"\b(?:schreibt|behauptet|sagt|endet\s+mit|schlie[s\u00df]t\s+mit|fordert|verlangt|[e\u00e9]crit"
    r"|affirme|pr[e\u00e9]tend|se\s+termine\s+par|demande|escribe|afirma|dice|termina\s+con|pide"
    r"|scrive|sostiene|escreve|diz|termina\s+com|schrijft|beweert|zegt|eindigt\s+met"
    r"|\u043f\u0438\u0448\u0435\u0442|\u0433\u043e\u0432\u043e\u0440\u0438\u0442|\u0443\u0442\u0432\u0435\u0440\u0436\u0434\u0430\u0435\u0442"
    r"|\u0437\u0430\u043a\u0430\u043d\u0447\u0438\u0432\u0430\u0435\u0442\u0441\u044f|\u0442\u0440\u0435\u0431\u0443\u0435\u0442)\b"
    "|\u5199\u9053|\u5199\u7740|\u58f0\u79f0|\u81ea\u79f0|\u8bf4\u9053|\u4ee5.{0,20}\u7ed3\u5c3e|\u8981\u6c42"
    "|(?:\u52a9\u624b|\u56de\u7b54|\u7b54\u6848)[AB\u7532\u4e59]?\\s*\u8bf4"
    "|\u3068\u66f8\u3044\u3066|\u3068\u4e3b\u5f35|\u3068\u8ff0\u3079|\ub77c\uace0\\s*(?:\uc4f0|\uc8fc\uc7a5|\ub9d0)"
)
"""Somebody else's words follow, or came before."""
TURN = (
    r"|\b(?:daher|deshalb|also|aber|sondern|jedoch|donc|mais|cependant|pero|sino|"
    r"por\s+(?:lo\s+)?tanto|quindi|ma|mas|portanto|dus|maar"
    r"|\u043f\u043e\u044d\u0442\u043e\u043c\u0443|\u043d\u043e|\u043e\u0434\u043d\u0430\u043a\u043e)\b"
    "|\u56e0\u6b64|\u6240\u4ee5|\u4f46|\u800c\u662f|\u7136\u800c|\u3088\u3063\u3066|\u3057\u305f\u304c\u3063\u3066|\u3057\u304b\u3057"
    "|\ub530\ub77c\uc11c|\ud558\uc9c0\ub9cc"
)
"""Where a sentence turns."""
RETRACTS = (
    r"nein|moment|korrektur|entschuldigung|doch\s+nicht|en\s+fait|pardon|correction|non,"
    r"|en\s+realidad|perd[o\u00f3]n|correcci[o\u00f3]n|anzi|scusa|na\s+verdade|correctie"
    r"|\u043d\u0435\u0442|\u0438\u0441\u043f\u0440\u0430\u0432\u043b\w*|\u0438\u0437\u0432\u0438\u043d\u0438\u0442\u0435|\u0442\u043e\u0447\u043d\u0435\u0435"
)
RETRACTS_CJK = (
    "\u7b49\u7b49|\u4e0d\u5bf9|\u66f4\u6b63|\u4fee\u6b63|\u62b1\u6b49|\u518d\u60f3|\u8a02\u6b63|\u5f85\u3063\u3066|\u3044\u3084"
    "|\uc815\uc815|\uc544\ub2c8|\uc7a0\uae50"
)
"""What takes a verdict back."""
