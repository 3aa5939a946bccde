"""`oneshot doctor`: what works here, what does not, and what to do about it. Each check is a function of doctor_checks."""

import click

from oneshot_dagster.cli import show


@click.command()
def doctor() -> None:
    """What works here, what does not, and what to do; exit 1 where anything does not."""
    from oneshot_dagster.cli.doctor_checks import examine

    findings = examine()
    show.table(
        ("", "what", "found", "what to do"),
        [("ok" if f.ok else "fail", f.name, f.found, f.do) for f in findings],
    )
    if not all(f.ok for f in findings):
        raise SystemExit(1)
