"""The tokens that a tokenizer has beside its vocabulary, read from the files of its folder."""

from pathlib import Path
from typing import Any

from rounds.files import read_json

NAMED = ("additional_special_tokens", "extra_special_tokens")


def added_tokens(folder: Path) -> dict[str, bool]:
    """The added tokens of the tokenizer in a folder by their text: whether each is a special one.

    A folder without any of the files that name them (a SentencePiece model alone) has none; so has
    a file that is no JSON, which is for the tokenizer's own reader to refuse.
    """
    found: dict[str, bool] = {}
    for token in _listed(_read(folder / "tokenizer.json").get("added_tokens")):
        _add(found, token.get("content"), bool(token.get("special")))
    for token in _listed(_read(folder / "tekken.json").get("special_tokens")):
        _add(found, token.get("token_str"), True)
    for text in _read(folder / "added_tokens.json"):
        _add(found, text, False)
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        settings = _read(folder / name)
        decoder = settings.get("added_tokens_decoder")
        for token in decoder.values() if isinstance(decoder, dict) else ():
            _add(found, _text(token), isinstance(token, dict) and bool(token.get("special")))
        for key, value in settings.items():
            if key.endswith("_token"):
                _add(found, _text(value), True)
            elif key in NAMED:
                values = value.values() if isinstance(value, dict) else value
                for token in values if isinstance(value, list | dict) else ():
                    _add(found, _text(token), True)
    return found


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = read_json(path)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(token: Any) -> Any:
    return token.get("content") if isinstance(token, dict) else token


def _add(found: dict[str, bool], text: Any, special: bool) -> None:
    if isinstance(text, str) and text:
        found[text] = found.get(text, False) or special
