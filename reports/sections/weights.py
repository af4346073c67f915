"""The sections that say how different the weights of networks are: layers, filters, single weights."""

from __future__ import annotations

from robust_hypergan.reports.figures.diversity import draw_weights
from robust_hypergan.reports.figures.filters import draw_filters, draw_single_weights
from robust_hypergan.reports.section import Picture, Section, Table
from robust_hypergan.reports.sections.diversity import colours_of, with_interval
from robust_hypergan.reports.statistics.weight_shapes import share_not_normal
from robust_hypergan.reports.tables.study import Study
from robust_hypergan.reports.wording import MINUS, count, interval, number, percent, plural, printable


def weights_section(study: Study) -> Section:
    """The statistics of the paper's Tables 3 and 4, and the spread of single weights."""
    layers = study.tables["layers"]
    rows = tuple(
        (
            f"{printable(row['name'])}: {printable(row['layer'])}",
            count(row["weights"]),
            count(row["networks"]),
            *(number(row[each], 4) for each in ("mean", "sd", "min", "max")),
            with_interval(percent(row["relative_sd"], 2), interval(row["ci_low"], row["ci_high"], 2)),
            number(row["element_sd"]),
            percent(row["element_relative_sd"], 1),
        )
        for row in layers.to_dict("records")
    )
    caption = (
        "The 2-norm of each layer's weights and biases over the networks: mean, standard deviation, least,"
        " greatest, and standard deviation over mean with its 95% interval. Then each weight's own standard"
        " deviation over the networks, averaged over the layer, and the same over the root mean square of the"
        " layer's weights."
    )
    headings = (
        *("kind and layer", "weights", "networks", "mean norm", "sd", "least", "greatest"),
        *("relative sd", "sd of a weight", "over the rms"),
    )
    said = (
        "The paper takes the spread of the layers' norms for diversity. It sees only how large the weights"
        " are: networks that were trained one by one have nearly the same norms and differ in every weight,"
        " which the spread of the single weights shows. That in turn counts networks as different that differ"
        " in the order of their units alone; their answers do not."
    )
    told = layers[layers["relative_sd"].notna()]
    texts = [
        f"{printable(row['name'])} {printable(row['layer'])} {percent(row['relative_sd'], 1)} and"
        f" {percent(row['element_relative_sd'])}"
        for row in told.to_dict("records")
    ]
    picture = Picture(
        "diversity-weights",
        "Spread of the norms and of the single weights, layer by layer",
        "Left: the paper's measure with its 95% interval. Right: how far single weights differ.",
        f"Two panels, a group of rows for each layer. Norms and weights: {'; '.join(texts)}.",
        draw_weights(layers, colours_of(study)),
    )
    title = "How different are the weights? (the paper's Tables 3 and 4)"
    return Section("diversity-weights", title, (said,), (Table(caption, headings, rows),), (picture,))


def filters_section(study: Study) -> Section | None:
    """The same filters in many networks; None for classifiers without filters."""
    filters = study.tables["filters"]
    pictures: list[Picture] = []
    for name, own in filters.groupby("name", sort=False):
        networks, text = own["network"].nunique(), printable(str(name))
        if networks < 2:
            continue
        chosen = own[["layer", "filter", "channel"]].drop_duplicates().to_dict("records")
        texts = [f"{printable(row['layer'])} filter {row['filter']}" for row in chosen]
        pictures.append(
            Picture(
                f"diversity-filters-{len(pictures) + 1}",
                f"Filters of {plural(networks, 'network')}: {text}",
                "Each block is one filter, chosen at random, each tile of it another network; a block has one"
                " scale of colours, blue below and red above 0.",
                f"Blocks of {plural(networks, 'tile')} for {', '.join(texts)}.",
                draw_filters(own),
            )
        )
    if not pictures:
        return None
    title = "The same filter in many networks (the paper's Figure 6)"
    return Section("diversity-filters", title, (), (), tuple(pictures))


def shapes_section(study: Study) -> Section | None:
    """What the distributions of single weights look like; None where there were too few networks."""
    weights, histograms = study.tables["weights"], study.tables["weight_histograms"]
    told = weights[weights["p_value"].notna()]
    if told.empty:
        return None
    rows = tuple(
        (
            f"{printable(str(name))}: {printable(str(layer))}",
            count(own["networks"].max()),
            count(len(own)),
            percent(share_not_normal(own["p_value"].to_numpy(dtype=float))),
            number(float(own["excess_kurtosis"].median()), 2).replace("-", MINUS),
            number(float(own["skew"].abs().median()), 2),
            percent(float((own["humps"] > 1).mean())),
        )
        for (name, layer), own in told.groupby(["name", "layer"], sort=False)
    )
    caption = (
        "A random choice of weights of every layer. Not normal: the share of them that D'Agostino and"
        " Pearson's test tells from a normal distribution, with at most 5% of false discoveries (Benjamini"
        " and Hochberg). The excess kurtosis of a normal distribution is 0. Humps: maxima of the kernel"
        " density that stand out by a tenth of the highest."
    )
    headings = (
        *("kind and layer", "networks", "weights", "not normal", "median excess kurtosis"),
        *("median skew, without sign", "with several humps"),
    )
    texts = [f"{row[0]} {row[3]} not normal" for row in rows]
    picture = Picture(
        "diversity-single-weights",
        "Single weights over many networks",
        "Histograms of weights chosen at random, two of a layer, by their flat index. Dashed: the normal"
        " distribution of the same mean and standard deviation.",
        f"A row of histograms for each kind. {'; '.join(texts)}.",
        draw_single_weights(histograms, weights, colours_of(study)),
    )
    title = "Are single weights normally distributed?"
    return Section("diversity-single-weights", title, (), (Table(caption, headings, rows),), (picture,))
