"""What the Python programs share: which records go in, how those that come out are checked, and the line that is printed."""

import json
import sys

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
PARTITIONS = 3
TIMESTAMP_MS = 1_700_000_000_000
SECONDS_MAX = 30


def partition_of(number):
    return number % PARTITIONS


def key_of(number):
    return b"key %d" % (number % 7)


def value_of(number):
    """Every tenth is a tombstone."""
    return None if number % 10 == 7 else f"value {number} λόγος {'.' * (number % 300)}".encode()


def headers_of(number, codec):
    return [("number", str(number).encode()), ("codec", codec.encode())]


class Check:
    """Takes records of any partition as they come; each must be its partition's next."""

    def __init__(self, codec):
        self.codec = codec
        self.next = list(range(PARTITIONS))
        self.count = 0

    def take(self, *, partition, offset, key, value, timestamp, headers):
        number = self.next[partition]
        came = (offset, key, value, timestamp, list(headers or []))
        sent = (
            number // PARTITIONS,
            key_of(number),
            value_of(number),
            TIMESTAMP_MS + number,
            headers_of(number, self.codec),
        )
        if came != sent:
            raise AssertionError(f"record {number}, which was sent as {sent}, came as {came}")
        self.next[partition] += PARTITIONS
        self.count += 1


def main(client, version, round_trip):
    """Runs `round_trip(bootstrap, topic, codec, records)`, which answers how many came back, for each codec."""
    bootstrap, prefix, records = sys.argv[1], sys.argv[2], int(sys.argv[3])
    said = {"client": client, "version": version, "produced": 0, "consumed": 0, "ok": True}
    for codec in CODECS:
        try:
            said["consumed"] += round_trip(bootstrap, f"{prefix}-{codec}", codec, records)
            said["produced"] += records
        except Exception as error:
            said |= {"ok": False, "error": f"{codec}: {error!r}"}
            break
    print(json.dumps(said), flush=True)
