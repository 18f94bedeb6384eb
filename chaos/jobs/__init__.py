"""The jobs that scenarios run: those of `plain`, further ones for single scenarios, and the same for stock arq."""
