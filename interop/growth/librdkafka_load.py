"""Produces to and reads all partitions of a topic with librdkafka until standard input ends; tells of every error."""

import json
import sys
import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition

bootstrap, topic, partitions, record_bytes, per_second = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
stopping = threading.Event()
errors = []
acknowledged = [[] for _ in range(partitions)]
read = [[] for _ in range(partitions)]
longest_gap = [0.0]
padding = "." * record_bytes


def on_error(error):
    # What librdkafka mends by itself, as it says: a broker that has gone is not an error of the application's.
    if error.fatal():
        errors.append(str(error))


def on_delivery(error, message):
    if error is not None:
        errors.append(str(error))
        return
    acknowledged[message.partition()].append(int(message.key()))
    now = time.monotonic()
    longest_gap[0] = max(longest_gap[0], now - last[0])
    last[0] = now


last = [time.monotonic()]


def produce():
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all", "error_cb": on_error})
    start, sent = time.monotonic(), 0
    while not stopping.is_set():
        while sent < (time.monotonic() - start) * per_second:
            producer.produce(topic, key=str(sent // partitions), value=padding, partition=sent % partitions, on_delivery=on_delivery)
            sent += 1
        producer.poll(0.02)
    producer.flush(30)


def consume():
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "along", "enable.auto.commit": False, "error_cb": on_error})
    consumer.assign([TopicPartition(topic, i, 0) for i in range(partitions)])
    deadline = None
    while True:
        for message in consumer.consume(1000, 0.2):
            if message.error() is not None:
                errors.append(str(message.error()))
            elif message.key() is not None:
                read[message.partition()].append(int(message.key()))
        if produced.is_set():
            deadline = deadline or time.monotonic() + 30
            if all(len(r) >= len(a) for r, a in zip(read, acknowledged)) or time.monotonic() > deadline:
                break
    consumer.close()


produced = threading.Event()
producing, consuming = threading.Thread(target=produce), threading.Thread(target=consume)
producing.start()
consuming.start()
print("ready", flush=True)
sys.stdin.read()
stopping.set()
producing.join()
produced.set()
consuming.join()
print(
    json.dumps(
        {
            "acknowledged": sum(map(len, acknowledged)),
            "errors": errors[:10],
            "same": read == acknowledged,
            "longestGapMs": round(longest_gap[0] * 1000),
        }
    )
)
