"""Produces to and reads all partitions of a topic by librdkafka through confluent-kafka: idempotently, and with its
defaults otherwise. Arguments, and what is printed: interop/hosts/steady-commands.ts."""

import json
import sys
import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition

ROUND_SECONDS = 0.02
UNDER_WAY_MAX = 200
OUTPUT = threading.Lock()

bootstrap, topic, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
over = threading.Event()
next_numbers = [0] * count
under_way = [0] * count


def tell(line):
    with OUTPUT:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def tell_record(what, message):
    record = [message.partition(), message.offset(), int(message.value())]
    tell({what: record, "atMs": time.time() * 1000})


def delivered(error, message):
    under_way[message.partition()] -= 1
    if error is None:
        tell_record("acked", message)
    else:
        tell({"failed": str(error)})


def failed(error):
    if error.fatal():
        tell({"failed": f"fatal: {error}"})


def read():
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "assigned-alone", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(count)])
    while True:
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            tell_record("read", message)


def end_of_input():
    sys.stdin.read()
    over.set()


producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all", "error_cb": failed})
threading.Thread(target=end_of_input, daemon=True).start()
threading.Thread(target=read, daemon=True).start()
while not over.is_set():
    for partition in range(count):
        if under_way[partition] < UNDER_WAY_MAX:
            value = str(next_numbers[partition])
            producer.produce(topic, value, partition=partition, on_delivery=delivered)
            next_numbers[partition] += 1
            under_way[partition] += 1
    producer.poll(0)
    time.sleep(ROUND_SECONDS)
while producer.flush(1) > 0:
    pass
tell({"finished": True})
threading.Event().wait()
