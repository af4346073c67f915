"""Every key of a configuration file with values of the wrong kind; no configurations; paths that lead out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robust_hypergan.base.errors import InputError
from robust_hypergan.cli.config_file import read_config_file
from robust_hypergan.cli.main import cli
from tests.bad_inputs.flags import EVERYWHERE, GOOD, options

WRONG_FOR = {
    "boolean": ("1", "0.5", '"true"', "[true]", "{}", "nan"),
    "integer": ("true", "1.5", "2.0", "nan", "inf", "[1]", "{a = 1}", "1979-05-27", '""', '"many"', '"1.5"'),
    "integer range": ("true", "1.5", "-1", "nan", "[1]", "{a = 1}", "1979-05-27", '""', '"many"', "9" * 30),
    "float": ("true", "[0.1]", "{a = 1}", "1979-05-27T07:32:00Z", '""', '"much"', '"0,1"'),
    "text": (
        "true",
        "[]",
        '["a"]',
        "{a = 1}",
        "07:32:00",
        '""',
        '" "',
        r'"a\u0000b"',
        r'"a\nb"',
        r'"\u001b[2J"',
    ),
    "path": ("true", "3", "0.5", '["a"]', "{a = 1}", "1979-05-27", '""', r'"a\u0000b"', r'"a\nb"'),
}
OUTSIDE = ("/etc/passwd", "../up", "a/../../up", "~/home", "/", "..")

FILES = {
    "not UTF-8": b'data = "\xff\xfe"',
    "UTF-16": 'data = "mnist"'.encode("utf-16"),
    "a null byte": b"data = \x00",
    "no value": b"eps =",
    "half a list": b"eps = [0.1",
    "half a text": b'data = "mnist',
    "a key twice": b"networks = 3\nnetworks = 4",
    "deep brackets": b"eps = " + b"[" * 100_000,
    "deep tables": b"a = " + b"{a = " * 100_000,
    "deep keys": b".".join([b"a"] * 50_000) + b" = 1",
    "a number of many digits": b"networks = " + b"9" * 10_000,
    "JSON": b'{"networks": 3}',
    "a pickle": b"\x80\x04\x95\x00",
    "a section": b"[bench]\nnetworks = 3",
    "an unknown key": b"netwroks = 3",
    "a flag's dashes": b"--networks = 3",
    "its own flag": b'config = "other.toml"',
    "an attack without name": b"[[attack]]\nsteps = 3",
    "an attack's table for a list": b'[attack]\nname = "pgd"',
    "an option that is a list": b'[[attack]]\nname = "pgd"\nsteps = [1]',
    "an option that is a date": b'[[attack]]\nname = "pgd"\nsteps = 1979-05-27',
    "an option that is a table": b'[[attack]]\nname = "pgd"\nsteps = {a = 1}',
    "an option with a comma": b'[[attack]]\nname = "pgd"\nmode = "a,steps=3"',
    "a name that is a number": b"[[attack]]\nname = 3",
}


def entries():
    """Command, key and value; a later command with the same key gets two of the values."""
    seen = set()
    for command in cli.commands:
        for flag, option in options(command).items():
            if option.expose_value and "--config" in options(command):
                few = flag in seen and not EVERYWHERE
                seen.add(flag)
                for wrong in WRONG_FOR[option.type.name][: 2 if few else None]:
                    yield command, flag.removeprefix("--"), f"[{wrong}]" if option.multiple else wrong
                if option.multiple:
                    yield command, flag.removeprefix("--"), '"not a list"'


@pytest.mark.parametrize("command", sorted({command for command, *_ in entries()}))
def test_a_value_of_the_wrong_kind_is_one_line_that_names_its_key(command, refuse, traps, checkpoint):
    good = [each.format(checkpoint=checkpoint) for each in GOOD[command]]
    for own, key, value in entries():
        if own == command:
            pairs = zip(good[::2], good[1::2], strict=True)  # a flag would win
            needed = [each for pair in pairs for each in pair if pair[0] != f"--{key}"]
            (traps / "c.toml").write_text(f"{key} = {value}\n")
            refuse(command, "--config", "c.toml", *needed, names=(key,))


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_file_that_is_no_configuration_is_one_line_that_names_it(content, refuse, traps):
    (traps / "c.toml").write_bytes(content)
    refuse("bench", "--config", "c.toml", "--out", "r", names=("c.toml",))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("out", "{}"),
        ("data_root", "{}"),
        ("checkpoint", "{}"),
        ("classifier", "{}/own.py:Net"),
        ("attack", '["pgd", "{}/own.py:attack:steps=3"]'),
        ("beside", '["{}"]'),
    ],
)
def test_a_path_in_a_file_stays_in_its_folder(key, value, refuse, traps):
    for place in OUTSIDE:
        text = value.format(place) if value.startswith("[") else f'"{value.format(place)}"'
        (traps / "c.toml").write_text(f"{key} = {text}\n")
        assert "leads out of this folder" in refuse("bench", "--config", "c.toml", names=(key,))


def test_a_path_inside_is_taken_whatever_it_looks_like(traps):
    (traps / "sub").mkdir()
    inside = ["runs/r", "./r", "sub/../r", "...", f"{traps}/r", f"name={traps}/r", "~x/r"[1:]]
    for place in inside:
        (traps / "sub" / "c.toml").write_text(f'out = "{place}"\nclassifier = "{place}:Net"\n')
        read = read_config_file(traps / "sub" / "c.toml", cli.commands["bench"])
        assert read == {"out": place, "classifier": f"{place}:Net"}


VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda parts: (
        st.lists(parts, max_size=3) | st.dictionaries(st.text("abc", min_size=1), parts, max_size=3)
    ),
    max_leaves=5,
)


def written(value):
    """A value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(each):08x}" for each in value) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {written(each)}" for key, each in value.items()) + "}"
    return str(value)


KEYS = sorted(flag.removeprefix("--") for flag, each in options("bench").items() if each.expose_value)


@given(key=st.sampled_from(KEYS), value=VALUES)
def test_any_value_is_of_the_flags_kind_or_one_line(key, value, traps):
    (traps / "c.toml").write_text(f"{key} = {written(value)}\n", encoding="utf-8")
    try:
        ((_, read),) = read_config_file(traps / "c.toml", cli.commands["bench"]).items()
    except InputError as error:
        assert str(error).isprintable()
        assert key in str(error)
        return
    assert all(
        isinstance(each, (bool, int, float, str)) for each in (read if isinstance(read, list) else [read])
    )


@given(content=st.binary(max_size=200))
def test_any_bytes_are_settings_or_one_line(content, traps):
    (traps / "c.toml").write_bytes(content)
    try:
        assert isinstance(read_config_file(traps / "c.toml", cli.commands["bench"]), dict)
    except InputError as error:
        assert "\n" not in str(error)
        assert "c.toml" in str(error)
