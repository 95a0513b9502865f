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
    r"(?:申し訳|すみません|ごめん|残念"
    r"|恐れ入|私|ai|죄송|미안|유감|아쉽|저는|제가)"
)

DECLINES_ABROAD = re.compile(
    "|".join(
        [
            # German, Dutch
            r"\bich\b[^.!?]{0,60}\b(?:nicht|kein\w*)\b[^.!?]{0,60}\b(?:\w*helfen|unterstützen"
            r"|beantworten|antworten"
            r"|erfüllen|bereitstellen|geben|anbieten|erstellen|schreiben|nachkommen"
            r"|behilflich|ausführen"
            r"|teilen|liefern|durchführen|eingehen|generieren|dienen)\b",
            r"\b(?:leider|leid)\b[^.!?]{0,40}\b(?:kann|darf|möchte|bin"
            r"|habe) ich[^.!?]{0,60}(?:nicht|kein)",
            r"\bich (?:habe kein\w* (?:zugriff|zugang)|bin nicht in der lage"
            r"|muss (?:\w+ )?ablehnen)",
            r"\bik\b[^.!?]{0,60}\b(?:niet|geen)\b[^.!?]{0,50}\b(?:helpen|beantwoorden"
            r"|antwoorden|voldoen"
            r"|geven|bieden|schrijven|maken|verstrekken|uitvoeren|assisteren|meewerken|ingaan"
            r"|delen)\b",
            # Romance
            _after(
                r"je ne (?:peux|pourrai|pourrais|vais|suis)(?: malheureusement| donc)? pas",
                r"aider|répondre|fournir|accéder|satisfaire|donner|écrire|créer|générer|assister"
                r"|traiter|effectuer|partager|en mesure|capable|autoris|programm|faire"
                r"|continuer|discuter",
            ),
            r"je n'ai (?:malheureusement )?pas (?:accès|la capacité|la possibilité)"
            r"|il m'est impossible"
            r"|je (?:dois|préfère) (?:refuser|décliner)",
            _after(
                r"\bno (?:puedo|podré|podría|estoy|soy|me es posible)",
                r"ayudar|responder|proporcionar|cumplir|asistir|ofrecer|dar|escribir|crear"
                r"|generar|realizar"
                r"|compartir|acceder|completar|brindar|atender|continuar|hacer|en condiciones"
                r"|capaz|programad",
            ),
            r"\bno tengo (?:acceso|la capacidad|permitido)|\bdebo (?:rechazar|declinar)",
            _after(
                r"\bnon (?:posso|potrò|sono|mi è possibile)",
                r"aiutar|risponder|fornir|soddisfar|assister|offrir|scriver|crear|generar|dar"
                r"|eseguir|esaudir"
                r"|acceder|completar|continuar|accontentar|farlo|in grado",
            ),
            r"\bnon ho (?:accesso|la capacità)|\bdevo rifiutare",
            _after(
                r"\bnão (?:posso|poderei|consigo|sou|estou|me é possível)",
                r"ajud|respond|fornec|atend|cumpr|oferec|escrev|cri|ger|realiz|compartilh"
                r"|partilh|acess"
                r"|complet|prestar|auxili|dar|fazer|capaz|apto|program",
            ),
            r"\bnão tenho (?:acesso|a capacidade)",
            _after(
                r"\bnu (?:pot|voi putea|sunt în măsură)",
                r"ajut|răspund|ofer|furniz|îndeplin|scri|crea",
            ),
            # Scandinavian, Finnish, Hungarian
            r"(?:\b(?:jag|jeg) (?:kan|får|må|vil|kommer)|\bkan (?:jag"
            r"|jeg))\b[^.!?]{0,40}\b(?:inte|ikke)\b[^.!?]{0,50}"
            r"\b(?:hjälpa|hjelpe|hjælpe|svara|svare|ge|give|gi|assistera|assistere|bistå"
            r"|skriva|skrive"
            r"|skapa|lave|lage|uppfylla|opfylde|oppfylle|tillhandahålla)\b",
            _after(
                r"\ben (?:voi|pysty|kykene|valitettavasti voi)",
                r"autta|vasta|anta|tarjota|toteutta|kirjoitta|tehdä",
            ),
            r"\bnem (?:tudok|tudom|áll módomban)[^.!?]{0,40}(?:segíten|válaszol|teljesít|adni"
            r"|írni)"
            r"|(?:segíteni|válaszolni|teljesíteni) nem (?:tudok|tudom)|\bnem segíthetek",
            # Slavic, Greek
            _after(
                r"\bnie (?:mogę|jestem w stanie|będę w stanie|mam (?:dostępu|możliwości))",
                r"pomóc|odpowiedzieć|spełnić|udzielić|zrealizować|napisać|dostarczyć|podać"
                r"|wykonać|stworzyć|udostępnić|do\b",
            ),
            _after(
                r"\b(?:nemohu|nemůžu|nemôžem|nejsem schopen)",
                r"pomoc|pomôc|odpověd|odpoveda|splni|poskytn|vyhov|napsat|vytvo",
            ),
            _after(
                r"\bне (?:могу|смогу|имею возможности|в состоянии|имею доступа|способ\w+|буду"
                r"|можу|зможу|маю доступу)",
                r"помо|ответ|выполн|предостав|обсужд|напис|созда|дать|сделат|поддерж|участв"
                r"|продолж|к\b"
                r"|допомог|відпов|викона|нада|створ",
            ),
            _after(
                r"\bδεν (?:μπορώ|είμαι σε θέση)",
                r"βοηθ|απαντ|παρέ|παράσχ|εκπληρ|εξυπηρετ|γράψ|δώσ|ανταποκρ",
            ),
            # Arabic, Persian, Hebrew
            r"(?:لا (?:أستطيع|استطيع|يمكنني|أقدر)|لن أتمكن|لست قادر|ليس بإمكاني|أنا غير قادر"
            r"|لا أملك)(?: \S+){0,3}? \S*"
            r"(?:مساعد|إجاب|اجاب|تقديم|تلبي|تنفيذ|كتاب|توفير|الرد|القيام|الوصول)",
            r"(?:کمک|پاسخ|ارائه|انجام|درخواست)[^.؟!]{0,40}نمی[\u200c ]?توانم"
            r"|نمی[\u200c ]?توانم[^.؟!]{0,40}(?:کمک|پاسخ|ارائه|انجام)",
            r"(?:לא יכול\w*|לא אוכל|איני יכול\w*)(?: \S+){0,3}? (?:לעזור|לסייע|לענות|לספק"
            r"|למלא|לכתוב|לבצע)",
            # Turkish, Vietnamese, Indonesian, Thai, Hindi
            r"(?:yardımcı ol|yardım ed|yanıtlay|cevap ver|cevaplay|yerine getir|sağlay|bunu yap)"
            r"(?:a|e)m(?:am|em|ıyorum|iyorum|ayacağım|eyeceğim)\b|yardımcı olamam\b|olamıyorum",
            _after(
                r"\b(?:tôi|mình|em) (?:rất tiếc )?(?:không thể|không có khả năng"
                r"|không được phép|chưa thể)",
                r"giúp|hỗ trợ|trả lời|cung cấp|đáp ứng|thực hiện|viết|tạo",
            ),
            _after(
                r"\b(?:saya|aku|kami) (?:tidak|tak|belum) (?:dapat|bisa|mampu|boleh|akan)",
                r"membantu|menjawab|memenuhi|memberi|menyediakan|melakukan|menulis|membuat"
                r"|melayani",
            ),
            r"(?:ขอโทษ|ขออภัย|เสียใจ|ฉัน|ผม|เรา)[^\n]{0,30}(?:ไม่สามารถ"
            r"|ไม่อาจ)[^\n]{0,20}(?:ช่วย|ตอบ|ให้|ดำเนินการ|ทำ|เขียน|สร้าง)",
            r"(?:मैं|हम|क्षमा|माफ|खेद)[^।\n]{0,60}"
            r"(?:नहीं (?:कर|दे) (?:सकत|पा)|असमर्थ)",
            # Chinese, Japanese, Korean
            r"(?:我|抱歉|对不起|對不起|作为|作為)[^。！!\n]{0,30}"
            r"(?:无法|無法|不能|不会|不會|没有办法|沒辦法|没法|不便)"
            r"[^。！!\n]{0,14}(?:帮|幫|提供|协助|協助|回答|满足|滿足|处理|處理"
            r"|完成|支持|生成|写|寫|给出|讨论|討論|参与|执行|进行|進行"
            r"|访问|分享|回应|创作|预测|訪問)",
            rf"{SORRY_EAST}[^。\n]{{0,60}}(?:応え|答え|手伝|力にな|案内|提供|協力|対応"
            r"|回答|支援|手助け|作成|生成|サポート|アクセス|実行|応じ|助け)"
            r"[^。\n]{0,16}(?:ません|かねます|差し控え|ない)",
            rf"{SORRY_EAST}[^.\n]{{0,60}}(?:도와|도움|답|제공|수행|처리|지원|응할|작성|협조"
            r"|생성|알려|응대)[^.\n]{0,20}(?:없|못|어렵|어려|불가)",
        ]
    )
)  # fmt: skip

GOES_ON_ABROAD = re.compile(
    r"(?:\b(?:aber|jedoch|sondern|mais|toutefois|pero|sin embargo|ma|tuttavia|mas|porém|maar"
    r"|ale|men|но|однако|але|ama"
    r"|nhưng|tapi|tetapi|αλλά|de|azonban|mutta|אבל|लेकिन)\b|但|不过|不過|しかし"
    r"|ただし|ませんが|하지만|그러나|지만|لكن|اما|ولی)(?P<after>.{8,})",
    re.DOTALL,
)
"""What an answer says after it declined, beginning with but."""
OFFERS_ABROAD = re.compile(
    r"kann ich|ich kann|gerne|wenn sie|je peux|si vous|n'hésitez|puedo|si (?:quieres|desea"
    r"|necesita)|posso|se (?:vuoi|desidera|quiser|precisar)"
    r"|kan ik|ik kan|als je|mogę|jeśli|могу|можу|если|якщо|kan jag|jag kan|jeg kan|kan jeg"
    r"|voin|segíthetek|yardımcı ol"
    r"|tôi có thể|saya (?:dapat|bisa)|可以|如果|能(?:够)?为|できます|도와드릴|할 수 있|드릴 수"
    r"|يمكنني|أستطيع|إذا|می[\u200c ]?توانم|אני יכול|मैं .{0,40}सकत|μπορώ να",
)
