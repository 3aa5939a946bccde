"""`oneshot policy check`: all mistakes of a `.oneshot.toml` at once, or what the file amounts to."""

import click

from oneshot_dagster.domain.errors import BadInput


@click.group()
def policy() -> None:
    """Check a policy file."""


@policy.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
def check(file: str) -> None:
    """Read FILE (- for stdin) as a policy; exit 1 with a line for each mistake."""
    from oneshot_dagster.domain.policy import PolicyErrors, effective_mode, parse_policy
    from oneshot_dagster.domain.run import Mode

    try:
        with click.open_file(file, "rb") as opened:
            found = parse_policy(opened.read().decode())
    except UnicodeDecodeError as error:
        raise BadInput(tried=f"read {file}", found=f"no UTF-8 at byte {error.start}", do="save it so") from None
    except PolicyErrors as error:
        for mistake in error.mistakes:
            key = f"{mistake.key} " if mistake.key else ""
            click.echo(f"{file}:{mistake.line}: {key}{mistake.problem}", err=True)
        raise SystemExit(1) from None
    mode, why = effective_mode(found, Mode.MERGE)
    said = "; nothing merges by itself without [deploy] and [verify]" if why == "no_verification_policy" else ""
    click.echo(f"{file} is a policy: mode {mode}{said}")
