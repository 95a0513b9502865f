"""The gate's regression suites as a config names them: read, and found right before a round."""

from flows.config import Config
from gate.suite_config import PERPLEXITY
from gate.suites import check_reference, least_prompts, load_score
from rounds.errors import UserError
from sampler.suite_prompts import SuitePrompts, read_suite


def suite_prompts(config: Config) -> dict[str, SuitePrompts]:
    """The prompts of every suite. Raises UserError for a file or a row that is wrong."""
    return {
        name: SuitePrompts(read_suite(name, suite.prompts), suite.seeds, suite.score == PERPLEXITY)
        for name, suite in config.gate.suites.items()
    }


def check_suites(config: Config) -> None:
    """Raise UserError for a suite whose prompts or score cannot work."""
    least = least_prompts(config.gate.suites, config.gate.confidence)
    for name, one in suite_prompts(config).items():
        suite = config.gate.suites[name]
        load_score(name, suite)
        if suite.score != PERPLEXITY and suite.allowed is not None and len(one.prompts) < least:
            raise UserError(
                f"gate.suites.{name}.prompts: with {len(config.gate.suites)} suites at gate."
                f"confidence {config.gate.confidence:g} a drop is shown by {least} prompts or "
                f"more, and {suite.prompts} holds {len(one.prompts)}; give more"
            )
        for row in one.prompts:
            check_reference(suite, f"gate.suites.{name}.prompts: {row['source']}", row["reference"])
