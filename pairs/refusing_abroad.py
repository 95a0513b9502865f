"""The words in which language models decline in languages other than English.

In each it is the first person, or an apology where a language leaves the person out, with a verb of
what is asked of an assistant. All are read in lower case.
"""

import re

WORDS = r"(?: [^\s.!?]+){0,5}?"
"""Up to five words in between."""


def _after(cannot: str, deeds: str) -> str:
    return rf"(?:{cannot}){WORDS} ?\b(?:{deeds})"


SORRY_EAST = (
    r"(?:\u7533\u3057\u8a33|\u3059\u307f\u307e\u305b\u3093|\u3054\u3081\u3093|\u6b8b\u5ff5"
    r"|\u6050\u308c\u5165|\u79c1|ai|\uc8c4\uc1a1|\ubbf8\uc548|\uc720\uac10|\uc544\uc27d|\uc800\ub294|\uc81c\uac00)"
)

DECLINES_ABROAD = re.compile(
    "|".join(
        [
            # German, Dutch
            r"\bich\b[^.!?]{0,60}\b(?:nicht|kein\w*)\b[^.!?]{0,60}\b(?:\w*helfen|unterst\u00fctzen|beantworten|antworten"
            r"|erf\u00fcllen|bereitstellen|geben|anbieten|erstellen|schreiben|nachkommen|behilflich|ausf\u00fchren"
            r"|teilen|liefern|durchf\u00fchren|eingehen|generieren|dienen)\b",
            r"\b(?:leider|leid)\b[^.!?]{0,40}\b(?:kann|darf|m\u00f6chte|bin|habe) ich[^.!?]{0,60}(?:nicht|kein)",
            r"\bich (?:habe kein\w* (?:zugriff|zugang)|bin nicht in der lage|muss (?:\w+ )?ablehnen)",
            r"\bik\b[^.!?]{0,60}\b(?:niet|geen)\b[^.!?]{0,50}\b(?:helpen|beantwoorden|antwoorden|voldoen"
            r"|geven|bieden|schrijven|maken|verstrekken|uitvoeren|assisteren|meewerken|ingaan|delen)\b",
            # Romance
            _after(
                r"je ne (?:peux|pourrai|pourrais|vais|suis)(?: malheureusement| donc)? pas",
                r"aider|r\u00e9pondre|fournir|acc\u00e9der|satisfaire|donner|\u00e9crire|cr\u00e9er|g\u00e9n\u00e9rer|assister"
                r"|traiter|effectuer|partager|en mesure|capable|autoris|programm|faire|continuer|discuter",
            ),
            r"je n'ai (?:malheureusement )?pas (?:acc\u00e8s|la capacit\u00e9|la possibilit\u00e9)|il m'est impossible"
            r"|je (?:dois|pr\u00e9f\u00e8re) (?:refuser|d\u00e9cliner)",
            _after(
                r"\bno (?:puedo|podr\u00e9|podr\u00eda|estoy|soy|me es posible)",
                r"ayudar|responder|proporcionar|cumplir|asistir|ofrecer|dar|escribir|crear|generar|realizar"
                r"|compartir|acceder|completar|brindar|atender|continuar|hacer|en condiciones|capaz|programad",
            ),
            r"\bno tengo (?:acceso|la capacidad|permitido)|\bdebo (?:rechazar|declinar)",
            _after(
                r"\bnon (?:posso|potr\u00f2|sono|mi \u00e8 possibile)",
                r"aiutar|risponder|fornir|soddisfar|assister|offrir|scriver|crear|generar|dar|eseguir|esaudir"
                r"|acceder|completar|continuar|accontentar|farlo|in grado",
            ),
            r"\bnon ho (?:accesso|la capacit\u00e0)|\bdevo rifiutare",
            _after(
                r"\bn\u00e3o (?:posso|poderei|consigo|sou|estou|me \u00e9 poss\u00edvel)",
                r"ajud|respond|fornec|atend|cumpr|oferec|escrev|cri|ger|realiz|compartilh|partilh|acess"
                r"|complet|prestar|auxili|dar|fazer|capaz|apto|program",
            ),
            r"\bn\u00e3o tenho (?:acesso|a capacidade)",
            _after(
                r"\bnu (?:pot|voi putea|sunt \u00een m\u0103sur\u0103)",
                r"ajut|r\u0103spund|ofer|furniz|\u00eendeplin|scri|crea",
            ),
            # Scandinavian, Finnish, Hungarian
            r"(?:\b(?:jag|jeg) (?:kan|f\u00e5r|m\u00e5|vil|kommer)|\bkan (?:jag|jeg))\b[^.!?]{0,40}\b(?:inte|ikke)\b[^.!?]{0,50}"
            r"\b(?:hj\u00e4lpa|hjelpe|hj\u00e6lpe|svara|svare|ge|give|gi|assistera|assistere|bist\u00e5|skriva|skrive"
            r"|skapa|lave|lage|uppfylla|opfylde|oppfylle|tillhandah\u00e5lla)\b",
            _after(
                r"\ben (?:voi|pysty|kykene|valitettavasti voi)",
                r"autta|vasta|anta|tarjota|toteutta|kirjoitta|tehd\u00e4",
            ),
            r"\bnem (?:tudok|tudom|\u00e1ll m\u00f3domban)[^.!?]{0,40}(?:seg\u00edten|v\u00e1laszol|teljes\u00edt|adni|\u00edrni)"
            r"|(?:seg\u00edteni|v\u00e1laszolni|teljes\u00edteni) nem (?:tudok|tudom)|\bnem seg\u00edthetek",
            # Slavic, Greek
            _after(
                r"\bnie (?:mog\u0119|jestem w stanie|b\u0119d\u0119 w stanie|mam (?:dost\u0119pu|mo\u017cliwo\u015bci))",
                r"pom\u00f3c|odpowiedzie\u0107|spe\u0142ni\u0107|udzieli\u0107|zrealizowa\u0107|napisa\u0107|dostarczy\u0107|poda\u0107"
                r"|wykona\u0107|stworzy\u0107|udost\u0119pni\u0107|do\b",
            ),
            _after(
                r"\b(?:nemohu|nem\u016f\u017eu|nem\u00f4\u017eem|nejsem schopen)",
                r"pomoc|pom\u00f4c|odpov\u011bd|odpoveda|splni|poskytn|vyhov|napsat|vytvo",
            ),
            _after(
                r"\bне (?:могу|смогу|имею возможности|в состоянии|имею доступа|способ\w+|буду|можу|зможу|маю доступу)",
                r"помо|ответ|выполн|предостав|обсужд|напис|созда|дать|сделат|поддерж|участв|продолж|к\b"
                r"|допомог|відпов|викона|нада|створ",
            ),
            _after(
                r"\bδεν (?:μπορώ|είμαι σε θέση)",
                r"βοηθ|απαντ|παρέ|παράσχ|εκπληρ|εξυπηρετ|γράψ|δώσ|ανταποκρ",
            ),
            # Arabic, Persian, Hebrew
            r"(?:لا (?:أستطيع|استطيع|يمكنني|أقدر)|لن أتمكن|لست قادر|ليس بإمكاني|أنا غير قادر|لا أملك)(?: \S+){0,3}? \S*"
            r"(?:مساعد|إجاب|اجاب|تقديم|تلبي|تنفيذ|كتاب|توفير|الرد|القيام|الوصول)",
            r"(?:کمک|پاسخ|ارائه|انجام|درخواست)[^.؟!]{0,40}نمی[\u200c ]?توانم"
            r"|نمی[\u200c ]?توانم[^.؟!]{0,40}(?:کمک|پاسخ|ارائه|انجام)",
            r"(?:לא יכול\w*|לא אוכל|איני יכול\w*)(?: \S+){0,3}? (?:לעזור|לסייע|לענות|לספק|למלא|לכתוב|לבצע)",
            # Turkish, Vietnamese, Indonesian, Thai, Hindi
            r"(?:yard\u0131mc\u0131 ol|yard\u0131m ed|yan\u0131tlay|cevap ver|cevaplay|yerine getir|sa\u011flay|bunu yap)"
            r"(?:a|e)m(?:am|em|\u0131yorum|iyorum|ayaca\u011f\u0131m|eyece\u011fim)\b|yard\u0131mc\u0131 olamam\b|olam\u0131yorum",
            _after(
                r"\b(?:t\u00f4i|m\u00ecnh|em) (?:r\u1ea5t ti\u1ebfc )?(?:kh\u00f4ng th\u1ec3|kh\u00f4ng c\u00f3 kh\u1ea3 n\u0103ng"
                r"|kh\u00f4ng \u0111\u01b0\u1ee3c ph\u00e9p|ch\u01b0a th\u1ec3)",
                r"gi\u00fap|h\u1ed7 tr\u1ee3|tr\u1ea3 l\u1eddi|cung c\u1ea5p|\u0111\u00e1p \u1ee9ng|th\u1ef1c hi\u1ec7n|vi\u1ebft|t\u1ea1o",
            ),
            _after(
                r"\b(?:saya|aku|kami) (?:tidak|tak|belum) (?:dapat|bisa|mampu|boleh|akan)",
                r"membantu|menjawab|memenuhi|memberi|menyediakan|melakukan|menulis|membuat|melayani",
            ),
            r"(?:ขอโทษ|ขออภัย|เสียใจ|ฉัน|ผม|เรา)[^\n]{0,30}(?:ไม่สามารถ|ไม่อาจ)[^\n]{0,20}(?:ช่วย|ตอบ|ให้|ดำเนินการ|ทำ|เขียน|สร้าง)",
            r"(?:\u092e\u0948\u0902|\u0939\u092e|\u0915\u094d\u0937\u092e\u093e|\u092e\u093e\u092b|\u0916\u0947\u0926)[^\u0964\n]{0,60}"
            r"(?:\u0928\u0939\u0940\u0902 (?:\u0915\u0930|\u0926\u0947) (?:\u0938\u0915\u0924|\u092a\u093e)|\u0905\u0938\u092e\u0930\u094d\u0925)",
            # Chinese, Japanese, Korean
            r"(?:\u6211|\u62b1\u6b49|\u5bf9\u4e0d\u8d77|\u5c0d\u4e0d\u8d77|\u4f5c\u4e3a|\u4f5c\u70ba)[^\u3002\uff01!\n]{0,30}"
            r"(?:\u65e0\u6cd5|\u7121\u6cd5|\u4e0d\u80fd|\u4e0d\u4f1a|\u4e0d\u6703|\u6ca1\u6709\u529e\u6cd5|\u6c92\u8fa6\u6cd5|\u6ca1\u6cd5|\u4e0d\u4fbf)"
            r"[^\u3002\uff01!\n]{0,14}(?:\u5e2e|\u5e6b|\u63d0\u4f9b|\u534f\u52a9|\u5354\u52a9|\u56de\u7b54|\u6ee1\u8db3|\u6eff\u8db3|\u5904\u7406|\u8655\u7406"
            r"|\u5b8c\u6210|\u652f\u6301|\u751f\u6210|\u5199|\u5beb|\u7ed9\u51fa|\u8ba8\u8bba|\u8a0e\u8ad6|\u53c2\u4e0e|\u6267\u884c|\u8fdb\u884c|\u9032\u884c"
            r"|\u8bbf\u95ee|\u5206\u4eab|\u56de\u5e94|\u521b\u4f5c|\u9884\u6d4b|\u8a2a\u554f)",
            rf"{SORRY_EAST}[^\u3002\n]{{0,60}}(?:\u5fdc\u3048|\u7b54\u3048|\u624b\u4f1d|\u529b\u306b\u306a|\u6848\u5185|\u63d0\u4f9b|\u5354\u529b|\u5bfe\u5fdc"
            r"|\u56de\u7b54|\u652f\u63f4|\u624b\u52a9\u3051|\u4f5c\u6210|\u751f\u6210|\u30b5\u30dd\u30fc\u30c8|\u30a2\u30af\u30bb\u30b9|\u5b9f\u884c|\u5fdc\u3058|\u52a9\u3051)"
            r"[^\u3002\n]{0,16}(?:\u307e\u305b\u3093|\u304b\u306d\u307e\u3059|\u5dee\u3057\u63a7\u3048|\u306a\u3044)",
            rf"{SORRY_EAST}[^.\n]{{0,60}}(?:\ub3c4\uc640|\ub3c4\uc6c0|\ub2f5|\uc81c\uacf5|\uc218\ud589|\ucc98\ub9ac|\uc9c0\uc6d0|\uc751\ud560|\uc791\uc131|\ud611\uc870"
            r"|\uc0dd\uc131|\uc54c\ub824|\uc751\ub300)[^.\n]{0,20}(?:\uc5c6|\ubabb|\uc5b4\ub835|\uc5b4\ub824|\ubd88\uac00)",
        ]
    )
)  # fmt: skip

GOES_ON_ABROAD = re.compile(
    r"(?:\b(?:aber|jedoch|sondern|mais|toutefois|pero|sin embargo|ma|tuttavia|mas|por\u00e9m|maar|ale|men|но|однако|але|ama"
    r"|nh\u01b0ng|tapi|tetapi|\u03b1\u03bb\u03bb\u03ac|de|azonban|mutta|\u05d0\u05d1\u05dc|\u0932\u0947\u0915\u093f\u0928)\b|\u4f46|\u4e0d\u8fc7|\u4e0d\u904e|\u3057\u304b\u3057"
    r"|\u305f\u3060\u3057|\u307e\u305b\u3093\u304c|\ud558\uc9c0\ub9cc|\uadf8\ub7ec\ub098|\uc9c0\ub9cc|لكن|اما|ولی)(?P<after>.{8,})",
    re.DOTALL,
)
"""What an answer says after it declined, beginning with but."""
OFFERS_ABROAD = re.compile(
    r"kann ich|ich kann|gerne|wenn sie|je peux|si vous|n'h\u00e9sitez|puedo|si (?:quieres|desea|necesita)|posso|se (?:vuoi|desidera|quiser|precisar)"
    r"|kan ik|ik kan|als je|mog\u0119|je\u015bli|могу|можу|если|якщо|kan jag|jag kan|jeg kan|kan jeg|voin|seg\u00edthetek|yard\u0131mc\u0131 ol"
    r"|t\u00f4i c\u00f3 th\u1ec3|saya (?:dapat|bisa)|\u53ef\u4ee5|\u5982\u679c|\u80fd(?:\u591f)?\u4e3a|\u3067\u304d\u307e\u3059|\ub3c4\uc640\ub4dc\ub9b4|\ud560 \uc218 \uc788|\ub4dc\ub9b4 \uc218"
    r"|يمكنني|أستطيع|إذا|می[\u200c ]?توانم|\u05d0\u05e0\u05d9 \u05d9\u05db\u05d5\u05dc|\u092e\u0948\u0902 .{0,40}\u0938\u0915\u0924|\u03bc\u03c0\u03bf\u03c1\u03ce \u03bd\u03b1",
)
