"""Arguments: bootstrap, topic prefix, records. What this program does is said in interop/README.md."""

import time

import journey
import kafka
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.structs import OffsetAndMetadata


def round_trip(bootstrap, topic, codec, records):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(name=topic, num_partitions=journey.PARTITIONS, replication_factor=1)])
    admin.close()
    produce(bootstrap, topic, codec, records)
    return consume(bootstrap, topic, codec, records)


def produce(bootstrap, topic, codec, records):
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        acks="all",
        compression_type=None if codec == "none" else codec,
        linger_ms=20,
    )
    sent = [
        producer.send(
            topic,
            key=journey.key_of(number),
            value=journey.value_of(number),
            partition=journey.partition_of(number),
            timestamp_ms=journey.TIMESTAMP_MS + number,
            headers=journey.headers_of(number, codec),
        )
        for number in range(records)
    ]
    producer.flush(journey.SECONDS_MAX)
    for future in sent:
        future.get(journey.SECONDS_MAX)
    producer.close()


def consume(bootstrap, topic, codec, records):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, fetch_max_wait_ms=10)
    partitions = [TopicPartition(topic, partition) for partition in range(journey.PARTITIONS)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    check = journey.Check(codec, records)
    read(consumer, check)
    consumer.close()
    return check.count


def member(check, bootstrap, topic, group, protocol):
    settings = {"group_id": group, "enable_auto_commit": False, "auto_offset_reset": "earliest"}
    consumer = KafkaConsumer(topic, bootstrap_servers=bootstrap, fetch_max_wait_ms=10, **settings)
    read(consumer, check)
    offsets = check.offsets().items()
    consumer.commit({TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1) for partition, offset in offsets})
    consumer.close()


def read(consumer, check):
    end = time.monotonic() + journey.SECONDS_MAX
    while check.count < check.wanted and time.monotonic() < end:
        for messages in consumer.poll(timeout_ms=200).values():
            for message in messages:
                check.take(
                    partition=message.partition,
                    offset=message.offset,
                    key=message.key,
                    value=message.value,
                    timestamp=message.timestamp,
                    headers=message.headers,
                )


journey.main("kafka-python", kafka.__version__, round_trip, member)
