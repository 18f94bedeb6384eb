"""`monarq completion`: prints the shell script that completes monarq's commands and options."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

from monarq.cli.command_line.help import SectionedCommand
from monarq.cli.terminal.console import write_out

SECTIONS: Final = {
    "Examples": """
echo 'eval "$(monarq completion bash)"' >> ~/.bashrc
echo 'eval "$(monarq completion zsh)"' >> ~/.zshrc
monarq completion fish > ~/.config/fish/completions/monarq.fish
""",
}

ZSH_SETUP: Final = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }"
"""Loads zsh's completion where the user's .zshrc has not: without it, the script ends in an error."""


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the completion script for a shell."""
    made = get_completion_class(shell)
    assert made is not None  # click has one for each of these shells
    script = made(context.find_root().command, {}, "monarq", "_MONARQ_COMPLETE").source()
    if shell == "zsh":
        # The first line has to stay the first: it is how zsh knows the script in a folder of its fpath.
        first, _, rest = script.partition("\n")
        script = f"{first}\n{ZSH_SETUP}\n{rest}"
    write_out(f"{script}\n")
    return 0
