"""Where an account lives and how it is reached: environment variables and one small file.

    ALCHEMISER_BROKER      embedded (default), paper or live
    ALPACA_API_KEY         the broker's keys, for paper and live
    ALPACA_SECRET_KEY
    ALCHEMISER_LIVE        for live only: the account number, as proof that it is meant
                           (and a file live.arm in the account's folder, see execution.guards)
    ALCHEMISER_STRATEGIES  the folder of strategies (default: strategies/)
    ALCHEMISER_HOME        the account's folder (default: var/<account>)
    ALCHEMISER_TABLES      where published tables lie: a folder, or s3://bucket/prefix with
                           boto3's own settings (default: tables/ in the account's folder)
    ALCHEMISER_SECOND_BARS a bars file to compare the account's bars with every week

Copies for other programs, each made only where it is set (docs/published_tables.md). boto3's own
settings say which AWS account, region or endpoint (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL):

    ALCHEMISER_PUBLISH_LEDGER       a DynamoDB table for trades, lots and signals
    ALCHEMISER_PUBLISH_PERFORMANCE  a DynamoDB table for the books' performance
    ALCHEMISER_PUBLISH_REPORTS      where CSV reports go: s3://bucket/prefix, or a folder

The account's folder holds everything recorded about it: the ledger, the tables, Dagster's own
store, and `account.json`, which says when the account was opened and where its bars come from.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VAR = ROOT / "var"
SYNTHETIC_SEED = 272
"""The synthetic market that accounts are opened on; see `market.synthetic`."""
TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
"""What DynamoDB allows."""


class SettingsError(Exception):
    """A setting that is missing or makes no sense; the message names it."""


class BrokerMode(StrEnum):
    """Which broker orders go to."""

    EMBEDDED = "embedded"
    PAPER = "paper"
    LIVE = "live"


@dataclass(frozen=True)
class AccountFile:
    """`account.json`: facts that are fixed when the account is opened.

    `inception` is the session on whose evening the account was opened: its first signals are of
    that session and its first trades in the next. `bars` is the path of a bars file, None for the
    broker mode's own source (the synthetic market, or Alpaca).
    """

    mode: BrokerMode
    inception: date
    bars: str | None = None
    seed: int = SYNTHETIC_SEED


@dataclass(frozen=True)
class Home:
    """An account's folder and the files in it."""

    path: Path

    @property
    def ledger(self) -> Path:
        """The SQL store of the books."""
        return self.path / "ledger.db"

    @property
    def broker(self) -> Path:
        """The embedded broker's own state."""
        return self.path / "broker.db"

    @property
    def tables(self) -> str:
        """Where the published tables lie, a file per asset and session: a folder or an S3 URL.

        Accounts that share a place have a folder each, by the name of the account's own.
        """
        shared = os.environ.get("ALCHEMISER_TABLES")
        if shared:
            return f"{shared.rstrip('/')}/{self.path.name}"
        return str(self.path / "tables")

    @property
    def downloads(self) -> Path:
        """Parts of a download that has not ended."""
        return self.path / "downloads"

    @property
    def reports(self) -> Path:
        """Pages for people: the tearsheets."""
        return self.path / "reports"

    @property
    def dagster(self) -> Path:
        """Dagster's own store."""
        return self.path / "dagster"

    @property
    def lock(self) -> Path:
        """Held by the one process that trades."""
        return self.path / "trading.lock"

    def account(self) -> AccountFile | None:
        """The account's facts; None before it is opened."""
        file = self.path / "account.json"
        if not file.exists():
            return None
        try:
            raw = json.loads(file.read_text(encoding="utf-8"))
            return AccountFile(
                mode=BrokerMode(raw["mode"]),
                inception=date.fromisoformat(raw["inception"]),
                bars=raw["bars"],
                seed=int(raw["seed"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"{file} is not an account file: {error}") from error

    def open(self, account: AccountFile) -> AccountFile:
        """Write the account's facts, once; returns those that stand."""
        known = self.account()
        if known is not None:
            return known
        self.path.mkdir(parents=True, exist_ok=True)
        facts = asdict(account) | {"inception": account.inception.isoformat()}
        draft = self.path / "account.json.new"
        draft.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        draft.replace(self.path / "account.json")
        return account


def broker_mode() -> BrokerMode:
    """The broker asked for; the embedded one unless a setting says otherwise."""
    raw = os.environ.get("ALCHEMISER_BROKER", BrokerMode.EMBEDDED)
    try:
        return BrokerMode(raw)
    except ValueError as error:
        raise SettingsError(
            f"ALCHEMISER_BROKER: expected embedded, paper or live, was {raw!r}"
        ) from error


def strategies_folder() -> Path:
    """The folder of strategies."""
    return Path(os.environ.get("ALCHEMISER_STRATEGIES", ROOT / "strategies")).resolve()


def second_bars() -> Path | None:
    """The bars file to compare with; None where there is none."""
    raw = os.environ.get("ALCHEMISER_SECOND_BARS")
    return Path(raw).resolve() if raw else None


@dataclass(frozen=True)
class Publishing:
    """Where copies go, None for those that are not made: two DynamoDB tables, and CSV reports."""

    ledger: str | None = None
    performance: str | None = None
    reports: str | None = None


def publishing() -> Publishing:
    """The copies that are asked for. Raises SettingsError for a name that no table can have."""
    asked = Publishing(
        ledger=_table_name("ALCHEMISER_PUBLISH_LEDGER"),
        performance=_table_name("ALCHEMISER_PUBLISH_PERFORMANCE"),
        reports=os.environ.get("ALCHEMISER_PUBLISH_REPORTS") or None,
    )
    if asked.ledger is not None and asked.ledger == asked.performance:
        raise SettingsError(
            "ALCHEMISER_PUBLISH_LEDGER and ALCHEMISER_PUBLISH_PERFORMANCE: expected two tables, "
            f"was {asked.ledger} for both"
        )
    return asked


def _table_name(setting: str) -> str | None:
    name = os.environ.get(setting)
    if name and not TABLE_NAME.fullmatch(name):
        raise SettingsError(
            f"{setting}: expected the name of a DynamoDB table (3 to 255 of A-Z, a-z, 0-9, _, - "
            f"and .), was {name!r}"
        )
    return name or None


def home() -> Home:
    """The account's folder: as set, or the one used last, or the synthetic account's."""
    explicit = os.environ.get("ALCHEMISER_HOME")
    if explicit:
        return Home(Path(explicit).resolve())
    if broker_mode() is not BrokerMode.EMBEDDED:
        return Home(VAR / broker_mode())
    latest = VAR / "latest"
    used = VAR / latest.read_text(encoding="utf-8").strip() if latest.exists() else VAR
    return Home(used if used != VAR and used.exists() else VAR / "synthetic")


def remember(used: Home) -> None:
    """Make `used` the account that the other commands look at, when it is one of ours."""
    if used.path.parent == VAR:
        VAR.mkdir(exist_ok=True)
        (VAR / "latest").write_text(used.path.name + "\n", encoding="utf-8")
