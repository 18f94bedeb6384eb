"""A job's context is found wherever it stands and however it is annotated, and nothing else is taken for one."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, ForwardRef

import pytest

from monarq.shared.calls.signature import read_signature

CONTEXTS = """
    from __future__ import annotations

    import decimal
    from typing import TYPE_CHECKING, Annotated, NewType, Optional

    import monarq as m
    from monarq import Context as C, job

    if TYPE_CHECKING:
        import monarq as typed
        from monarq import Context as Typed
        from click import Context
        from .elsewhere import Context as Other

    Own = NewType("Own", m.Context)

    @job
    async def first(ctx: C, x: int) -> None: ...
    @job
    async def second(x: int, ctx: m.Context) -> None: ...
    @job
    async def keyword(x: int, *, ctx: C | None = None) -> None: ...
    @job
    async def optional(x: int, ctx: Optional[m.Context] = None) -> None: ...
    @job
    async def annotated(x: int, ctx: Annotated[C, "run"]) -> None: ...
    @job
    async def quoted(x: int, ctx: "C | None") -> None: ...
    @job
    async def own(x: int, ctx: Own) -> None: ...
    @job
    async def typed_only(x: int, ctx: Typed, y: int = 1) -> None: ...
    @job
    async def typed_module(x: int, ctx: typed.Context | None) -> None: ...
    @job
    async def position(x: int, ctx: C, /) -> None: ...

    @job
    async def decimals(x: int, context: decimal.Context | None = None) -> None: ...
    @job
    async def clicks(x: int, context: Context | None = None) -> None: ...
    @job
    async def others(x: int, context: Other | None = None) -> None: ...
    """


WITH_CONTEXT = (
    *("first", "second", "keyword", "optional", "annotated", "quoted", "own"),
    *("typed_only", "typed_module", "position"),
)


def test_the_context_is_found_at_any_position(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "contexts_of_all_kinds.py").write_text(textwrap.dedent(CONTEXTS))
    monkeypatch.syspath_prepend(str(tmp_path))
    module = __import__("contexts_of_all_kinds")
    for name in ("decimals", "clicks", "others"):
        found = getattr(module, name)
        assert (name, found.takes_context) == (name, False)
        found.check_arguments((1, None), {})
    for name in WITH_CONTEXT:
        found = getattr(module, name)
        assert (name, found.takes_context) == (name, True)
        found.check_arguments((1,), {})
        found.check_arguments((), {"x": 1}) if name != "position" else None
        with pytest.raises(TypeError):
            found.check_arguments((1, 2), {"y": 3})
        with pytest.raises(TypeError):
            found.check_arguments((1,), {"ctx": None})


def test_without_source_the_name_has_to_do() -> None:
    """A module that was compiled and shipped without its source, say."""
    code = """
        from __future__ import annotations
        from monarq import job
        @job
        async def one(x: int, ctx: Context | None) -> None: ...
        @job
        async def two(x: int, ctx: typing.Optional[monarq.Context]) -> None: ...
        @job
        async def three(x: int, ctx: dict[str, Context]) -> None: ...
        print(one.takes_context, two.takes_context, three.takes_context)
        """
    told = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert told.stdout == "True True False\n"


@pytest.mark.parametrize(("annotation", "expected"), [("Context", "ctx"), ("m.Context | None", "ctx"), ("Later", None)])
def test_an_annotation_that_is_evaluated_later_is_read_as_a_quoted_one(annotation: str, expected: str | None) -> None:
    """From Python 3.14 on, what names nothing yet is a `ForwardRef`."""
    namespace: dict[str, Any] = {}
    exec("async def run(ctx, x): ...", namespace)
    run = namespace["run"]
    run.__annotations__ = {"ctx": ForwardRef(annotation), "x": ForwardRef("int"), "return": ForwardRef("Later")}
    signature = read_signature(run)
    assert (signature.context and signature.context.keyword) == expected
    assert "x: int" in str(signature)
