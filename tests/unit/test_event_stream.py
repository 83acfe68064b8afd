"""The event stream encoding, read back by botocore's own decoder."""

from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.api import event_stream


@given(st.lists(st.binary(max_size=3000), max_size=5), st.integers(1, 700))
def test_botocore_reads_what_was_written_however_it_is_cut(payloads, size):
    data = b"".join(event_stream.event("PayloadChunk", payload, "text/plain") for payload in payloads)
    buffer = EventStreamBuffer()
    for at in range(0, len(data), size):
        buffer.add_data(data[at : at + size])
    found = list(buffer)
    assert [message.payload for message in found] == payloads
    headers = {":event-type": "PayloadChunk", ":content-type": "text/plain", ":message-type": "event"}
    assert all(message.headers == headers for message in found)
