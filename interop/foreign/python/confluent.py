"""Arguments: bootstrap, topic prefix, records. What this program does is said in interop/README.md."""

import time

import confluent_kafka
import journey
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic


def round_trip(bootstrap, topic, codec, records):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for made in admin.create_topics([NewTopic(topic, journey.PARTITIONS, 1)]).values():
        made.result(journey.SECONDS_MAX)
    produce(bootstrap, topic, codec, records)
    return consume(bootstrap, topic, codec, records)


def produce(bootstrap, topic, codec, records):
    failures = []

    def delivered(error, _message):
        if error is not None:
            failures.append(str(error))

    settings = {"bootstrap.servers": bootstrap, "enable.idempotence": True, "compression.codec": codec, "linger.ms": 20}
    producer = Producer(settings)
    for number in range(records):
        producer.produce(
            topic,
            key=journey.key_of(number),
            value=journey.value_of(number),
            partition=journey.partition_of(number),
            timestamp=journey.TIMESTAMP_MS + number,
            headers=journey.headers_of(number, codec),
            on_delivery=delivered,
        )
    left = producer.flush(journey.SECONDS_MAX)
    if left > 0 or failures:
        raise RuntimeError(f"{left} records were not delivered, failures: {failures[:3]}")


def consume(bootstrap, topic, codec, records):
    settings = {"bootstrap.servers": bootstrap, "group.id": "none: partitions are assigned", "enable.auto.commit": False}
    consumer = Consumer(settings | {"fetch.wait.max.ms": 10})
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(journey.PARTITIONS)])
    check = journey.Check(codec, records)
    read(consumer, check)
    consumer.close()
    return check.count


def member(check, bootstrap, topic, group, protocol):
    settings = {"bootstrap.servers": bootstrap, "group.id": group, "group.protocol": protocol}
    reading = {"enable.auto.commit": False, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 10}
    consumer = Consumer(settings | reading)
    consumer.subscribe([topic])
    read(consumer, check)
    offsets = [TopicPartition(topic, partition, offset) for partition, offset in check.offsets().items()]
    consumer.commit(offsets=offsets, asynchronous=False)
    consumer.close()


def read(consumer, check):
    end = time.monotonic() + journey.SECONDS_MAX
    while check.count < check.wanted and time.monotonic() < end:
        for message in consumer.consume(1000, 0.2):
            if message.error() is not None:
                raise RuntimeError(str(message.error()))
            check.take(
                partition=message.partition(),
                offset=message.offset(),
                key=message.key(),
                value=message.value(),
                timestamp=message.timestamp()[1],
                headers=message.headers(),
            )


version = f"{confluent_kafka.version()} (librdkafka {confluent_kafka.libversion()[0]})"
journey.main("confluent-kafka", version, round_trip, member, ["classic", "consumer"])
