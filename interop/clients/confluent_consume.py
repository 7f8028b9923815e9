"""Arguments: bootstrap, topic, partitions, directory. Reads assigned partitions from their beginning to their end by
librdkafka through confluent-kafka, and writes each partition's values, a line each, to a file named by its number."""

import os
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

bootstrap, topic, partitions, directory = sys.argv[1:5]
wanted = range(int(partitions))
consumer = Consumer(
    {
        "bootstrap.servers": bootstrap,
        "group.id": "none: partitions are assigned",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 10,
    }
)
consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in wanted])
files = [open(os.path.join(directory, str(partition)), "wb") for partition in wanted]
at_end = set()
while len(at_end) < len(wanted):
    for message in consumer.consume(10_000, 1.0):
        error = message.error()
        if error is None:
            files[message.partition()].write(message.value() + b"\n")
        elif error.code() == KafkaError._PARTITION_EOF:
            at_end.add(message.partition())
        else:
            sys.exit(str(error))
for file in files:
    file.close()
consumer.close()
