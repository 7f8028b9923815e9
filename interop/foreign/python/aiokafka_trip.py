"""Arguments: bootstrap, topic prefix, records. What this program does is said in interop/README.md."""

import asyncio

import aiokafka
import journey
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


def round_trip(bootstrap, topic, codec, records):
    return asyncio.run(asyncio.wait_for(trip(bootstrap, topic, codec, records), journey.SECONDS_MAX))


async def trip(bootstrap, topic, codec, records):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, journey.PARTITIONS, 1)])
    await admin.close()
    await produce(bootstrap, topic, codec, records)
    return await consume(bootstrap, topic, codec, records)


async def produce(bootstrap, topic, codec, records):
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        enable_idempotence=True,
        compression_type=None if codec == "none" else codec,
        linger_ms=20,
    )
    async with producer:
        sent = [
            await producer.send(
                topic,
                key=journey.key_of(number),
                value=journey.value_of(number),
                partition=journey.partition_of(number),
                timestamp_ms=journey.TIMESTAMP_MS + number,
                headers=journey.headers_of(number, codec),
            )
            for number in range(records)
        ]
        await asyncio.gather(*sent)


async def consume(bootstrap, topic, codec, records):
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, fetch_max_wait_ms=10)
    partitions = [TopicPartition(topic, partition) for partition in range(journey.PARTITIONS)]
    consumer.assign(partitions)
    check = journey.Check(codec, records)
    async with consumer:
        await consumer.seek_to_beginning(*partitions)
        await read(consumer, check)
    return check.count


def member(check, bootstrap, topic, group, protocol):
    asyncio.run(asyncio.wait_for(live(check, bootstrap, topic, group), journey.SECONDS_MAX))


async def live(check, bootstrap, topic, group):
    settings = {"group_id": group, "enable_auto_commit": False, "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, fetch_max_wait_ms=10, **settings) as consumer:
        await read(consumer, check)
        offsets = check.offsets().items()
        await consumer.commit({TopicPartition(topic, partition): offset for partition, offset in offsets})


async def read(consumer, check):
    while check.count < check.wanted:
        for messages in (await consumer.getmany(timeout_ms=200)).values():
            for message in messages:
                check.take(
                    partition=message.partition,
                    offset=message.offset,
                    key=message.key,
                    value=message.value,
                    timestamp=message.timestamp,
                    headers=message.headers,
                )


journey.main("aiokafka", aiokafka.__version__, round_trip, member)
