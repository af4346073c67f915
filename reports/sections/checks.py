"""The credibility checks as a list that a person can scan, and what they mean for believing the result."""

from __future__ import annotations

import pandas as pd

from robust_hypergan.reports.section import Section, Table
from robust_hypergan.reports.tables.run import Run
from robust_hypergan.reports.wording import UNKNOWN, printable

MEANING = {
    1: "what the attacker holds is not what the page says",
    2: "the networks are no classifiers to speak of",
    3: "the attack fails even without randomness, so its failures elsewhere say little",
    4: "attackers who hold more do worse, which points to a weak attack",
    5: "the expectation is estimated from too few draws",
    6: "attacks that know more do worse, which points to a weak attack",
    7: "the networks' gradients cancel, so attacks on their mean are no strong attacks",
    8: "the attacks made for the vote or the detector do not reach them",
    9: "the iterative attack is broken or its gradients are masked",
    10: "a longer attack would fool more",
    11: "a larger ball does not help the attack, which points to masked gradients",
    12: "the attack is hardly better than noise",
    13: "the source seems safer than networks that were never attacked: its gradients may be masked",
    14: "an attack without gradients is stronger: gradients are masked",
    15: "the attack stopped for reasons other than robustness",
    16: "there is nothing undefended to compare with",
    17: "an attack left its ball or returned no images; what is shown was repaired",
}
"""What a failed check means for the result, by its number."""


def checks_section(run: Run) -> Section | None:
    """All checks in their order, with a word on how many hold."""
    checks = run.evidence.get("checks")
    if checks is None or checks.empty:
        return None
    table = Table(
        "The credibility checks of this run",
        ("check", "verdict", "value", "rule", "where", "source", "detail"),
        tuple(_row(row) for _, row in checks.iterrows()),
    )
    return Section("checks", "Can this be believed?", _words(checks), (table,))


def checks_sentence(checks: pd.DataFrame) -> str:
    """``Checks: 12 pass, 1 fails (13 white box at least as strong as transfer), 4 not run.``"""
    passed, failed, missing = (_verdict(checks, verdict) for verdict in ("PASS", "FAIL", "NOT RUN"))
    if len(missing) == len(checks):
        return "Checks: none was run."
    names = f" ({_names(failed)})" if len(failed) else ""
    verb = "fails" if len(failed) == 1 else "fail"
    return f"Checks: {len(passed)} pass, {len(failed)} {verb}{names}, {len(missing)} not run."


def _words(checks: pd.DataFrame) -> tuple[str, ...]:
    failed, missing = _verdict(checks, "FAIL"), _verdict(checks, "NOT RUN")
    words = [checks_sentence(checks)]
    if len(failed):
        meanings = "; ".join(f"{number}: {MEANING.get(number, '')}" for number in failed["check"])
        words.append(
            f"Until the failed {'check is' if len(failed) == 1 else 'checks are'} explained, take the fooled"
            f" fractions as what these attacks did, not as what an attacker can do ({meanings})."
        )
    elif len(missing) == len(checks):
        words.append("Nothing was checked: the numbers stand on their own.")
    else:
        words.append(
            "None of the checks that were run gives a reason to doubt the attacks; a check can only refute."
        )
    if 0 < len(missing) < len(checks):
        words.append(f"Not run, and therefore open: {_names(missing)}.")
    return tuple(words)


def _verdict(checks: pd.DataFrame, verdict: str) -> pd.DataFrame:
    return checks[checks["verdict"] == verdict]


def _names(checks: pd.DataFrame) -> str:
    pairs = zip(checks["check"], checks["name"], strict=True)
    return "; ".join(f"{number} {printable(str(name))}" for number, name in pairs)


def _row(row: pd.Series) -> tuple[str, ...]:
    reason = row["value"] or row["detail"]  # one that was not run has no value
    where = (str(row[column]) for column in ("rule", "cell", "source", "detail"))
    texts = (f"{row['check']} {row['name']}", str(row["verdict"]), str(reason), *where)
    return tuple(printable(text) or UNKNOWN for text in texts)
