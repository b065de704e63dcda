"""Answers a question from texts, subtitles and recordings.

lstm-models answer "Who came?" "Ann came yesterday to see the house."
lstm-models answer "When does the train leave?" report.txt notes/ talk.srt meeting.flac
cat book.txt | lstm-models answer "Who is Mr Darcy's friend?" - --json
"""

from __future__ import annotations

from typing import Any

from lstm_apps.cli.batch_files import check_kept, named_paths, note
from lstm_apps.tasks.question_answering.documents import Document, read_documents
from lstm_models.errors import InputError
from lstm_models.io.atomic_write import check_writable, one_line, write_whole

__all__ = ["answer"]

_LONGEST_SHOWN = 400  # characters


def answer(
    question: str,
    paths: str | list[str] | None = None,
    json: bool = False,
    out: str | None = None,
    n_best: int = 3,
    threshold: float | None = None,
    passages: int = 8,
    recursive: bool = False,
    model: str = "question-answerer",
) -> None:
    """Answers an English question by a place in texts, with the probability that it is right.

    The answer is shown in its sentence, with its file and line; of subtitles, transcripts and recordings, with the time
    where it is said. Below the threshold there is no answer: it is not in the text. A file that cannot be read is
    reported, and the rest is read all the same; the exit code is then 1.

    Args:
        question: the question.
        paths: files, folders of .txt, .md, .srt, .vtt and .json files (transcripts), recordings, - for standard input,
            or a text itself.
        json: print JSON: the answer, its place, the runners-up, the attention.
        out: a file for the result.
        n_best: answers to find, the runners-up counted.
        threshold: the probability, from 0 to 1, that the text has the answer, below which none is given. The model's
            own if missing.
        passages: passages of all texts to read, those most alike the question.
        recursive: look for files in the folders of a folder too.
        model: a bundled model, a folder, or the id of one on the Hugging Face hub.
    """
    named = named_paths(paths, "PATHS is missing: give a text, files, folders, or - for standard input")
    from lstm_models.checkpoints import hub
    from lstm_models.tasks.question_answering.decoding import AnswerOptions
    from lstm_models.tasks.question_answering.model import QuestionAnswerer

    options = AnswerOptions(n_best, threshold, passages)
    if out is not None:
        check_writable(out)
        check_kept("--out", [out], named)
    documents, failed = read_documents(named, recursive=recursive)
    found = hub.load_as(QuestionAnswerer, model).answer(question, [each.text for each in documents], options)
    for sentence in found.notes:
        note(sentence)
    made = _json(found, documents) if json else _shown(found, documents)
    if out is not None:
        write_whole(out, made)
    else:
        print(made, end="", flush=True)
    if failed:
        raise InputError(f"{failed} of {len(documents) + failed} could not be read.")


def _json(found: Any, documents: list[Document]) -> str:
    made = found.as_dict(attention=True)
    for row, span in zip([made, *made["alternatives"]], [found.found, *found.alternatives], strict=True):
        if span is not None:
            row |= _place(span, documents)
    return one_line({"format": "lstm-models answer", "version": 1, **made}) + "\n"


def _place(span: Any, documents: list[Document]) -> dict[str, Any]:
    """The file of an answer, and of something spoken its time."""
    document = documents[span.document]
    made: dict[str, Any] = {"file": document.name} if document.name else {}
    times = document.time_of(span.start, span.end)
    if times is not None:
        made |= {"start_seconds": round(times[0], 3), "end_seconds": round(times[1], 3)}
    return made


def _shown(found: Any, documents: list[Document]) -> str:
    """The answer for the screen, its place and sentence below it, and the runners-up."""
    if found.found is None:
        lines = [f"Not in the text ({found.confidence:.0%})."]
    else:
        lines = [
            f"{_cut(found.text)} ({found.confidence:.0%})",
            f"    {_where(found, found.found, documents)}{found.sentence}",
        ]
    for other in found.alternatives:
        lines.append(f"  {_cut(other.text)} ({other.confidence:.0%})")
    return "\n".join(" ".join(line.split()) if line[:1] != " " else line for line in lines) + "\n"


def _cut(text: str) -> str:
    """An answer for the screen, whose middle is left out where it is longer than any that is one."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN // 2]} … {text[-_LONGEST_SHOWN // 2 :]}"


def _where(found: Any, span: Any, documents: list[Document]) -> str:
    document = documents[span.document]
    times = document.time_of(span.start, span.end)
    if times is not None:
        minutes, seconds = divmod(int(times[0]), 60)
        return f"{document.name} {minutes // 60:02}:{minutes % 60:02}:{seconds:02}: "
    return f"{document.name}:{found.line(span)}: " if document.name else ""
