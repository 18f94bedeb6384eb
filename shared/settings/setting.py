"""`Setting`: one row of the table of settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from monarq.shared.settings.kinds import Kind


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: one name in pyproject.toml, the environment, options and programs.

    Attributes:
        section: its section of pyproject.toml below ``tool.monarq``; '' for that one itself.
        name: its name there.
        kind: what values it takes.
        built_in: the value where nobody gives one, in words.
        meaning: what it does: a sentence or two, which its option's help begins with.
        option: its option, with a short form before it, as in "-c, --concurrency"; '' where it has none.
        in_defaults: whether `Defaults` takes it as well, and so an App or a settings class.
        is_secret: whether it is read from the environment alone.
    """

    section: str
    name: str
    kind: Kind
    built_in: str
    meaning: str
    option: str = ""
    in_defaults: bool = False
    is_secret: bool = False

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return "_".join(filter(None, ("MONARQ", self.section.upper(), self.name.upper())))

    @property
    def spelled(self) -> str:
        """Its option as one types it; '' where it has none."""
        return self.option.split(", ")[-1].partition("/")[0]

    @property
    def place(self) -> str:
        """Its section and name in pyproject.toml."""
        return f"[tool.monarq{self.section and '.'}{self.section}] {self.name}"

    def read(self, value: Any, name: str = "") -> Any:
        """Checks a value and returns it as the code uses it.

        Args:
            value: the value as it was given.
            name: what names it where it was given, for the error. Default: its own name.

        Raises:
            SettingsError: it is none that the setting takes.
        """
        return self.kind.read(value, name or self.name)
