"""The learned parser as a judge: trained once, and shared by all parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from d2t.corpus.load import load_split
from d2t.io.hashing import sha256_file
from d2t.judges.parser.learned_parser import MANIFEST, LearnedParser
from d2t.judges.parser.training import ParserConfig, read_texts, train_parser

if TYPE_CHECKING:
    from pathlib import Path

    from d2t.slots.checker import SlotChecker
    from experiments.faithfulness.command import Places


class Parser(BaseModel):
    """The learned parser, trained once; it sees the MRs as given, not our lexicon, by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpus: str
    config: ParserConfig = ParserConfig(labels="given")


def parser_judge(
    wanted: Parser | None, checker: SlotChecker, places: Places
) -> tuple[LearnedParser | None, str | None]:
    """The parser of all experiments whose runs are beside each other, and what tells it apart."""
    if wanted is None:
        return None, None
    folder = places.runs.parent / f"parser-{wanted.corpus}"
    return parser_model(wanted, checker, folder), sha256_file(folder / MANIFEST)


def parser_model(wanted: Parser, checker: SlotChecker, folder: Path) -> LearnedParser:
    """The parser in ``folder`` when it was trained as asked, else a new one."""
    identity = {**wanted.model_dump(mode="json"), "lexicon": checker.lexicon_digest}
    if (folder / MANIFEST).is_file():
        parser = LearnedParser.load(folder)
        if parser.info.get("identity") == identity:
            return parser
    examples = load_split(wanted.corpus, "train", checker.domain)
    texts = read_texts(examples, checker, checker.domain, wanted.config.labels)
    parser = train_parser(texts, checker.domain, wanted.config)
    parser.info["identity"] = identity
    parser.save(folder)
    return parser
