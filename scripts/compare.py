"""Compares the log-probabilities of an engine with a reference's, over the same text and position by position.

REFERENCE is what scripts/goldens/score.py writes; OURS is what the engine printed:

    inflight score --model MODEL --top 64 --json < Tests/InflightTests/Goldens/held-out.txt > ours.json
    python scripts/compare.py Tests/InflightTests/Goldens/score-smollm2.json ours.json

It prints, over the tokens after the first,
    KL(reference || ours), mean and greatest, in nats
    how often both hold the same token for the most probable one
    both perplexities, and ours divided by the reference's

How KL is reckoned when only the best tokens are known. The outcomes are the reference's tokens and a bucket, "any other
token", with the probability that is left over. Ours gives each of those tokens its own probability, where it lists the
token. The reference's tokens that ours does not list are taken together as one outcome. What ours gives to that outcome
is not known but bounded: each of them is at most as probable as the last token that ours lists, and together they have
at most what ours leaves unlisted. Within the bound they get what makes KL least. So, but for rounding, the number is
never more than the full KL over the vocabulary, and an engine that lists other tokens altogether cannot hide.
"unlisted" is the greatest probability that the reference gave to tokens that ours does not list.

Exit status: 0 if all is well, 1 if a limit is exceeded, 2 if the files cannot be compared. Needs: Python alone.
"""

import argparse
import json
import math
import sys

# The reference's log-probabilities are rounded to five decimals, so a smaller bucket is not known from an empty one.
LEAST_PROBABILITY = 1e-5


class Incomparable(Exception):
    """Why the two files cannot be compared."""


def divergence(reference: dict[int, float], ours: dict[int, float]) -> tuple[float, float]:
    """KL(reference || ours) in nats, as the top of this file says, both given as {token: log-probability}; and the
    reference's probability of the tokens that ours does not list."""
    shared = [token for token in reference if token in ours]
    unlisted = [token for token in reference if token not in ours]
    nats = math.fsum(math.exp(reference[token]) * (reference[token] - ours[token]) for token in shared)

    reference_unlisted = math.fsum(math.exp(reference[token]) for token in unlisted)
    reference_rest = max(1 - math.fsum(map(math.exp, reference.values())), LEAST_PROBABILITY)
    left = 1 - math.fsum(math.exp(ours[token]) for token in shared)
    ours_unlisted = 0.0
    if unlisted:
        bound = min(
            len(unlisted) * math.exp(min(ours.values())), 1 - math.fsum(map(math.exp, ours.values())))
        best = left * reference_unlisted / (reference_unlisted + reference_rest)
        ours_unlisted = max(min(best, bound), LEAST_PROBABILITY)
        nats += reference_unlisted * math.log(reference_unlisted / ours_unlisted)
    ours_rest = max(left - ours_unlisted, LEAST_PROBABILITY)
    nats += reference_rest * math.log(reference_rest / ours_rest)
    return nats, reference_unlisted


def read(path: str, keys: tuple[str, ...]) -> dict:
    """The JSON object in the file at `path`, which must have `keys`."""
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError) as error:
        raise Incomparable(f"{path}: {error}") from error
    if not isinstance(value, dict) or any(key not in value for key in keys):
        raise Incomparable(f"{path}: not a JSON object with the keys {', '.join(keys)}")
    return value


def check_tokens(reference: list[int], ours: list[int]) -> None:
    """Both must have scored the same tokens, or nothing that follows means anything."""
    for position, (expected, found) in enumerate(zip(reference, ours)):
        if expected != found:
            raise Incomparable(f"the tokens differ first at {position}: the reference has {expected}, ours {found}")
    if len(reference) != len(ours):
        raise Incomparable(f"the reference has {len(reference)} tokens, ours {len(ours)}")
    if len(reference) < 2:
        raise Incomparable("a text of fewer than two tokens has nothing to compare")


def perplexity(logprobs: list) -> float:
    """exp of the mean of the negative log-probabilities after the first, which is null."""
    return math.exp(-sum(logprobs[1:]) / (len(logprobs) - 1))


def compare(reference: dict, ours: dict) -> dict:
    """The numbers to print, from the two files' objects."""
    check_tokens(reference["token_ids"], ours["token_ids"])
    count = len(reference["token_ids"])
    if not all(len(values) == count for values in (ours["logprobs"], ours["top"], reference["top"])):
        raise Incomparable(f"logprobs and top must have one entry for each of the {count} tokens")
    divergences, unlisted, agreed = [], [], 0
    for expected, found in zip(reference["top"][1:], ours["top"][1:]):
        if not found:
            raise Incomparable("top is empty: run inflight score with --top 64")
        ours_top = {entry["id"]: entry["logprob"] for entry in found}
        value, missing = divergence(dict(zip(*expected)), ours_top)
        divergences.append(value)
        unlisted.append(missing)
        agreed += expected[0][0] == max(ours_top, key=ours_top.__getitem__)
    numbers = (*divergences, *ours["logprobs"][1:])
    if not all(math.isfinite(number) for number in numbers):
        raise Incomparable("a log-probability is not a finite number")
    worst = max(range(len(divergences)), key=divergences.__getitem__)
    # Both from the log-probabilities, so that neither is taken on trust.
    reference_perplexity, ours_perplexity = perplexity(reference["logprob"]), perplexity(ours["logprobs"])
    return {
        "positions": count - 1,
        "mean_kl": math.fsum(divergences) / len(divergences),
        "max_kl": divergences[worst],
        "max_kl_position": worst + 1,
        "max_unlisted": max(unlisted),
        "argmax_agreement": agreed / len(divergences),
        "reference_perplexity": reference_perplexity,
        "perplexity": ours_perplexity,
        "perplexity_ratio": ours_perplexity / reference_perplexity,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", help="JSON of scripts/goldens/score.py")
    parser.add_argument("ours", help="JSON of inflight score --top 64 --json")
    parser.add_argument("--max-mean-kl", type=float, metavar="NATS", help="fail if the mean KL is greater")
    parser.add_argument(
        "--max-perplexity-error", type=float, metavar="FRACTION",
        help="fail if the perplexities' ratio is farther from 1 than this")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    try:
        result = compare(
            read(arguments.reference, ("token_ids", "logprob", "top")),
            read(arguments.ours, ("token_ids", "logprobs", "top")))
    except Incomparable as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    except (TypeError, KeyError, ValueError, AttributeError, IndexError, OverflowError) as error:
        print(f"compare: a file is not of the form that this tool reads: {error!r}", file=sys.stderr)
        return 2

    if arguments.json:
        print(json.dumps(result))
    else:
        print(f"positions            {result['positions']}")
        print(f"KL(reference||ours)  mean {result['mean_kl']:.6f}, greatest {result['max_kl']:.6f}"
              f" at token {result['max_kl_position']}; unlisted at most {result['max_unlisted']:.6f}")
        print(f"argmax agreement     {result['argmax_agreement']:.4f}")
        print(f"perplexity           {result['perplexity']:.4f}, reference {result['reference_perplexity']:.4f},"
              f" ratio {result['perplexity_ratio']:.6f}")

    failures = []
    if arguments.max_mean_kl is not None and result["mean_kl"] > arguments.max_mean_kl:
        failures.append(f"mean KL {result['mean_kl']:.6f} is greater than {arguments.max_mean_kl}")
    error = abs(result["perplexity_ratio"] - 1)
    if arguments.max_perplexity_error is not None and error > arguments.max_perplexity_error:
        failures.append(f"perplexity is off by {error:.6f}, more than {arguments.max_perplexity_error}")
    for failure in failures:
        print(f"compare: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
