"""Arguments: bootstrap, topic, partitions. Fills each partition with records numbered from 0 on, idempotently, by librdkafka
through confluent-kafka, until standard input ends; then waits until all are acknowledged. Writes a line for each
acknowledged record: partition, offset, number."""

import sys
import threading
import time

from confluent_kafka import KafkaException, Producer

# Some 10,000 records a second for each partition: a load under which there is always something on its way.
ROUND_RECORDS = 20
ROUND_SECONDS = 0.002
QUEUE_RECORDS_MAX = 2_000
FLUSH_SECONDS_MAX = 60

bootstrap, topic, partitions = sys.argv[1:4]
failures = []
is_over = threading.Event()


def wait_for_end_of_input():
    sys.stdin.read()
    is_over.set()


def failed(error):
    if error.fatal():
        failures.append(str(error))


def delivered(error, message):
    if error is not None:
        failures.append(str(error))
        return
    number = message.value().split(b" ", 1)[0].decode()
    sys.stdout.write(f"{message.partition()} {message.offset()} {number}\n")


producer = Producer(
    {
        "bootstrap.servers": bootstrap,
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 1,
        "batch.num.messages": 50,
        "queue.buffering.max.messages": QUEUE_RECORDS_MAX,
        "message.timeout.ms": 300_000,
        "retry.backoff.ms": 20,
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 100,
        "error_cb": failed,
        "log_level": 0,
    }
)
threading.Thread(target=wait_for_end_of_input, daemon=True).start()
numbers = [0] * int(partitions)
while not is_over.is_set() and not failures:
    for partition in range(len(numbers)):
        for _ in range(ROUND_RECORDS):
            try:
                producer.produce(
                    topic,
                    b"%d %s" % (numbers[partition], b"." * (numbers[partition] % 300)),
                    partition=partition,
                    on_delivery=delivered,
                )
                numbers[partition] += 1
            except BufferError:
                # The broker is away: what waits has to go first.
                producer.poll(0.01)
                break
            except KafkaException as error:
                failures.append(str(error))
    producer.poll(0)
    sys.stdout.flush()
    time.sleep(ROUND_SECONDS)
left = producer.flush(FLUSH_SECONDS_MAX)
sys.stdout.flush()
if left > 0 or failures:
    sys.exit(f"{left} records were not delivered, failures: {failures[:3]}")
