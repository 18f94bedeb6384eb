"""The jobs that scenarios run: those of `plain`, more of them for single scenarios, and the same for stock arq."""
