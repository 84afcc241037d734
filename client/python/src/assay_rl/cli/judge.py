"""assay-rl judge: models grade the messages of episodes; what it costs is told before it is spent."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from assay_rl.cli.inputs import add_format, choices_of
from assay_rl.client.episodes import Episode
from assay_rl.convert.files import AUTO, FileError, Summary, output_file, read_episodes
from assay_rl.judge import MODES, Cache, Endpoint, Judge, JudgeError, Limits, Report, estimate, judge_episodes

_EPILOG = """A judge is NAME=URL,MODEL: judge=http://localhost:8080/v1,qwen. Its scores carry NAME. Answers are kept in
the cache: the same command goes on where it was interrupted and asks nothing twice. Exit status: 0 every question was
answered, 1 some were not, 2 bad input, or a judge that can never answer."""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay-rl judge",
        description="Asks judges behind OpenAI-compatible endpoints how right each agent's message is, and writes the\n"
        "episodes with their scores.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", default=["-"], metavar="FILE", help="episodes; none: standard input")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    parser.add_argument("--judge", action="append", required=True, metavar="NAME=URL,MODEL", help="may be repeated")
    parser.add_argument("--key-env", default="", metavar="VARIABLE", help="environment variable with the key")
    parser.add_argument(
        "--forced",
        action="store_true",
        help="have servers force the form of answers by JSON schema (llama.cpp, vLLM)",
    )
    parser.add_argument("--mode", choices=list(MODES), default="all-at-once", help="default: %(default)s")
    parser.add_argument("--only-failures", action="store_true", help="pass the others through as they are")
    parser.add_argument("--threshold", type=float, metavar="S", help="scores below it are failures; default .5")
    parser.add_argument("--cache", metavar="FILE", help="default: OUTPUT.judge.sqlite, none for standard output")
    parser.add_argument("--dry-run", action="store_true", help="say what it would cost, and ask nothing")
    parser.add_argument("--price-in", type=float, default=0.0, metavar="P", help="of a million tokens of questions")
    parser.add_argument("--price-out", type=float, default=0.0, metavar="P", help="of a million tokens of answers")
    parser.add_argument("--max-calls", type=_count, metavar="N", help="stop before asking more than this")
    parser.add_argument("--concurrency", type=_count, default=8, metavar="N", help="questions at a time; default 8")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS", help="of one attempt; default 120")
    parser.add_argument("--attempts", type=int, default=4, metavar="N", help="of one question; default 4")
    add_format(parser)
    parser.set_defaults(input_format=AUTO)
    return parser


def main(argv: Sequence[str]) -> int:
    arguments = parser().parse_args(argv)
    try:
        with ExitStack() as stack:
            return _run(arguments, stack)
    except (FileError, OSError, ValueError, JudgeError) as failure:
        print(f"assay-rl judge: {failure}", file=sys.stderr)
        return 2


def _run(arguments: argparse.Namespace, stack: ExitStack) -> int:
    if arguments.threshold is not None and not arguments.only_failures:
        raise ValueError("--threshold says what --only-failures passes over, and has no effect without it")
    judges = [_judge_of(text, arguments) for text in arguments.judge]
    path = arguments.cache or (f"{arguments.output}.judge.sqlite" if arguments.output else None)
    if arguments.dry_run and path is not None and not Path(path).exists():
        path = None  # a look at the cost leaves no file behind
    cache = stack.enter_context(Cache(path))
    summary = Summary()
    episodes = read_episodes(arguments.names, arguments.input_format, choices_of(arguments), summary)
    if arguments.dry_run:
        expected = estimate((e for e in episodes if _wanted(e, arguments)), judges, arguments.mode, cache)
        print(f"episodes {expected.episodes}")
        print(f"messages {expected.messages}")
        print(f"calls {expected.calls}")
        print(f"cached {expected.cached}")
        print(f"tokens_in {expected.tokens_in:.0f}")
        print(f"tokens_out {expected.tokens_out:.0f}")
        print(f"cost {expected.cost(arguments.price_in, arguments.price_out):.4f}")
        return 0
    report = Report()
    out = stack.enter_context(output_file(arguments.output))
    for episode in _judged(episodes, judges, arguments, cache, report):
        print(episode.to_json(), file=out)
    print(
        f"assay-rl judge: {report.episodes} episodes, {report.asked} calls, {report.cached} answers from the cache,"
        f" {report.scores} scores, {report.failed} failures",
        file=sys.stderr,
    )
    if arguments.price_in or arguments.price_out:
        cost = report.cost(arguments.price_in, arguments.price_out)
        print(f"assay-rl judge: cost {cost:.4f}, by the length of texts", file=sys.stderr)
    for failure in report.failures:
        print(f"assay-rl judge: {failure}", file=sys.stderr)
    return 1 if report.failed else 0


def _judged(
    episodes: Iterator[Episode],
    judges: Sequence[Judge],
    arguments: argparse.Namespace,
    cache: Cache,
    report: Report,
) -> Iterator[Episode]:
    """Runs of episodes that are to be judged, and those between them as they are, in order."""
    held: list[Episode] = []

    def flush() -> Iterator[Episode]:
        yield from judge_episodes(
            held,
            judges,
            mode=arguments.mode,
            cache=cache,
            concurrency=arguments.concurrency,
            max_calls=None if arguments.max_calls is None else max(0, arguments.max_calls - report.sent),
            report=report,
        )
        held.clear()

    if not arguments.only_failures:
        yield from judge_episodes(
            episodes,
            judges,
            mode=arguments.mode,
            cache=cache,
            concurrency=arguments.concurrency,
            max_calls=arguments.max_calls,
            report=report,
        )
        return
    for episode in episodes:
        if _wanted(episode, arguments):
            held.append(episode)
            if len(held) < 4 * arguments.concurrency:
                continue
            yield from flush()
        else:
            yield from flush()
            yield episode
    yield from flush()


def _wanted(episode: Episode, arguments: argparse.Namespace) -> bool:
    threshold = 0.5 if arguments.threshold is None else arguments.threshold
    return not arguments.only_failures or (episode.score is not None and episode.score < threshold)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text}: a whole number expected")
    return int(text)


def _judge_of(text: str, arguments: argparse.Namespace) -> Judge:
    name, equals, rest = text.partition("=")
    url, comma, model = rest.partition(",")
    if not (name and equals and comma and model):
        raise ValueError(f"--judge {text}: NAME=URL,MODEL expected")
    limits = Limits(timeout=arguments.timeout, attempts=arguments.attempts)
    endpoint = Endpoint(url, model, key_variable=arguments.key_env, forced=arguments.forced, limits=limits)
    return Judge(name, endpoint)
