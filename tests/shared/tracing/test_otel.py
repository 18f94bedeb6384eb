"""OpenTelemetry's spans of enqueues, and the context that travels in carriers, whatever a payload holds for one."""

from __future__ import annotations

import pytest
from opentelemetry import baggage, context
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, StatusCode, get_current_span
from opentelemetry.util.types import AttributeValue

from monarq.shared.protocol.queue_ref import DEFAULT_QUEUE
from monarq.shared.tracing.otel import Tracing, extract_context, span_attributes, tracing_for
from monarq.shared.version import VERSION
from tests.support.spans import Exported, attributes

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
def exported() -> Exported:
    return Exported()


@pytest.fixture
def tracing(exported: Exported) -> Tracing:
    return Tracing(exported.provider)


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({}, {}),
        ({"job_id": "one"}, {"messaging.message.id": "one"}),
        ({"job_id": ""}, {"messaging.message.id": ""}),
        ({"count": 3}, {"messaging.batch.message_count": 3}),
        ({"count": 0}, {"messaging.batch.message_count": 0}),
    ],
    ids=repr,
)
def test_an_enqueue_is_a_span_whose_context_is_in_the_carrier(
    exported: Exported, tracing: Tracing, given: dict[str, object], more: dict[str, AttributeValue]
) -> None:
    with tracing.sending(DEFAULT_QUEUE, "send_email", **given) as carrier:  # type: ignore[arg-type]
        trace_id, span_id = tracing.ids()
    [span] = exported.sent
    assert (span.kind, span.status.status_code, span.parent) == (SpanKind.PRODUCER, StatusCode.UNSET, None)
    assert (format(span.context.trace_id, "032x"), format(span.context.span_id, "016x")) == (trace_id, span_id)
    assert carrier["traceparent"].startswith(f"00-{trace_id}-{span_id}-")
    assert attributes(span) == span_attributes("send", DEFAULT_QUEUE, "send_email") | more
    assert (span.instrumentation_scope.name, span.instrumentation_scope.version) == ("monarq", VERSION)  # type: ignore[union-attr]


def test_an_enqueue_within_a_span_is_its_child(exported: Exported, tracing: Tracing) -> None:
    with exported.provider.get_tracer("the user's").start_as_current_span("request") as request:
        with tracing.sending(DEFAULT_QUEUE, "send_email"):
            pass
        assert get_current_span() is request
    [span] = exported.sent
    assert span.parent == request.get_span_context()


def test_an_error_is_recorded_and_goes_on(exported: Exported, tracing: Tracing) -> None:
    with pytest.raises(ConnectionError, match="gone"), tracing.sending(DEFAULT_QUEUE, "send_email"):
        raise ConnectionError("gone")
    [span] = exported.sent
    assert (span.status.status_code, attributes(span)["error.type"]) == (StatusCode.ERROR, "ConnectionError")
    assert [event.name for event in span.events] == ["exception"]


def test_the_attributes_of_all_spans() -> None:
    assert span_attributes("process", "emails", "send_email") == {
        "messaging.system": "monarq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "emails",
        "monarq.job.name": "send_email",
    }


def test_without_a_span_there_are_no_ids_and_no_context(tracing: Tracing) -> None:
    assert tracing.ids() == ("", "")
    assert tracing.inject() == {}


def test_what_was_injected_is_current_where_it_is_attached(tracing: Tracing) -> None:
    token = context.attach(baggage.set_baggage("tenant", "acme"))
    try:
        with tracing.sending(DEFAULT_QUEUE, "send_email") as carrier:
            sent = tracing.ids()
    finally:
        context.detach(token)
    with tracing.attach(carrier):
        assert tracing.ids() == sent
        assert baggage.get_baggage("tenant") == "acme"
        assert tracing.inject() == carrier
    assert tracing.ids() == ("", "")
    assert baggage.get_baggage("tenant") is None


def test_an_attached_context_is_left_also_by_an_error(tracing: Tracing) -> None:
    with pytest.raises(KeyError, match=SPAN), tracing.attach({"traceparent": PARENT}):
        raise KeyError(*tracing.ids())
    assert tracing.ids() == ("", "")


@pytest.mark.parametrize(
    "carrier",
    [None, "text", b"x", 5, [], [["traceparent", PARENT]], {}, {"traceparent": "no"}, {"traceparent": 5}, {5: PARENT}],
    ids=repr,
)
def test_what_is_no_carrier_makes_an_empty_context(tracing: Tracing, carrier: object) -> None:
    assert extract_context(carrier) == Context()
    with tracing.sending(DEFAULT_QUEUE, "outer"), tracing.attach(carrier):
        assert tracing.ids() == ("", ""), "what is current here is not the job's"


@pytest.mark.parametrize("more", [{5: "x"}, {"tracestate": 5}, {"baggage": None}, {"\ud800": "x"}], ids=repr)
def test_of_a_carrier_only_texts_are_read(more: dict[object, object]) -> None:
    current = get_current_span(extract_context({"traceparent": PARENT, **more})).get_span_context()
    assert (format(current.trace_id, "032x"), format(current.span_id, "016x")) == (TRACE, SPAN)


def test_a_provider_has_one_tracing() -> None:
    first, second = Exported().provider, Exported().provider
    assert tracing_for(first) is tracing_for(first)
    assert tracing_for(first) is not tracing_for(second)
