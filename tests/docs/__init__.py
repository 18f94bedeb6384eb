"""Every code block of the documentation is run, or says why it cannot be.

`python -m tests.docs` runs all of them and prints how each kind was run. How a block is run follows from its language:

| language | how |
|---|---|
| python | in order in one namespace a page, with `await`; one that begins with `# name.py` is written and imported |
| console, sh | what follows `$` runs; what runs until Ctrl-C is stopped when the page ends; shown output must come |
| toml, yaml, json | parsed, and compared with what reads it; with `# name.toml` as its first line also written |
| diff | its new side runs as Python does |
| mermaid | its arrows are read |

A mark is an HTML comment before the block, which readers of the page do not see:

| mark | meaning |
|---|---|
| `<!-- test: parse: REASON -->` | only parsed: options of commands are looked up, Python is compiled |
| `<!-- test: not run: REASON -->` | nothing is done with it |
| `<!-- test: worker ARGUMENTS -->` | `monarq worker ARGUMENTS` runs from here to the end of the page |
| `<!-- test: output -->` | this text is what the block before it printed |
| `<!-- test: fresh -->` | a new namespace begins |
| `<!-- test: setup` and lines of Python `-->` | they run before the block, in its namespace |
"""
