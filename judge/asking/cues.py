"""The words around a bracketed verdict in a judge's reply that show what it is.

It is the judge's own where it stands alone or the judge's words lead to it. It is somebody else's
where the judge names who says it, a draft or a mere possibility where it says so. The words are
English; a reply in another language is read by its marks, and the few words of `tongues`.
"""

import re

from judge.asking import tongues
from judge.asking.phrases import VERDICT, any_of

_WHO = any_of(
    "answers?, assistants?, responses?, candidates?, repl(y|ies), models?, (auth|writ)[eo]rs?"
)
_SIDE = (
    rf"(?:(?:the\s+|this\s+)?{_WHO}(?:\s+[AB12])?|(?-i:[AB])|it|he|she|they|who|which|the\s+text)"
)
_JUDGE = any_of("me, us, you, (the )?judges?, (the )?graders?, (the )?readers?, (the )?evaluators?")
_SAYS = any_of(
    f"""say(s|ing)?, said, writ(es?|ing|ten), wrote, claim(s|ed|ing)?, stat(es|ed|ing),
    argu(es|ed|ing), assert(s|ed|ing)?, declar(es|ed|ing), announc(es|ed|ing), insist(s|ed),
    demand(s|ed)?, shouts?, signs? off, wants?, would like, told (me|us|the judge),
    (end|clos|conclud|finish|open|start|begin)(e?s|e?d|ing)? (with|by|on|in|like|that|thus),
    (tell|ask|urg|beg|order|instruct|want|command)(e?s|g?ed|ing)? {_JUDGE}"""
)
_HOLDS = any_of(
    """(contain|includ|add|append|read|suggest|request|mention|insert|inject|attempt|print|output
    |plac|ask|end|clos|conclud|finish|tell|want|quot|repeat|smuggl|hid|instruct)(e?s|e?d|ing)?,
    tr(y|ies|ied|ying), goes, puts?, told, hidden"""
).replace(r"\s+|", "|")
_TEXT = any_of(
    "text, string, phrase, line, words, sentence, token, marker, tag, quote, instruction"
)
_ITS_VERDICT = any_of(
    "verdict, rating, grade, ranking, decision, line, words?, ending, instructions?"
)
_OWNED = (
    rf"\b(?:{_WHO}(?:\s+[AB12])?|(?-i:[AB]))['\u2019]s?\s+(?:\w+\s+)?{_ITS_VERDICT}\b"
    rf"|\b(?:its|their)\s+(?:own\s+)?(?:\w+\s+)?{_ITS_VERDICT}\b"
    rf"|\b{_ITS_VERDICT}\s+(?:by|from)\s+(?:the\s+)?(?:{_WHO}|(?-i:[AB])\b)"
)
_QUOTES = any_of(
    r"""quot(e|es|ed|ing|ation), verbatim, excerpt, according to, in the words of, copied from,
    inject(ed|ion), fake, forged, planted, bogus, smuggled, alleged, supposed, previous, another,
    e\.g\., for example, for instance, such as"""
)

ATTRIBUTED = re.compile(
    rf"(?i:\b{_SIDE}\b[^.\n;]{{0,80}}?\b{_SAYS}\b|^\W*(?:and\s+)?(?:then\s+|also\s+)?{_SAYS}\b"
    rf"|{_OWNED}|\b{_QUOTES}(?!\w)|{tongues.SAYS})"
)
"""Somebody else says it: in words that govern what follows even without quotation marks."""
HELD = re.compile(
    rf"(?i:\b{_SIDE}\b[^.\n;]{{0,80}}?\b(?:{_HOLDS}|ha[sd])\s+"
    rf"(?:(?:\w+\s+){{0,3}}{_TEXT}\s*)?[\W_]*$"
    rf"|\b(?:the|this|that|a|its|their)\s+(?:\w+\s+)?{_TEXT}[\W_]*$)"
)
"""It is a piece of text that the judge speaks of."""
INTRODUCED = re.compile(
    rf"{ATTRIBUTED.pattern}|(?i:\b{_SIDE}\b[^.\n;]{{0,80}}?\b{_HOLDS}\b"
    r"|\b(?:last|closing|final|first)\s+(?:lines?|words?|sentence|paragraph)\b)"
)
"""Somebody else says it: in words that do so before a quotation or a colon."""
POINTS_ON = re.compile(
    r"(?i)(?::|\b(?:thus|so|like\s+this|as\s+follows|this(?:\s+way)?)\W*)[\s*_]*$"
)
"""How a sentence ends whose words are in the next."""
NAMED_ALONE = re.compile(rf"(?i)^\W*(?:from\s+)?(?:the\s+)?(?:{_WHO}\s+[AB12]|[AB])\W*:\W*$")
"""A line that is the name of an answer and a colon."""
SIDE = re.compile(rf"(?i:\b(?:{_WHO}|it|its|they|their|text)\b)|(?<![A-Za-z])[AB](?![A-Za-z])")
"""A word for an answer, or for who wrote it."""

_ADVERB = r"(?:\w+ly|therefore|thus|hereby|would)"
FINAL = re.compile(
    rf"(?i)\b(?:(?:final|my|overall|ultimate|definitive)\s+(?:\w+\s+)?{VERDICT}|verdict\s*(?:is|:)"
    rf"|i\s+(?:{_ADVERB}\s+)?(?:choose|pick|select|prefer|vote|conclude|decide|rate|give|award)|"
    + any_of("overall, therefore, thus, hence, finally, ultimately, final, to conclude")
    + rf"|in\s+(?:conclusion|summary|total))\b|^\W*(?:the\s+)?{VERDICT}\W*$"
)
"""The judge's own words for what it ends with."""
_OF = any_of("answer, assistant, response, reply, one")
_LEADS = any_of(
    f"""verdict, decision, judge?ment, rating, score, grade, choice, vote, ranking, pick, winner,
    result, outcome, so, wins?, meant, should (be|have been),
    prefer(able)?, tied?, equal(ly)?, ahead, decide, choose, choosing,
    say, rate, give, deserves?, award, declare, call, go(ing)? (with|for), but, more, less, higher,
    lower, on balance, consider(ed|ing|ation), based on, given (this|that|the|these|all),
    accordingly, in s(um|hort), weigh(ed|ing)?, analysis, comparison,
    (better|best|superior|stronger|strongest|preferred|winning)( {_OF})?"""
)
ANNOUNCED = re.compile(
    rf"{FINAL.pattern}|(?i:\b{_LEADS}\b(?:(?:\W+(?:is|goes|to|for|in|favou?r|that|the)\b)*[\s:]+"
    r"(?:(?:the\s+)?(?:answer|assistant|response)\s+)?[AB]\b(?!['\u2019]))?)"
)
"""The judge's own words for a verdict, with the answer that it may name after them."""
BARE = re.compile(
    rf"(?i)\b(?:{VERDICT}|"
    + any_of(
        """the, is, my, so, i, it, for, to, a, an, of, goes, this, that, assistant, response, b, c,
        tie, therefore, thus, hence, out, final, overall, better, best, wins, reason"""
    )
    + r")\b|</?\w+>|\d+|[\W_]"
)
"""What a verdict may stand among in quotation marks, and nothing else, to be the judge's own."""
ENGLISH = re.compile(
    r"(?i)\b(?:the|is|of|to|an?|in|it|and|this|that|i|by|with|was|as|no|for|not|are|be|will|you"
    r"|says?|said|please|output)\b"
)
"""Words that tell a sentence to be English: there what announces a verdict can be told."""

_MUSED = any_of(
    r"""would( \w+)? have, would(n't| not), (some|one|others|many) (would|will), if, unless,
    whether, at first, first (sight|glance|impression|thought|reading|pass|draft),
    initial(ly)?, drafts?, tentative(ly)?, preliminar(y|ily), provisional(ly)?,
    tempt(ed|ing), perhaps, possibl[ey], maybe, examples?, hypothes[ie]s, candidate verdict,
    working, format, template, anyone, nobody, whoever, almost, nearly, originally,
    lean(s|ed|ing)?, had (i|it|a|b), suppos(e|ing), imagine, mistaken(ly)?, normally, usually,
    ordinarily, in theory, (other|most|stricter|another) \w+ (would|will),
    (graders?|judges?|readers?|evaluators?|people) (would|will|might|may|could)"""
)
_JUDGES = any_of(
    """say, choose, pick, prefer, give, rate, argue, think, go, be, lean, conclude, vote, call,
    award, score, judge, consider, end, close, deserve"""
)
DRAFT = re.compile(
    rf"(?i)\b{_MUSED}\b|\b(?:might|could|may)\s+(?:\w+\s+){{0,2}}?{_JUDGES}\b[^,;]{{0,40}}$"
    r"|\b(?:might|could|may|would)\s+(?:\w+ly\s+)?(?:answer|respond|reply|decide|vote|select)\W*$"
    r"|\bi\s+(?:\w+\s+)?(?:considered|contemplated|weighed|debated|toyed\s+with)\s+(?:\w+ing\s+)?"
    rf"[\W_]*$|{tongues.DRAFT}"
)
"""It might have been, or was for a while."""
UNREAL = re.compile(
    r"(?i)^\W*(?:(?:had|were)\b[^,;.]*|if\b[^,;.]*?\b(?:had|were|weren['\u2019]t|was|wasn['\u2019]t|did"
    r"|alone|only|is\s+what|\w+ed)\b[^,;.]*),\s*(?:then\s+)?(?:i|my)\b[^,;.]*$"
)
"""What would be, if something were; `if I had to choose` is another matter."""
_DENIES = any_of(
    r"""not, never, cannot, anything but, far from, refus(e|es|ed|ing) to,
    neither, nor, over, than, instead of, against, versus, vs\.?, without, at least, at most, up to,
    below, above, under, beats?, outperforms, surpasses, outranks, outdoes, defeats, edges out,
    rejects?, rejected, rul(e|ed|ing) out, excludes?, dismiss(ed)?"""
)
_SMALL = any_of(
    """a, an, the, be, choose, chose, say, give, pick, go, with, for, my, verdict, is, answer, to,
    necessarily, simply, just, really, of, deserve, merit, warrant, justify, support, award, call,
    called, told, asked, made, forced"""
)
DENIED = re.compile(
    rf"(?i)(?:\b{_DENIES}|n['\u2019]t)\s+(?:{_SMALL}\s+){{0,4}}[\W_]*$|\bor\W*$"
    r"|\b(?:ignor|disregard|discount|despite|reject|avoid)\w*\s+(?:\w+\s+){0,4}[\W_]*$"
    r"|\b(?:against|versus|vs\.?|compared\s+(?:with|to)|relative\s+to|over)\s+(?:mine|(?:my|the)\s+"
    r"(?:own\s+)?(?:reference|gold|model|ideal|right|correct|answer|solution|response)(?:\s+\w+)?)"
    rf"[\W_]*$|{tongues.DENIED}"
)
"""It is what the judge does not say, or says of one answer against its own."""

_MARKS = r"(?:[*_`~\"'\u2018\u2019\u201c\u201d\u00bb\u300d\u300f)\]}$]|</?\w[^<>\n]{0,40}>)*"
_DOUBTED = (
    r"[ \t]*\?|[\s,\u2014\u2013-]*\(?"
    + any_of(
        """if, unless, when, or, nor, would, could, might, should, may, can, cannot, is(n't| not),
        was(n't| not), does(n't| not), rather, instead, versus, vs,
        but (not|no|only), tentative, provisional, draft, preliminary, not final"""
    )
    + rf"\b|[ \t]*(?:in|at|inside|within|from|of)\s+(?:the\s+(?:\w+\s+)?(?:end|line|text|body)\s+"
    rf"(?:of|in)\s+)?{_SIDE}\b(?!['\u2019]s?\s+favou?r)"
)
_FOLLOWS = any_of(
    r"""because, since, as, for, given, due, based, considering, with, in, on, out, at, to, by,
    being, more, better, slightly, much, significantly, clearly, far, tie, equal, reason, and, but,
    explanation, rationale, justification, note, \w+:, assistant, answer, response, both, neither,
    the, this, that, while, whereas, though, although, even, here, there, however, over, wins,
    means, indicates, signifies, denotes, i, my, its, it, a, b, points?, stars?,
    is (\w+ly )?(the )?(better|best|superior|preferred|preferable|winner|stronger|final|my)
    (?! (at|in|on|for|with|than)), von, sur, из, weil, da, denn, car, parce, puisque, porque, pues,
    ya, perché,
    poiché, omdat, want, pois, für, pour, para"""
).replace(r")\s+(?!\s+", r")\b(?!\s+")
_ABOUT_IT = (
    r"[\s.,;:\u2014\u2013-]*\(?(?:(?:that|this|it|which)\s+(?:(?:last|closing)\s+)?(?:(?:line|sentence"
    r"|verdict|text|passage|one)\s+)?(?:is|was|comes|stands|were)|(?:that|this|it)['\u2019]s|so)\b"
    r"[^.\n]{0,40}\b(?:"
    + any_of(
        r"quot\w*, trick, inject\w*, manipul\w*, sway, attempts?, not (my|mine), forg\w*, fakes?"
    )
    + rf"|what\s+{_SIDE}|{_SIDE}\s+{_SAYS})\b|[\s.]*so\s+(?:goes|ends|reads|says|runs)\b"
    rf"|[\s.=*#_-]*end\s+(?:of\s+)?(?:the\s+)?{_WHO}\b"
)
_END = r"(?=\s*(?:[.,;!)]|$))"
_SAID_BY = (
    rf"[ \t]*[,\u2014\u2013-]?[ \t]*(?:as\s+)?{_SAYS}\b|[ \t]*(?:as|so)\s+{_SIDE}\s+{_SAYS}{_END}"
    rf"|[ \t]*[,\u2014\u2013-][ \t]*(?:as\s+|so\s+)?{_SIDE}\s+\w+(?:s|ed){_END}"
    r"|[ \t]*,?[ \t]*(?:according\s+to|in\s+the\s+words\s+of)\b"
)
_CJK_GOES_ON = (
    "[\u56e0\u7531\u66f4\u5206\u70b9\u9ede\uc810]|\u3067\u3059|\u3060|\u3068\u3057|\u304c\u512a"
    "|\uc785\ub2c8\ub2e4|\uc774\ub2e4|\uc774\uba70"
)
DISOWNED = re.compile(
    rf"(?!{_CJK_GOES_ON})[^\W_]|{_MARKS}(?:(?i:{_DOUBTED}|{_ABOUT_IT}|{_SAID_BY})"
    rf"|[ \t]*\n?[ \t]*(?!{_FOLLOWS}(?!\w))[a-z])"
)
"""What follows at once makes it a doubt, a name of an answer (`[[B]] was weaker`) or a quotation;
a letter at its brackets does, too."""

_ASPECT = any_of(
    """accurac(y|ies), correctness, facts?, factuality, style, tone, clarity, helpfulness,
    relevance, depth, detail, creativity, conciseness, brevity, completeness, format(ting)?,
    structure, safety, honesty, harmlessness, length, fluency, coherence, grammar, readability,
    originality, reasoning, instruction[ -]following, usefulness, content, language, logic"""
)
PARTIAL_BEFORE = re.compile(
    rf"(?i)(?:^|\b(?:for|in|on|by)\s+)\W*(?:the\s+)?{_ASPECT}(?:\s+\w+)?\W*(?:is|goes\s+to)?\W*$"
)
PARTIAL_AFTER = re.compile(
    rf"(?i)\W*(?:for|in|on|by|regarding|in\s+terms\s+of)\s+(?:\w+\s+)?{_ASPECT}\b"
)
"""A verdict on one aspect."""
