"""Arguments: bootstrap, topic, codec, file. Sends the file's lines by librdkafka through confluent-kafka, acks all."""

import sys

from confluent_kafka import Producer

bootstrap, topic, codec, path = sys.argv[1:5]
failures = []


def delivered(error, _message):
    if error is not None:
        failures.append(str(error))


producer = Producer(
    {
        "bootstrap.servers": bootstrap,
        "compression.codec": codec,
        "acks": "all",
        "linger.ms": 20,
        "queue.buffering.max.messages": 1_000_000,
        "queue.buffering.max.kbytes": 1_000_000,
    }
)
with open(path, "rb") as lines:
    for number, line in enumerate(lines):
        producer.produce(topic, line.rstrip(b"\n"), on_delivery=delivered)
        if number % 10_000 == 0:
            producer.poll(0)
left = producer.flush(60)
if left > 0 or failures:
    sys.exit(f"{left} not delivered, failures: {failures[:3]}")
