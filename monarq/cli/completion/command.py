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


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the completion script for a shell."""
    made = get_completion_class(shell)
    assert made is not None  # click has one for each of these shells
    write_out(made(context.find_root().command, {}, "monarq", "_MONARQ_COMPLETE").source() + "\n")
    return 0
