"""What of its pieces a script gets: the functions that it uses, and those that these use."""

from __future__ import annotations

from monarq.shared.redis.script_parts import join_used, words_of

PIECE = """-- piece: some functions; unused is one of them.
local LIMIT = 5

local function used()
    -- It does not call commented.
    if LIMIT then
        return needed()
    end
end

local function needed()
    local function inner()
        return 1
    end
    return inner()
end

local function commented()
    return 2
end

local function unused()
    return unused()
end
"""


def test_a_script_gets_the_functions_that_it_uses_and_those_that_these_use() -> None:
    joined = join_used([PIECE], "return used()\n")
    assert "function used()" in joined
    assert "function needed()" in joined
    assert "local LIMIT = 5" in joined
    assert joined.endswith("return used()\n")


def test_a_function_that_only_comments_or_itself_name_is_left_out() -> None:
    joined = join_used([PIECE], "return used()\n")
    assert "function commented()" not in joined
    assert "function unused()" not in joined


def test_what_stands_outside_of_functions_keeps_what_it_names() -> None:
    assert "function needed()" in join_used([f"{PIECE}\nlocal first = needed()\n"], "return 1\n")


def test_the_words_of_a_text_are_not_those_of_its_comments() -> None:
    assert words_of("local a = b -- c\n    -- d\n") == {"local", "a", "b", "c"}
