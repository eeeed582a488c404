"""`ichset evaluate-entities`."""

from __future__ import annotations

from pathlib import Path

import click

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("evaluate-entities")
@click.argument("gold", type=FILE)
@click.argument("predicted", type=FILE)
def evaluate_entities(gold: Path, predicted: Path) -> None:
    """Compare the entity tags of PREDICTED with those of GOLD, token by token.

    Prints precision, recall, F1 and support for each tag (O, B-FIND, I-FIND, B-LOC, I-LOC ...), accuracy and averages.
    Both files hold the same text, each in one of two forms:

    \b
      NAME.bio     a token, a tab and its tag on each line; a blank line between documents
      NAME.jsonl   a document a line: {"id": ..., "text": ..., "entities": [{"start": 0, "end": 8, "label": "FIND"}]}

    \b
    Examples:
      ichset evaluate-entities gold.bio predicted.bio
      ichset evaluate-entities gold.jsonl predicted.bio
    """
    from ichset.reports.entities import evaluate

    click.echo(evaluate(gold, predicted), nl=False)
