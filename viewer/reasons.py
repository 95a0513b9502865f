"""Why a pair was not kept, in a sentence."""

SAID = {
    "no_margin": "The screen found no two answers far enough apart, so none were compared.",
    "screen_disagrees": "The comparison named a winner that the screen had scored lower.",
    "tie": "The judge called it a tie in both orders.",
    "small_margin": "The screen's scores of the two lie closer together than pairs.min_margin.",
    "both_bad": "Both answers are below pairs.min_score.",
    "cut_off": "An answer was cut off at max_tokens.",
    "empty": "An answer is empty.",
    "identical": "Both answers are the same.",
    "near_identical": "Both answers are nearly the same.",
    "refusal": "The chosen answer refuses.",
    "loop": "An answer repeats itself.",
    "language": "An answer is in another language than was asked for.",
    "chat_tokens": "An answer holds control tokens of a chat template.",
    "length_ratio": "One answer is many times as long as the other.",
    "length_gap": "One answer has many tokens more than the other (pairs.max_length_gap).",
    "max_pairs": "The round had more pairs than pairs.max_pairs keeps; which ones go is by hash.",
    "length_guard": "Taken so that chosen answers are not longer than rejected ones throughout.",
    "malformed": "A text of the pair cannot be trained on.",
    "duplicate": "The same pair was kept before.",
    "near_duplicate": "Nearly the same pair was kept before.",
    "contradicts": "An earlier pair says the opposite.",
    "abstain:flip": "The two orders named different winners.",
    "abstain:undecided_in_one_order": "One order named a winner and the other a tie.",
    "abstain:below_threshold": "The winner's probability over both orders is below judge.tau.",
    "abstain:no_majority": "No answer had more than half of the jury.",
    "abstain:one_order_only": "Only one order was judged.",
}

HELD_OUT = "It comes too near to a prompt that is held out for the gate or the test."


def reason_text(reason: str) -> str:
    """The sentence of a reason; for one that has none, what the judge failed with."""
    if reason.startswith("held_out"):
        return HELD_OUT
    if reason in SAID:
        return SAID[reason]
    kind, _, failure = reason.partition(":")
    return f"The judge gave no verdict ({failure})." if kind == "abstain" and failure else ""
