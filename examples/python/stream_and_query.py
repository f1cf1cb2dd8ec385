#!/usr/bin/env python3
"""Streams positions into a running Hansom and asks who is nearest, without generated code.

The messages come from the server itself, by gRPC reflection. Drivers stand in a row to the east
of a point in the South Atlantic, where nobody else is, so that the right answer is known. Ends
with 1 and says why if the server answers otherwise.

    python3 -m pip install -r examples/python/requirements.txt
    python3 examples/python/stream_and_query.py 127.0.0.1:7400
"""

import argparse
import math
import queue
import sys
import time

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

DRIVERS = 20
STEP_DEG = 0.001
ORIGIN = (-20.0, -10.0)
EARTH_RADIUS_M = 6_371_008.8
PATIENCE_S = 20.0


class Hansom:
    """The methods of hansom.v1, as the server describes them."""

    def __init__(self, channel):
        self._channel = channel
        self._pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))

    def message(self, name):
        """The class of a message of hansom.v1."""
        descriptor = self._pool.FindMessageTypeByName(f"hansom.v1.{name}")
        return message_factory.GetMessageClass(descriptor)

    def method(self, service, name):
        """A method, to be called with one message, or with an iterator of messages."""
        descriptor = self._pool.FindServiceByName(f"hansom.v1.{service}").FindMethodByName(name)
        kinds = {
            (False, False): self._channel.unary_unary,
            (False, True): self._channel.unary_stream,
            (True, False): self._channel.stream_unary,
            (True, True): self._channel.stream_stream,
        }
        make = kinds[descriptor.client_streaming, descriptor.server_streaming]
        return make(
            f"/{descriptor.containing_service.full_name}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(
                descriptor.output_type
            ).FromString,
        )


def driver_id(index):
    return f"python-{index:03}"


def stream_positions(hansom, now_ms):
    """Binds a handle to each driver, sends one batch, and returns the last acknowledgement."""
    request = hansom.message("IngestRequest")
    bind, batch = request(), request()
    for index in range(DRIVERS):
        bind.bind.bindings.add(handle=index, driver_id=driver_id(index))
    batch.batch.sequence = 1
    batch.batch.base_device_time_ms = now_ms
    # One row that is nowhere on the globe: it is rejected by name, those beside it are applied.
    for index in range(DRIVERS):
        batch.batch.handle.append(index)
        batch.batch.lat_e7.append(round(ORIGIN[0] * 1e7))
        batch.batch.lng_e7.append(round((ORIGIN[1] + index * STEP_DEG) * 1e7))
    batch.batch.handle.append(0)
    batch.batch.lat_e7.append(910_000_000)
    batch.batch.lng_e7.append(0)

    # The stream stays open until everything is acknowledged: handles live as long as it.
    requests = queue.SimpleQueue()
    requests.put(bind)
    requests.put(batch)
    answers = hansom.method("DriverService", "Ingest")(
        iter(requests.get, None), timeout=PATIENCE_S
    )
    rejected = []
    for ack in answers:
        rejected += [(row.row, row.reason) for refused in ack.batches for row in refused.rows]
        if ack.messages == 2:
            requests.put(None)
            return ack, rejected
    raise RuntimeError("the stream ended before everything was acknowledged")


def nearest(hansom, k):
    """The k drivers nearest to the origin."""
    question = hansom.message("NearestRequest")(k=k, radius_m=50_000)
    question.position.lat, question.position.lng = ORIGIN
    return hansom.method("ProximityService", "Nearest")(question, timeout=PATIENCE_S)


def distance_m(index):
    """From the origin to a driver, by the haversine formula."""
    half = math.radians(index * STEP_DEG) / 2
    return 2 * EARTH_RADIUS_M * math.asin(math.cos(math.radians(ORIGIN[0])) * math.sin(half))


def mismatches(ack, rejected, answer, k):
    """What is not as it should be."""
    if ack.applied_rows != DRIVERS:
        yield f"{ack.applied_rows} rows were applied, not {DRIVERS}"
    if [row for row, _ in rejected] != [DRIVERS]:
        yield f"the rejected rows are {rejected}, not just row {DRIVERS}"
    found = [hit.driver_id for hit in answer.hits]
    expected = [driver_id(index) for index in range(k)]
    if found != expected:
        yield f"the nearest are {found}, not {expected}"
    for index, hit in enumerate(answer.hits):
        if abs(hit.distance_m - distance_m(index)) > 0.01:
            yield f"{hit.driver_id} is {hit.distance_m} m away, not {distance_m(index)} m"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("target", nargs="?", default="127.0.0.1:7400", metavar="HOST:PORT")
    parser.add_argument("--k", type=int, default=5, choices=range(1, DRIVERS + 1), metavar="1..20")
    arguments = parser.parse_args()
    with grpc.insecure_channel(arguments.target) as channel:
        hansom = Hansom(channel)
        ack, rejected = stream_positions(hansom, time.time_ns() // 1_000_000)
        print(f"streamed {ack.received_rows} rows: {ack.applied_rows} applied, rejected {rejected}")
        answer = nearest(hansom, arguments.k)
    print(f"the {len(answer.hits)} nearest to {ORIGIN}:")
    for hit in answer.hits:
        print(f"  {hit.driver_id}  {hit.distance_m:8.1f} m  {hit.age_ms} ms ago")
    wrong = list(mismatches(ack, rejected, answer, arguments.k))
    for line in wrong:
        print(f"mismatch: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
