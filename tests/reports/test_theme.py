"""Colours that can be told from what is behind them, in the light and in the dark."""

import pytest

from alchemiser_dagster.reports import theme
from alchemiser_dagster.reports.theme import THEMES, Theme, css_variables

DRAWN = {
    theme.LIVE, theme.PAPER, theme.BENCHMARK, theme.GAIN, theme.LOSS, theme.REALISED,
    theme.UNREALISED, theme.OTHER, theme.CASH, *theme.CATEGORIES,
}  # fmt: skip


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    """Contrast ratio, 1 to 21, WCAG 2.2."""
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_has_the_greatest_contrast() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("name", THEMES)
def test_text_can_be_read(name: str) -> None:
    colours: Theme = THEMES[name]
    for text in (colours.text, colours.muted, colours.accent, colours.gain, colours.loss):
        for behind in (colours.page, colours.surface):
            assert contrast(text, behind) >= 4.5, (text, behind)


@pytest.mark.parametrize("name", THEMES)
def test_numbers_in_heat_maps_can_be_read(name: str) -> None:
    colours: Theme = THEMES[name]
    for cell in (colours.fall, colours.still, colours.rise, colours.apart, colours.alike):
        assert contrast(colours.text, cell) >= 4.5, cell


@pytest.mark.parametrize("name", THEMES)
def test_what_is_drawn_stands_out(name: str) -> None:
    for colour in DRAWN:
        assert contrast(colour, THEMES[name].surface) >= 3, colour


def test_every_colour_of_the_page_is_there_twice() -> None:
    assert "  --page: light-dark(#f5f6f8, #0d1218);" in css_variables().splitlines()
    assert len(set(theme.CATEGORIES)) == len(theme.CATEGORIES) >= 13
