"""`Setting`: one row of the table of settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from monarq.shared.settings.kinds import Kind


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting. It has the same name in pyproject.toml, the environment, command line options and programs.

    Attributes:
        section: its section of pyproject.toml below ``tool.monarq``; '' for ``tool.monarq`` itself.
        name: its name there.
        kind: the values that it accepts.
        built_in: a description of its built-in value.
        meaning: what it does, in a sentence or two; the help of its option begins with this.
        option: its command line option, with its short form first, as in "-c, --concurrency"; '' if it has none.
        in_defaults: whether it is also part of `Defaults`, and so of an App or a settings class.
        is_secret: whether it is read from the environment only.
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
        """Its command line option as typed; '' if it has none."""
        return self.option.split(", ")[-1].partition("/")[0]

    @property
    def place(self) -> str:
        """Its section and name in pyproject.toml."""
        return f"[tool.monarq{self.section and '.'}{self.section}] {self.name}"

    def read(self, value: Any, name: str = "") -> Any:
        """Checks a value and returns it as the code uses it.

        Args:
            value: the given value.
            name: its name in the place where it was given, for the error. Default: its own name.

        Raises:
            SettingsError: the setting does not accept it.
        """
        return self.kind.read(value, name or self.name)
