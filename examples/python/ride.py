#!/usr/bin/env python3
"""A rider who asks for a trip and a driver who takes it, from the quote to the fare.

Needs no generated code: the messages come from the server, by gRPC reflection. Says what happens
line by line, and ends with 1 and why if the server answers otherwise than it should.

    python3 -m pip install -r examples/python/requirements.txt
    python3 examples/python/ride.py 127.0.0.1:7400
"""

import argparse
import queue
import sys
import threading
import time
import uuid

import grpc

from stream_and_query import Hansom

PICKUP = (-20.0, -10.0)
DROPOFF = (-20.0, -9.95)
PATIENCE_S = 20.0


class Driver:
    """An app: one stream, positions and commands out, offers and changes in."""

    def __init__(self, hansom, driver_id):
        self._request = hansom.message("ConnectRequest")
        self._out = queue.Queue()
        self._number = 0
        self.log = []
        hello = self._request(hello={"driver_id": driver_id, "status": "DRIVER_STATUS_AVAILABLE"})
        self._out.put(hello)
        self._responses = hansom.method("DriverService", "Connect")(
            iter(self._out.get, None), timeout=PATIENCE_S
        )
        self.report()

    def report(self):
        """Says where the driver is."""
        position = {"lat": PICKUP[0], "lng": PICKUP[1]}
        now_ms = int(time.time() * 1000)
        self._out.put(self._request(position={"position": position, "device_time_ms": now_ms}))

    def command(self, **what):
        """Sends a command; its answer is among the responses."""
        self._number += 1
        self._out.put(self._request(command={"number": self._number, **what}))

    def drive(self):
        """Takes the first trip that is offered and brings its rider; returns the fare."""
        for response in self._responses:
            kind = response.WhichOneof("kind")
            if kind == "answer" and response.answer.HasField("refused"):
                raise RuntimeError(f"refused: {response.answer.refused.message}")
            if kind == "answer" and response.answer.done.HasField("fare"):
                return response.answer.done.fare
            if kind != "event":
                continue
            event = response.event
            what = event.WhichOneof("what")
            self.log.append(what)
            if what == "offer_made":
                self.command(accept_offer_id=event.offer_made.offer_id)
            elif what == "pickup_started":
                self.command(arrive_trip_id=event.trip_id)
            elif what == "driver_arrived":
                self.command(start_trip_id=event.trip_id)
            elif what == "trip_started":
                self.command(complete={"trip_id": event.trip_id})
        raise RuntimeError("the stream has ended before the trip")

    def close(self):
        """Hangs up."""
        self._out.put(None)


def ride(hansom):
    """One trip; raises if it does not go as it should."""
    name = uuid.uuid4().hex[:8]
    driver = Driver(hansom, f"driver-{name}")
    fares = queue.Queue()

    def drive():
        try:
            fares.put(driver.drive())
        except Exception as error:  # told to whoever waits
            fares.put(error)

    thread = threading.Thread(target=drive, daemon=True)
    thread.start()
    places = {
        "pickup": {"lat": PICKUP[0], "lng": PICKUP[1]},
        "dropoff": {"lat": DROPOFF[0], "lng": DROPOFF[1]},
    }
    rider = f"rider-{name}"
    quote = hansom.method("RiderService", "Quote")(
        hansom.message("QuoteRequest")(rider_id=rider, journey=places)
    )
    print(f"{rider} is quoted {quote.fare.minor / 100:.2f} {quote.fare.currency}")
    request = hansom.message("RequestTripRequest")(
        rider_id=rider,
        # Kept until an answer comes: sent again with the same key, it is the same trip.
        request_key=str(uuid.uuid4()),
        journey=places,
        quote_id=quote.quote_id,
        immediate=True,
    )
    trip_id = hansom.method("RiderService", "RequestTrip")(request).trip_id
    # After a cut a client resumes with the last ordinal that it has seen.
    watch = hansom.message("WatchTripRequest")(trip_id=trip_id, after_ordinal=0)
    seen = 0
    for response in hansom.method("RiderService", "WatchTrip")(watch, timeout=PATIENCE_S):
        event = response.event
        if event.ordinal != seen + 1:
            raise RuntimeError(f"event {event.ordinal} after {seen}")
        seen = event.ordinal
        print(f"{trip_id} {event.ordinal} {event.WhichOneof('what')}")
    fare = fares.get(timeout=PATIENCE_S)
    driver.close()
    if isinstance(fare, Exception):
        raise fare
    if fare.minor != quote.fare.minor:
        raise RuntimeError(f"the fare is {fare.minor}, the quote was {quote.fare.minor}")
    print(f"{trip_id} is completed, the fare is the one that was quoted")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", default="127.0.0.1:7400")
    arguments = parser.parse_args()
    with grpc.insecure_channel(arguments.address) as channel:
        try:
            ride(Hansom(channel))
        except (grpc.RpcError, RuntimeError, queue.Empty) as error:
            print(f"ride.py: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
