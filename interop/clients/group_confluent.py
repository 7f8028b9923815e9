"""Members of groups by librdkafka through confluent-kafka: one process, as many members as it is told. Arguments:
bootstrap, protocol (classic or consumer, which is KIP-848 and needs librdkafka 2.12). Commands and what is printed:
interop/groups/member-process.ts. Each member polls in a thread of its own."""

import json
import queue
import sys
import threading

from confluent_kafka import Consumer, KafkaException

OUTPUT = threading.Lock()


def tell(line):
    with OUTPUT:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


class Member(threading.Thread):
    def __init__(self, bootstrap, command):
        super().__init__(daemon=True)
        self.name = command["member"]
        self.commands = queue.Queue()
        self.topics = command["topics"]
        self.consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": command["group"],
                "client.id": self.name,
                "topic.metadata.refresh.interval.ms": command["metadataAgeMs"],
                "auto.commit.interval.ms": 50,
                "auto.offset.reset": "earliest",
                # Stored once it is told: else a record may be committed that a killed process never told of.
                "enable.auto.offset.store": False,
                "fetch.wait.max.ms": 100,
                "reconnect.backoff.max.ms": 200,
                **self.protocol(command),
            }
        )

    @staticmethod
    def protocol(command):
        if sys.argv[2] == "consumer":
            return {"group.protocol": "consumer", "group.remote.assignor": command["assignor"]}
        return {
            "partition.assignment.strategy": command["assignor"],
            "session.timeout.ms": command["sessionTimeoutMs"],
            "heartbeat.interval.ms": command["heartbeatMs"],
        }

    def run(self):
        self.consumer.subscribe(self.topics)
        while self.obey():
            message = self.consumer.poll(0.05)
            if message is None or message.error() is not None:
                continue
            place = [message.topic(), message.partition(), message.offset()]
            tell({"member": self.name, "record": place + [message.value().decode()]})
            self.store(message)
        self.consumer.close()
        tell({"member": self.name, "left": True})

    def store(self, message):
        try:
            self.consumer.store_offsets(message)
        except KafkaException:
            pass  # The partition was taken away meanwhile: its next owner gets the record too.

    def obey(self):
        """Whether the member goes on."""
        while not self.commands.empty():
            command = self.commands.get()
            if command["do"] == "leave":
                return False
            self.consumer.subscribe(command["topics"])
        return True


members = {}
for line in sys.stdin:
    command = json.loads(line)
    if command["do"] == "join":
        members[command["member"]] = Member(sys.argv[1], command)
        members[command["member"]].start()
    else:
        members[command["member"]].commands.put(command)
