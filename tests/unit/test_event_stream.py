"""The event stream encoding, read back by botocore's own decoder and by ours."""

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from lambdalab import event_stream


@given(st.lists(st.binary(max_size=3000), max_size=5), st.integers(1, 700))
def test_botocore_reads_what_was_written_however_it_is_cut(payloads, size):
    data = b"".join(event_stream.event("PayloadChunk", payload, "text/plain") for payload in payloads)
    buffer, cut = EventStreamBuffer(), [data[at : at + size] for at in range(0, len(data), size)]
    for piece in cut:
        buffer.add_data(piece)
    headers = {":event-type": "PayloadChunk", ":content-type": "text/plain", ":message-type": "event"}
    for found in (list(buffer), list(event_stream.read(cut))):
        assert [message.payload for message in found] == payloads
        assert all(message.headers == headers for message in found)


@pytest.mark.parametrize("spoilt", [lambda d: d[:-1], lambda d: b"\0" * 12 + d, lambda d: d[:20] + b"x" + d[21:]])
def test_what_is_spoilt_is_refused(spoilt):
    data = event_stream.event("PayloadChunk", b"payload", "text/plain")
    with pytest.raises(ValueError, match="event stream"):
        list(event_stream.read([spoilt(data)]))
