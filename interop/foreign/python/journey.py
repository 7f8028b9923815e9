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
    """Takes records of any partition as they come; each must be its partition's next. What comes when it has as many
    as it wants is left alone."""

    def __init__(self, codec, wanted):
        self.codec = codec
        self.wanted = wanted
        self.next = list(range(PARTITIONS))
        self.count = 0

    def offsets(self):
        """By partition, the one behind what was taken."""
        return {partition: number // PARTITIONS for partition, number in enumerate(self.next)}

    def take(self, *, partition, offset, key, value, timestamp, headers):
        if self.count == self.wanted:
            return
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


def in_group(member, protocol, *, bootstrap, topic, codec, records):
    """Two members, one after the other, read half of a topic each; answers how many records both had together."""
    check = Check(codec, records // 2)
    settings = {"bootstrap": bootstrap, "topic": topic, "group": f"{topic}-{protocol}", "protocol": protocol}
    member(check, **settings)
    check.wanted = records
    member(check, **settings)
    return check.count


def main(client, version, round_trip, member, protocols=("classic",)):
    """
    For each codec runs `round_trip(bootstrap, topic, codec, records)`, which answers how many came back, and for each
    protocol twice `member(check, bootstrap, topic, group, protocol)`, which joins the group, hands the check what comes
    until it has what it wants, commits and leaves.
    """
    bootstrap, prefix, records = sys.argv[1], sys.argv[2], int(sys.argv[3])
    said = {"client": client, "version": version, "produced": 0, "consumed": 0, "ok": True}
    said["groups"] = dict.fromkeys(protocols, 0)
    for codec in CODECS:
        try:
            trip = {"bootstrap": bootstrap, "topic": f"{prefix}-{codec}", "codec": codec, "records": records}
            said["consumed"] += round_trip(**trip)
            said["produced"] += records
            for protocol in protocols:
                said["groups"][protocol] += in_group(member, protocol, **trip)
        except Exception as error:
            said |= {"ok": False, "error": f"{codec}: {error!r}"}
            break
    print(json.dumps(said), flush=True)
