"""Colours: of the page in the light and in the dark, and of what the figures draw in both.

The lines and areas of the figures keep their colours in either theme, so that a figure is drawn
once and a screenshot of one theme can be compared with one of the other. They stand out from both
surfaces by 3:1 at least, text by 4.5:1 (WCAG 2.2, 1.4.11 and 1.4.3).
"""

from dataclasses import asdict, dataclass
from typing import Any

LIVE, PAPER, BENCHMARK = "#2f7de1", "#c77700", "#7b8794"
GAIN, LOSS = "#1a9a5c", "#d9463f"
REALISED, UNREALISED = "#0f939c", "#a05bd0"
CATEGORIES = (
    "#2f7de1", "#c77700", "#1a9a5c", "#a05bd0", "#d9463f", "#0f939c", "#c2568f", "#7f8c1f",
    "#5a74d8", "#a8723a", "#3f8f7a", "#8c6b9e", "#b5892a", "#4f93b8", "#b0615c", "#6d9440",
)  # fmt: skip
"""What has no meaning but to be told apart: symbols and books."""
OTHER, CASH = "#6b7683", "#8a95a3"
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'


@dataclass(frozen=True)
class Theme:
    """The colours of a page; heat maps go from `fall` over `still` to `rise`, or where neither end
    is a loss from `apart` to `alike`.
    """

    page: str
    surface: str
    text: str
    muted: str
    line: str
    accent: str
    gain: str
    loss: str
    fall: str
    still: str
    rise: str
    apart: str
    alike: str


LIGHT = Theme(
    page="#f5f6f8",
    surface="#ffffff",
    text="#17202b",
    muted="#566270",
    line="#dfe3e8",
    accent="#1d66c4",
    gain="#0b7a43",
    loss="#c02b26",
    fall="#ec8a84",
    still="#f7f7f5",
    rise="#6fc596",
    apart="#e3ad5f",
    alike="#7fb0f0",
)
DARK = Theme(
    page="#0d1218",
    surface="#151c25",
    text="#e6ebf1",
    muted="#9aa6b5",
    line="#2b3643",
    accent="#6aa9f7",
    gain="#43c78b",
    loss="#ff7f76",
    fall="#b83a34",
    still="#1e2731",
    rise="#147545",
    apart="#935800",
    alike="#2768bd",
)
THEMES = {"light": LIGHT, "dark": DARK}


def css_variables() -> str:
    """The custom properties of the page, each with its light and its dark value."""
    dark = asdict(DARK)
    return "\n".join(
        f"  --{name}: light-dark({colour}, {dark[name]});" for name, colour in asdict(LIGHT).items()
    )


def plotly_template(theme: Theme) -> dict[str, Any]:
    """A plotly template: all that differs between the themes, and what all figures share."""
    axis = {
        "gridcolor": theme.line,
        "linecolor": theme.line,
        "zerolinecolor": theme.muted,
        "zerolinewidth": 1,
        "ticks": "outside",
        "ticklen": 5,
        "tickcolor": "rgba(0,0,0,0)",
        "automargin": True,
    }
    scale = [[0, theme.fall], [0.5, theme.still], [1, theme.rise]]
    likeness = [[0, theme.apart], [0.5, theme.still], [1, theme.alike]]
    return {
        "layout": {
            "font": {"family": FONT, "size": 12, "color": theme.text},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(CATEGORIES),
            "colorscale": {"diverging": scale, "sequential": scale, "sequentialminus": scale},
            "coloraxis": {"colorscale": likeness},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {"bgcolor": "rgba(0,0,0,0)"},
            "hoverlabel": {
                "bgcolor": theme.surface,
                "bordercolor": theme.line,
                "font": {"color": theme.text, "family": FONT, "size": 12},
            },
            "modebar": {
                "bgcolor": "rgba(0,0,0,0)",
                "color": theme.muted,
                "activecolor": theme.accent,
            },
            "shapedefaults": {"line": {"color": theme.muted, "width": 1, "dash": "dot"}},
            "annotationdefaults": {"font": {"color": theme.muted, "size": 11}},
        },
        "data": {"heatmap": [{"textfont": {"color": theme.text}}]},
    }
