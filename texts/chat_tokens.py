"""Special tokens of chat templates: in a text that is trained on they would end or open turns."""

import re

CHAT_TOKENS = re.compile(
    r"<[|\uff5c][^\s<>|\uff5c]{2,60}[|\uff5c]>"  # ChatML, Llama 3, DeepSeek and many others
    r"|\[\|[a-z_]{2,30}\|\]"  # EXAONE
    r"|</?s>|<(?:bos|eos|pad|unk|sop|eop|eoh|eoa|eod)>|<(?:BOS|EOS|PAD|UNK|EOD)_TOKEN>"
    r"|</?(?:start|end)_of_(?:turn|image)>|<(?:extra_id|reserved|unused)_?\d{1,4}>"
    r"|<seed:[a-z_/]{2,30}>|<</?SYS>>|\[UNUSED_TOKEN_\d{1,4}\]"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|gMASK)\]"
)
