"""The page of the study of diversity: what it claims, shows and leaves out, from its tables alone."""

import json

import numpy as np
import pandas as pd
import pytest

from robust_hypergan.reports import (
    DIVERSITY_TABLES,
    diversity_table,
    layer_table,
    weight_shapes,
    write_report,
)
from robust_hypergan.reports.figures.filters import draw_filters
from robust_hypergan.reports.figures.style import KIND_COLOURS
from robust_hypergan.reports.sections.diversity import colours_of
from robust_hypergan.reports.studies.diversity import claims, sections
from robust_hypergan.reports.studies.kinds import STUDIES
from robust_hypergan.reports.tables.study import load_study

LAYERS = ("conv", "linear")


def tables(name, networks, spread, apart):
    """What was measured of networks whose norms have such a relative sd, and that so often disagree."""
    random = np.random.default_rng(len(name))
    kind = name if name in KIND_COLOURS else "hypergan"
    quantiles = (np.arange(networks) - (networks - 1) / 2) / max(1.0, np.sqrt(networks * (networks + 1) / 12))
    norms = [(name, layer, i, 5 * (1 + spread * q)) for layer in LAYERS for i, q in enumerate(quantiles)]
    first, second = np.triu_indices(networks, 1)
    noise = 1 + 0.1 * random.standard_normal((4, len(first)))
    pairs = zip([name] * len(first), first, second, apart * noise[0], 0.6 * noise[1], *noise[2:], strict=True)
    tiles = [
        ("conv", 3, 0, i, row, column) for i in range(min(networks, 5)) for row in (0, 1) for column in (0, 1)
    ]
    values = random.standard_normal((60, 2)) ** (1 if kind == "swag" else 3)
    shapes = weight_shapes(values) if networks > 1 else weight_shapes(values[:1])
    own = {
        "networks": [(name, kind, i, 0.97 + 0.001 * q) for i, q in enumerate(quantiles)],
        "norms": norms,
        "elements": [(name, layer, 40, 0.1, 0.2) for layer in LAYERS],
        "pairs": list(pairs),
        "filters": [(name, *tile, random.standard_normal()) for tile in tiles],
        "weights": [(name, "conv", "conv.weight", i, *row) for i, row in enumerate(shapes.to_numpy())],
        "weight_histograms": [
            (name, "conv.weight", 0, low, low + 1, 20) for low in (-1, 0, 1) if networks > 1
        ],
    }
    return {stem: pd.DataFrame(rows, columns=DIVERSITY_TABLES[stem]) for stem, rows in own.items()}


def write(folder, kinds, *, along=(), data="mnist"):
    """A finished study of kinds with such numbers of networks, spreads of norms and disagreements."""
    made = [tables(name, *each) for name, each in kinds.items()]
    found = {stem: pd.concat([own[stem] for own in made if len(own[stem])]) for stem in made[0]}
    found["layers"] = layer_table(found["norms"], found.pop("elements"))
    found["diversity"] = diversity_table(found["networks"], found["norms"], found["pairs"])
    if along:
        own = [tables("full", 20, spread, apart) | {"step": step} for step, spread, apart in along]
        rows = [
            diversity_table(each["networks"], each["norms"], each["pairs"]).assign(step=each["step"])
            for each in own
        ]
        found["along_training"] = pd.concat(rows)[DIVERSITY_TABLES["along_training"]]
    folder.mkdir()
    for stem, table in found.items():
        table.to_csv(folder / f"{stem}.csv", index=False)
    record = {"format": 1, "study": "diversity", "status": "done", "config": {"data": {"name": data}}}
    (folder / "run.json").write_text(json.dumps(record))
    return folder


ABLATIONS = {"full": (40, 0.1, 0.02), "no-mixer": (40, 0.01, 0.002), "no-discriminator": (40, 0.04, 0.01)}
ALONG = ((10, 0.1, 0.2), (25, 0.3, 0.1), (50, 0.2, 0.05), (100, 0.1, 0.02))


def study_of(*arguments, **options):
    return load_study(write(*arguments, **options), STUDIES)


def verdicts(study):
    return {claim.claim.split(" (")[0]: claim.verdict for claim in claims(study)}


MIXER = "Without the mixer hardly any diversity is left"
DISCRIMINATOR = "Without the discriminator there is less diversity than in the full model"
LATE = "Diversity falls late in training"


def test_the_papers_claims_hold_where_the_numbers_are_like_the_papers(tmp_path):
    study = study_of(tmp_path / "study", ABLATIONS, along=ALONG)
    assert verdicts(study) == {MIXER: "holds", DISCRIMINATOR: "holds", LATE: "holds"}
    mixer, discriminator, late = claims(study)
    assert "0.071\u20130.14 of it" in mixer.paper
    assert mixer.ours.startswith("0.1 of it (")
    assert "disagreement 0.20%" in mixer.ours
    assert discriminator.ours.startswith("0.4 of it (")
    assert "step 25: 30.00%" in late.ours  # the snapshot after a quarter, not the first
    assert "step 100: 10.00%" in late.ours


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        ((40, 0.03, 0.01), "holds in part"),  # a third of it
        ((40, 0.09, 0.02), "does not hold"),  # hardly less
        ((40, 0.01, 0.05), "holds in part"),  # the answers say otherwise
        ((3, 0.02, 0.01), "undecided"),
    ],
)
def test_hardly_any_diversity_is_a_quarter_and_the_answers_have_a_say(tmp_path, without, expected):
    study = study_of(tmp_path / "study", {"full": (40, 0.1, 0.02), "no-mixer": without})
    assert verdicts(study) == {MIXER: expected}


def test_diversity_may_rise_or_stay(tmp_path):
    rising = study_of(tmp_path / "rising", ABLATIONS, along=(*ALONG[::3], (200, 0.3, 0.1)))
    assert verdicts(rising)[LATE] == "does not hold"
    level = study_of(tmp_path / "level", ABLATIONS, along=((50, 0.1, 0.1), (100, 0.1, 0.1)))
    assert verdicts(level)[LATE] == "undecided"
    single = study_of(tmp_path / "single", ABLATIONS, along=ALONG[3:])
    assert LATE not in verdicts(single)


def test_claims_are_made_only_of_what_is_there(tmp_path):
    assert claims(study_of(tmp_path / "one", {"no-mixer": (10, 0.1, 0.1), "swag": (10, 0.1, 0.1)})) == []
    other = study_of(tmp_path / "other", {"hypergan": (40, 0.1, 0.1)}, data="cifar10")
    (overlap,) = claims(other)
    assert "diffusion model" in overlap.claim
    assert overlap.verdict == "holds"
    assert "0.93\u20130.95" in overlap.paper
    rows = {row[0]: row for row in sections(other)[0].tables[0].rows}
    assert rows["p-diff, generated (Wang et al. 2024)"][5] == "0.93\u20130.95"
    assert rows["p-diff, trained (Wang et al. 2024)"][5] == "0.76\u20130.87"
    elsewhere = study_of(tmp_path / "elsewhere", {"hypergan": (40, 0.1, 0.1)})
    assert len(sections(elsewhere)[0].tables[0].rows) == 1


def test_the_page_says_who_has_few_networks_and_shows_every_part(tmp_path):
    kinds = ABLATIONS | {"swag": (30, 0.02, 0.03), "deep-ensemble": (5, 0.01, 0.02), "ordinary": (1, 0, 0)}
    folder = write(tmp_path / "study", kinds, along=ALONG)
    page = write_report(folder).read_text()
    assert "deep-ensemble has 5 networks to compare" in page
    assert "ordinary is a single network and has no diversity" in page
    study = load_study(folder, STUDIES)
    shown = {section.name: section for section in sections(study)}
    assert list(shown) == [
        "diversity",
        "diversity-weights",
        "diversity-along-training",
        "diversity-filters",
        "diversity-single-weights",
    ]
    assert len(shown["diversity-filters"].pictures) == 5  # of all but the single network
    for section in shown.values():
        assert all(picture.alt and picture.caption for picture in section.pictures)
    shapes = {row[0]: row for row in shown["diversity-single-weights"].tables[0].rows}
    assert shapes["swag: conv"][3] == "0%"
    assert shapes["full: conv"][3] == "100%"
    row = {row[0]: row for row in shown["diversity-weights"].tables[0].rows}["full: conv"]
    assert row[3] == "5"
    assert row[7].startswith("10.00% (")
    assert row[8:] == ("0.1", "50.0%")


def test_parts_that_there_is_nothing_for_are_left_out(tmp_path):
    folder = write(tmp_path / "study", {"hypergan": (10, 0.1, 0.1)})
    (folder / "filters.csv").write_text(",".join(DIVERSITY_TABLES["filters"]) + "\n")
    weights = pd.read_csv(folder / "weights.csv")
    weights.assign(p_value=np.nan).to_csv(folder / "weights.csv", index=False)
    assert [section.name for section in sections(load_study(folder, STUDIES))] == [
        "diversity",
        "diversity-weights",
    ]


def test_a_kind_has_its_colour_in_every_figure(tmp_path):
    kinds = {"hypergan": (10, 0.1, 0.1), "mine": (10, 0.1, 0.1), "swag": (10, 0.1, 0.1)}
    colours = colours_of(study_of(tmp_path / "study", kinds))
    assert {name: colours[name] for name in ("hypergan", "swag")} == {
        name: KIND_COLOURS[name] for name in ("hypergan", "swag")
    }
    assert len(set(colours.values())) == 3


def test_a_filter_has_one_scale_of_colours_for_all_networks():
    table = tables("full", 5, 0.1, 0.1)["filters"]
    figure = draw_filters(table)
    picture = figure.axes[0].images[0]
    assert picture.norm.vmax == -picture.norm.vmin == table["value"].abs().max()
    assert np.ma.count(picture.get_array()) == len(table)  # a place for every value, gaps between


def test_a_ratio_whose_interval_reaches_the_bound_decides_nothing(tmp_path):
    study = study_of(tmp_path / "study", {"full": (4, 0.1, 0.02), "no-mixer": (4, 0.04, 0.01)})
    assert verdicts(study) == {MIXER: "undecided"}


def test_a_fall_within_the_intervals_decides_nothing(tmp_path):
    study = study_of(tmp_path / "study", ABLATIONS, along=((50, 0.1, 0.1), (100, 0.09, 0.1)))
    assert verdicts(study)[LATE] == "undecided"


def test_an_overlap_that_reaches_that_of_the_diffusion_model_decides_nothing(tmp_path):
    study = study_of(tmp_path / "study", {"hypergan": (40, 0.1, 0.1)}, data="cifar10")
    table = study.tables["diversity"]
    own = table["measure"] == "error_iou"
    for ends, verdict in (((0.92, 0.9, 0.94), "undecided"), ((0.97, 0.96, 0.98), "does not hold")):
        table.loc[own, ["mean", "ci_low", "ci_high"]] = ends
        assert [claim.verdict for claim in claims(study)] == [verdict]


def test_of_a_single_network_beside_others_nothing_is_claimed(tmp_path):
    study = study_of(tmp_path / "study", ABLATIONS, along=ALONG)
    table = study.tables["diversity"]
    pairs = table["measure"].isin(["disagreement", "error_iou"])
    study.tables["diversity"] = table[~(pairs & (table["name"] == "no-mixer"))]
    assert MIXER not in verdicts(study)
    assert DISCRIMINATOR in verdicts(study)
