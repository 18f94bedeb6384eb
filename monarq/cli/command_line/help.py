"""Commands with more sections in their help, such as examples, formats and exit codes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import click


class SectionedCommand(click.Command):
    """A command with more sections in its help."""

    def __init__(self, *args: Any, sections: Mapping[str, str], **kwargs: Any) -> None:
        """Takes the arguments of `click.Command`.

        Args:
            args: click's.
            sections: the text of each section, by title.
            kwargs: click's.
        """
        super().__init__(*args, **kwargs)
        self.sections = sections

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click: what comes after the options."""
        write_sections(self.sections, formatter)
        super().format_epilog(ctx, formatter)


class SectionedGroup(click.Group):
    """A group with more sections in its help."""

    def __init__(
        self,
        *args: Any,
        sections: Mapping[str, str],
        aliases: Mapping[str, str] = MappingProxyType({}),
        **kwargs: Any,
    ) -> None:
        """Takes the arguments of `click.Group`.

        Args:
            args: click's.
            sections: see `SectionedCommand`.
            aliases: other names of its commands, not shown in the help.
            kwargs: click's.
        """
        super().__init__(*args, **kwargs)
        self.sections = sections
        self._aliases = aliases

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click: the command of this name or alias."""
        return super().get_command(ctx, self._aliases.get(cmd_name, cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See click: an alias resolves to the command's own name, which messages and environment variables use."""
        name, command, rest = super().resolve_command(ctx, args)
        return (command.name if command else name), command, rest

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click: what comes after the commands."""
        write_sections(self.sections, formatter)
        super().format_epilog(ctx, formatter)


def write_sections(sections: Mapping[str, str], formatter: click.HelpFormatter) -> None:
    """Writes each section with its lines unchanged."""
    for title, text in sections.items():
        with formatter.section(title):
            for line in text.strip("\n").splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{line}".rstrip() + "\n")
