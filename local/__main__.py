"""The commands behind the Makefile: digest, backfill, profile, open, up, down, logs."""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from arxiv_digest.adapters.archive import PROFILE_KEY, PROFILES_PREFIX, place_of
from arxiv_digest.adapters.settings import addresses
from arxiv_digest.firings import eastern_date, refuse_unfinished
from arxiv_digest.migrations import DIGEST
from arxiv_digest.profile import load_profile
from local import building, day, emulator, feeds, onboarding, sam, serving, stack
from local.emulator import HOME, ROOT
from local.options import (
    Categories,
    Out,
    Source,
    categories_of,
    feeds_served,
    listed,
    profile_errors,
    profile_files,
    profile_text,
    say,
    writing,
)

SECRET = "arxiv-digest/llm"  # noqa: S105
LOG = HOME / "functions.log"

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)
app.add_typer(onboarding.app, name="profile")

Date = Annotated[
    str, typer.Option(envvar="DATE", help="the announcement date to rebuild, e.g. 2026-01-22")
]
ExportApiUrl = Annotated[
    str,
    typer.Option(envvar="EXPORT_API_URL", help="asked for categories without a kept feed"),
]
Mail = Annotated[bool, typer.Option(envvar="MAIL", help="mail the digest of the rebuilt day")]
Port = Annotated[
    int, typer.Option(envvar="PORT", min=0, max=65535, help="where to listen; 0 is a free port")
]
ProfileFile = Annotated[
    Path,
    typer.Option(
        envvar="PROFILE",
        help="the profile to use, or a folder of <name>.yaml",
        show_default="profile.yaml",
    ),
]
Recipients = Annotated[str, typer.Option(envvar="RECIPIENTS", help="addresses, by commas")]
Sender = Annotated[str, typer.Option(envvar="SENDER", help="the sender's address")]
BaseUrl = Annotated[
    str, typer.Option(envvar="LLM_BASE_URL", help="an OpenAI-compatible API; empty is OpenAI's")
]
Model = Annotated[
    str, typer.Option(envvar="LLM_MODEL", help="the model that scores; empty is the local scorer")
]
Patience = Annotated[
    float, typer.Option(envvar="PATIENCE", help="seconds to wait for scores before the deadline")
]


@app.command()
def digest(
    source: Source = "live",
    out: Out = Path("digests"),
    profile: ProfileFile = ROOT / "profile.yaml",
    categories: Categories = "",
    recipients: Recipients = "reader@example.org",
    sender: Sender = "digest@example.org",
    llm_base_url: BaseUrl = "",
    llm_model: Model = "",
    patience: Patience = 900,
) -> None:
    """Make one day's digest on this machine, from the feeds to the mail.

    An API key is read from the environment variable LLM_API_KEY.
    """
    _refuse_nameless(llm_base_url, llm_model)
    profiles = _profiles(profile, listed(categories))
    readers = _addresses(recipients)
    with feeds_served(source, profiles) as base_url:
        with writing("OUT"):
            out.mkdir(parents=True, exist_ok=True)
        with emulator.alone(), emulator.running() as running:
            deployed = _deploy(running, base_url, recipients, sender, llm_base_url, llm_model)
            day.carry_days_over(deployed, out, say)
            _make(deployed, profiles, {}, out, readers, patience)


@app.command()
def backfill(
    date: Date = "",
    out: Out = Path("digests"),
    profile: ProfileFile = ROOT / "profile.yaml",
    categories: Categories = "",
    export_api_url: ExportApiUrl = feeds.EXPORT_API,
    mail: Mail = False,
    recipients: Recipients = "reader@example.org",
    sender: Sender = "digest@example.org",
    llm_base_url: BaseUrl = "",
    llm_model: Model = "",
    patience: Patience = 900,
) -> None:
    """Rebuild a past day's digest: from feeds kept in OUT/raw, otherwise by submission time.

    An API key is read from the environment variable LLM_API_KEY.
    """
    _refuse_nameless(llm_base_url, llm_model)
    past = _past(date)
    profiles = _profiles(profile, listed(categories))
    readers = _addresses(recipients)
    with writing("OUT"):
        out.mkdir(parents=True, exist_ok=True)
    with emulator.alone(), emulator.running() as running:
        deployed = _deploy(
            running, feeds.LIVE, recipients, sender, llm_base_url, llm_model, export_api_url
        )
        day.carry_feeds_over(deployed, out, past)
        day.carry_days_over(deployed, out, say)
        wanted = categories_of(profiles)
        kept = day.kept_feeds(deployed, past, wanted)
        missing = [category for category in wanted if category not in kept]
        say(f"kept feeds of {past}: {' '.join(kept) or 'none'}")
        if missing:
            say(f"no feed is kept of {' '.join(missing)}: {export_api_url} is asked, page by page")
        event = {"firing": "backfill", "date": past.isoformat(), "mail": mail}
        _make(deployed, profiles, event, out, readers, patience)


@app.command("open")
def show(out: Out = Path("digests"), port: Port = 0) -> None:
    """Show the archive below OUT in the browser, until Ctrl-C."""
    if not (out / "index.html").is_file():
        raise typer.BadParameter(
            f"there is no archive in {out}; `make digest SOURCE=sample` makes one, and OUT says"
            " where it is"
        )
    try:
        with serving.archive_served(out, port) as address, suppress(KeyboardInterrupt):
            say(f"{address}/ is the archive in {out}, for this machine alone; Ctrl-C ends it")
            webbrowser.open(f"{address}/")
            threading.Event().wait()
    except OSError as problem:
        raise typer.BadParameter(
            f"PORT {port} cannot be used ({problem.strerror}); choose another, or none"
        ) from None


@app.command()
def up(
    recipients: Recipients = "reader@example.org",
    sender: Sender = "digest@example.org",
    llm_base_url: BaseUrl = "",
    llm_model: Model = "",
) -> None:
    """Start the emulator, deploy the stack, and leave both running."""
    with emulator.alone():
        running = emulator.remembered()
        if running is None:
            running = emulator.start(HOME / "run", port=4566 if _free(4566) else 0)
            emulator.remember(running)
        deployed = _deploy(running, feeds.LIVE, recipients, sender, llm_base_url, llm_model)
    say("")
    for name, value in deployed.outputs.items():
        say(f"  {name}: {value}")
    say("\nTo talk to it:")
    for name, value in running.environment.items():
        say(f"  export {name}={value}")


@app.command()
def down() -> None:
    """Stop the emulator that `up` left running; what it held is gone."""
    running = emulator.remembered()
    if running is None:
        say("no emulator is running")
        return
    running.stop()
    emulator.forget()
    say("stopped")


@app.command()
def logs() -> None:
    """Print what the functions logged: of the running emulator, or of the last digest."""
    running = emulator.remembered()
    if running:
        say("\n".join(day.logged(stack.Stack(running))))
    elif LOG.exists():
        say(LOG.read_text("utf-8"))
    else:
        say("nothing was logged yet; run `make digest` first")


def _make(
    deployed: stack.Stack,
    profiles: Mapping[str, str],
    event: Mapping[str, Any],
    out: Path,
    readers: tuple[str, ...],
    patience: float,
) -> None:
    """Run the day of an event on a stack, save what came of it, and say so.

    ``profiles`` are texts by name, the single one's empty.
    """
    s3 = deployed.client("s3")
    for name, text in profiles.items():
        key = f"{PROFILES_PREFIX}{name}.yaml" if name else PROFILE_KEY
        s3.put_object(Bucket=deployed.outputs["Bucket"], Key=key, Body=text.encode())
    try:
        date = day.run_day(deployed, say, patience, event, list(profiles))
        saved = day.save(deployed, out)
    finally:
        LOG.write_text("\n".join(day.logged(deployed)) + "\n", "utf-8")
    for name, text in profiles.items():
        own = load_profile(text).recipients
        recipients = own if own is not None else (() if name else readers)
        _tell(deployed, out / place_of(name), name, date, recipients, saved)


def _tell(
    deployed: stack.Stack,
    place: Path,
    name: str,
    date: dt.date,
    recipients: Sequence[str],
    saved: Sequence[Path],
) -> None:
    """Say what came of one profile's day."""
    made = place / str(date) / "digest.json"
    say("")
    if name:
        say(f"profile {name}:")
    if not made.is_file():
        say("there is no digest; `make logs` shows why")
        return
    for line in day.summary(DIGEST.read(made.read_bytes(), str(made))):
        say(line)
    for recipient, state in day.mail_states(deployed, date, recipients, name).items():
        say(f"mail to {recipient}: {state}")
    say("")
    for file in saved:
        mail = file.suffix == ".eml" and file.is_relative_to(place)
        if file.parent == made.parent or mail or file == place / "index.html":
            say(f"  {file}")


def _past(date: str) -> dt.date:
    try:
        past = dt.date.fromisoformat(date)
    except ValueError:
        what = f"{date!r} is no date" if date else "a date is needed"
        raise typer.BadParameter(
            f"{what}; DATE names the announcement date to rebuild, such as DATE=2026-01-22"
        ) from None
    try:
        refuse_unfinished(past, eastern_date(dt.datetime.now(dt.UTC)))
    except ValueError as problem:
        raise typer.BadParameter(f"DATE: {problem}") from None
    return past


def _refuse_nameless(llm_base_url: str, llm_model: str) -> None:
    if llm_base_url and not llm_model:
        raise typer.BadParameter("LLM_BASE_URL needs LLM_MODEL, the name of the model to ask")


def _deploy(
    running: emulator.Emulator,
    base_url: str,
    recipients: str,
    sender: str,
    llm_base_url: str,
    llm_model: str,
    export_api_url: str = feeds.EXPORT_API,
) -> stack.Stack:
    template = building.build(say)
    parameters = {
        "SenderAddress": sender,
        "Recipients": recipients,
        "FeedBaseUrl": base_url,
        # arXiv itself is asked once in three seconds at most, whatever is said here.
        "FeedInterval": "0",
        "ExportApiUrl": export_api_url,
        "LlmBaseUrl": llm_base_url,
        "LlmModel": llm_model,
        "LlmSecretName": SECRET if llm_model else "",
    }
    say(f"deploying it to the emulator at {running.url}")
    deployed = stack.deploy(running, template, parameters)
    if llm_model:
        _keep_key(deployed, os.environ.get("LLM_API_KEY") or "none")
    return deployed


def _keep_key(deployed: stack.Stack, key: str) -> None:
    secrets = deployed.client("secretsmanager")
    try:
        secrets.create_secret(Name=SECRET, SecretString=key)
    except secrets.exceptions.ResourceExistsException:
        secrets.put_secret_value(SecretId=SECRET, SecretString=key)


def _addresses(recipients: str) -> tuple[str, ...]:
    try:
        return addresses(recipients)
    except ValueError as problem:
        raise typer.BadParameter(f"RECIPIENTS: {problem}") from None


def _profiles(place: Path, categories: list[str]) -> dict[str, str]:
    """The profiles' texts by name, checked, and narrowed to some categories if any are named."""
    with profile_errors():
        files = profile_files(place).items()
        return {name: profile_text(name, file, categories) for name, file in files}


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def main() -> None:
    """Run a command; what can go wrong is one clear message."""
    # Ended from outside, a command still stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    # A profile or a proxy of the shell is about the real AWS.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    try:
        app(standalone_mode=True)
    except (sam.StackError, emulator.EmulatorError) as problem:
        typer.echo(f"error: {problem}", err=True)
        sys.exit(1)
    except (stack.FunctionError, BotoCoreError, ClientError) as problem:
        typer.echo(f"error: {problem}", err=True)
        typer.echo("`make logs` shows what the functions logged", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
