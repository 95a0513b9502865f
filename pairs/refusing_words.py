"""The words in which language models decline, and those that surround it: what `refusals.py` reads.

All patterns are for one clause in lower case, with straight apostrophes and single spaces.
"""

import re

I_CANNOT = (
    r"\bi(?: (?:simply|really|just|currently|also|still|actually|personally|unfortunately"
    r"|honestly"
    r"|truly|therefore|absolutely))*"
    r"(?: can't| cannot| can not| couldn't| could not| won't| will not"
    r"| shouldn't| should not| do not| don't|(?: am|'m)(?: \w+ly)?"
    r" (?:unable to|incapable of|prohibited from|not (?:\w+ ){0,2}?(?:able to|going to|allowed to"
    r"|permitted to|programmed to|designed to|equipped to|authori[sz]ed to|qualified to"
    r"|trained to"
    r"|configured to|supposed to|willing to|prepared to|in a position to|at liberty to|meant to"
    r"|intended to|capable of|comfortable))"
    r"| must (?:\w+ )?(?:decline|refuse) to"
    r"| (?:have|need|am going|will have) to (?:\w+ )?(?:decline|refuse) to"
    r"| (?:\w+ly )?(?:decline|refuse) to| lack the (?:[\w-]+ ){1,4}to)(?: \w+ly)?"
)
DEED = (
    r"(?:assist|help(?! (?:but|feel|think|notic|wonder|smil|laugh|lov|myself|it\b))"
    r"|be (?:able|of|provid|writ|shar|help|do|answer|generat|creat)"
    r"|provid|fulfil|satisfy|comply|complete|accommodat|grant|answer|generat|creat|writ|compos"
    r"|engag|support|discuss|shar|offer|promot|produc|access|brows|respond|participat"
    r"|do (?:that|this|so)"
    r"|recommend(?!.{0,60}\b(?:enough|highly|more)\b)|mock|endors|encourag|pretend"
    r"|take (?:sides|part)"
    r"|giv(?:e|ing) (?:you|any|legal|medical|financial|advice|instructions|an?\b|specific)"
    r"|mak(?:e|ing) (?:up|fun|any|subjective|such|jokes|judg|predict|an? (?:\w+ )?(?:predict"
    r"|judg|decision"
    r"|recommend|joke))|carry out|process|condon|facilitat|advis|predict|forecast|execut"
    r"|run (?:arbitrary|the|any|code)|perform"
    r"|retriev|fetch|determin|role-?play|simulat|proceed|continu|entertain|express|depict|portray"
    r"|disclos|reveal|comment|speculat|draft|suggest|present (?!at)|search|book|order|schedul"
    r"|display"
    r"|directly|feel comfortable|opine|list|describ|judg|tell (?:you|jokes|a joke)|translat"
    r"|summari[sz]"
    r"|analy[sz]|talk about|speak (?:on|about)|draw|listen|watch|violat|contribut|reproduc|insult"
    r"|aid|(?:open|click|visit|download) (?:\w+ ){0,2}(?:links?|urls?|files?|attachments?"
    r"|websites?|images?)|find (?:any|information|a specific)|verif|identif|view"
    r"|see (?:images|the image)|rate\b|play music)"
)
HAVE_NO = (
    r"\bi(?: currently| actually| really| simply| just| also)*"
    r" (?:do not|don't|did not|didn't)(?: currently| actually| personally| really| yet)*"
    r" (?:have|possess|hold)(?: (?:any|the|an?|strong|firm|direct|real-time|live|specific|detailed"
    r"|personal"
    r"|definitive|up-to-date|private|concrete|own|such))*"
    r" (?:access|ability (?!to (?:think|feel|experience|it\b))|capabilit|rights|permission"
    r"|authority"
    r"|information (?:on|about|regarding)|knowledge (?:of|about)|details (?:on|about)"
    r"|opinion|view|viewpoint|answer)"
)
NO_WAY = (
    r"\bi (?:have|see) no (?:way|means|ability|access|capability|permission|authority)"
    r"|\bthere(?: is|'s) no way for me to"
    r"|\bit(?: is|'s| would be| wouldn't be| would not be| isn't)(?: \w+)? (?:possible|impossible"
    r"|appropriate|ethical|right|proper|responsible|inappropriate|unethical|irresponsible|wrong)"
    r" for (?:me|an ai)\b"
    r"|(?:'s|\bis|\bare)(?: not)? (?:within|beyond|outside|against)(?: the scope)?(?: of)?"
    r" (?:my|what i)"
)
DECLINE = (
    r"\bi (?:do not|don't) feel comfortable|\bi(?: am|'m) not comfortable|\bi would rather not"
    r"|\bi (?:do not|don't) think i (?:should|can)\b|(?:not|im)possible for me\b"
    r"|\b(?:ai|model|assistant|chatbot|program)(?: \w+)? (?:and|so|that) (?:cannot|can't"
    r"|(?:don't|do not|doesn't|does not) have (?:\S+ )?(?:access|the ability)|am (?:not able"
    r"|unable))|"
    r"\bi must (?:\w+ )?(?:decline|refuse)|\bi (?:\w+ly )?(?:decline|refuse) (?:to (?:help"
    r"|assist|answer|provide|write|do|engage|take|be part)|this|that|your)"
    r"|\bi(?:'ll| will|'m going to| am going to|'d| would)(?: have to| need to)?(?: \w+ly)?"
    r" (?:decline|refuse|pass(?:$|[.,!]| on)|rather not|prefer not to|refrain from)"
    r"|(?:falls|lies|goes) (?:well )?(?:outside|beyond|against) (?:of )?(?:what i|my "
    r"|the scope of)"
    r"|\b(?:is not|isn't|is nothing|'s not) (?:something )?(?:that )?i(?:'m| am| can| could"
    r"| will| would)"
    r"|\b(?:let's|let us|could we|can we) (?:talk|chat) about something else"
)
DECLINES = re.compile(rf"(?:{I_CANNOT} {DEED}|{HAVE_NO}|{NO_WAY}|{DECLINE})")

SALUTATION = re.compile(r"(?:dear\b|'|subject:|to:|from:|(?:hi|hello) \[|[\"\u201c*(\[]|\w+:\s)")
"""A letter or a role, in which somebody else declines."""

JOIN = (
    r"(?:however|but|and|so|also|additionally|furthermore|moreover|instead|therefore|thus|as such"
    r"|in addition|that being said|unfortunately|nevertheless|alternatively|as a result|sorry"
    r"|rather"
    r"|please note that|for (?:that|this) reason|otherwise|nonetheless|again|although|though"
    r"|while"
    r"|yes|no|hello|hi|hey|well|oh|thank you|thanks|remember|ultimately|overall)\b,?"
)
LOOK = (
    r"(?:find|check|visit|search|consult|contact|refer|look|ask|seek|reach|get in touch"
    r"|use a search"
    r"|turn|go to|try (?:searching|looking|checking|asking|contacting)|speak|talk|explore|review"
    r"|verify|do (?:some|your own)|conduct|obtain|access|browse|rely|follow|be able to|also)"
)
EMPTY = re.compile(
    rf"(?:{JOIN} )*(?:"
    r"(?:as|being|since i am) (?:an?|just|your|my) "
    r"|(?:cannot|can't|won't|will not|do not|don't|unable|am not|am unable)\b"
    r"|the (?:\w+ ){0,2}(?:context|passage|text|article|question|information|prompt|input"
    r"|data)\b[^,]{0,30}"
    r" (?:does not|doesn't|do not|is not|isn't|did not|has not)\b"
    r"|(?:i|i'm|i'd|i'll|i've|my|let me|let's|we|our)\b"
    r"(?! (?:(?:would|can|could|will) (?:say|guess|tell you that|recommend (?!consult|check|seek"
    r"|visit|contact|reach|speak|look|search|refer|talk|review|that you))|think|believe (?!it is)"
    r"|guess|estimate|found|know that|suggest (?!consult|check|seek|visit|contact|reach|speak"
    r"|look|search|refer|talk|that you)))"
    rf"|(?:please|kindly)\b|you(?:'ll| can| could| may| might| should| will| would)"
    rf"(?: need to| want to| have to| like to| also| always| easily| likely| try to| either)*"
    rf" {LOOK}|(?:for|to (?:get|obtain|find)) [^,]{{3,90}}, (?:i|please|you|it)"
    r"|if (?:you|there|your|this|it)\b|is there (?:anything|something)|would you|could you"
    r"|do you|can you"
    r"|what (?:else|would)|how (?:else )?(?:can|may) i|feel free|let me know|(?:it|this"
    r"|that)(?: is|'s| would be)"
    r" (?:always |also |very |crucial|essential|recommended|advisable|best|better|important"
    r"|necessary"
    r"|illegal|unethical|wrong|inappropriate|against|not )|(?:sorry|my apologies|apologies"
    r"|thank)\b"
    r"|(?:such|these|those|this|that|the (?:request|reference|question|topic|content)"
    r"|doing so|discussing|promoting|engaging|using|creating)\b.*"
    r"\b(?:could|would|may|might|can|is|are)\b"
    r".*\b(?:harm|illegal|ethic|inappropriate|offensive|danger|against|violat|disrespect"
    r"|policy|policies"
    r"|sensitive|misleading|mislead|discriminat|stereotyp|privacy|hurt|controversial|depend"
    r"|subjective)"
    r"|.*\b(?:ethical (?:and|guidelines|standards|concerns|implications)|my (?:purpose"
    r"|training|programming|knowledge|guidelines"
    r"|capabilities|design)|inappropriate|disrespectful|unethical"
    r"|is a (?:\w+ and )?(?:complex|sensitive|serious|controversial|contentious)"
    r"|respectful|consult (?:with )?an?|licensed|qualified|professional (?:advice|help)|illegal"
    r"|harmful|in other ways|both sides|not (?:\w+ly )?(?:stated|mentioned|specified|provided"
    r"|given|included|available) in the"
    r" (?:\w+ )?(?:context|passage|text|question|image|article)|reasonable (?:people"
    r"|arguments)|without (?:access|more|further|additional))"
    r")"
)
"""A clause that gives nothing: about the model, where to look, an offer, a lecture, a question."""

HELPS = re.compile(
    rf"(?:{JOIN} )*(?:from (?:the|what|your) (?!given|provided)|here(?:'s| is| are|'re)\b"
    rf"|below (?:is|are)\b|the following\b|for (?:example|instance)\b"
    r"|that said|having said|some (?:of the |\w+ ){0,3}?\w+ (?:that|are|include|could|might"
    r"|may|can)\b"
    r"|in general\b|generally\b|typically\b|based on (?!your|the (?:given|provided"
    r"|information|context))"
    r"|according to|assuming|one (?:possible|approach|way|option|of)|step 1|these (?:include|are)"
    r"|as of (?:my|20|september|the)[^,]{0,60}, (?!i )|(?:it|this) (?:seems|appears|is likely"
    r"|could be|may be|might be)"
    r"|there are (?:several|some|many|a few|two|three|various|different))"
)
LACKS = re.compile(
    r"\bi (?:do not|don't) have (?:\w+ ){0,3}(?:context|information|details?|data)\b"
)
OPENLY = re.compile(
    r"\b(?:sorry|apologi[sz]e|apologies|unfortunately|regret)\b|\b(?:as|just"
    r"|only) an? (?:\S+ ){0,4}?(?:ai|model|assistant|chatbot)\b"
    r"|(?:fulfil\w*|satisfy|comply with|complete|assist with|help with) (?:your|that|this)\b"
)
"""Words that make plain who declines, and that it is the request."""
OFFERS = re.compile(
    rf"(?:{JOIN} )*i (?:can|could|will|am able to|would be happy to|'d be happy to"
    rf"|can,? however,?) "
    r"(?:\w+ )?(?:provide|offer|give|share|explain|describe|tell|discuss|suggest|summarize"
    r"|help you with)\b"
)
OPINION = re.compile(r"\b(?:opinions?|views?|viewpoints?)\b")
CONTRAST = re.compile(r"(?:but|however|although|though|yet|nevertheless|that said|instead)\b,? ")
