"""Strategies by name: which candidates of a prompt are compared, and by how many calls."""

from judge.strategies.listwise import LISTWISE
from judge.strategies.pairwise import PAIRWISE
from judge.strategies.questions import QUESTIONS_STRATEGY
from judge.strategies.random_pair import RANDOM_PAIR
from judge.strategies.round_robin import ROUND_ROBIN
from judge.strategies.screen_confirm import SCREEN_CONFIRM
from judge.strategies.strategy import Strategy
from judge.strategies.tournament import TOURNAMENT

STRATEGIES: dict[str, Strategy] = {
    "screen_confirm": SCREEN_CONFIRM,
    "listwise": LISTWISE,
    "tournament": TOURNAMENT,
    "random_pair": RANDOM_PAIR,
    "round_robin": ROUND_ROBIN,
    "pairwise": PAIRWISE,
    "questions": QUESTIONS_STRATEGY,
}
