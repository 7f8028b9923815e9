/** What settings do, in a sentence or two: for DescribeConfigs with documentation, and loaded for nothing else. */

/** Null for keys that have no documentation here. */
export function documentationOf(kind: string, name: string): string | null {
  return TABLES[kind]?.[name] ?? null
}

type Sentences = { readonly [key: string]: string }

const TOPIC: Sentences = {
  'cleanup.policy':
    'What happens to old segments: "delete" drops them by age and size, "compact" keeps the newest record of each key, both do both, and an empty list keeps everything.',
  'compression.gzip.level': 'The effort of gzip where the broker compresses, 1 to 9, or -1 for its default.',
  'compression.lz4.level': 'The effort of lz4 where the broker compresses.',
  'compression.type': 'How batches are kept: "producer" as they come, "uncompressed", or with the codec named.',
  'compression.zstd.level': 'The effort of zstd where the broker compresses.',
  'delete.retention.ms':
    'How long tombstones stay readable in a compacted topic after the first compaction that met them.',
  'file.delete.delay.ms': 'How long the files of a deleted segment stay on the disk.',
  'flush.messages':
    'A sync is forced after this many records. Records written with acks=all are synced before they are acknowledged in any case.',
  'flush.ms': 'A sync is forced after this time.',
  'follower.replication.throttled.replicas': 'Replicas (partition:broker, or * for all) whose fetching is throttled.',
  'index.interval.bytes': 'Roughly how many bytes of log lie between two entries of the offset index.',
  'internal.segment.bytes': 'Replaces segment.bytes, and may be smaller; for tests.',
  'leader.replication.throttled.replicas': 'Replicas (partition:broker, or * for all) to which sending is throttled.',
  'local.retention.bytes': 'The size kept on local disks of a tiered topic; -2 for retention.bytes.',
  'local.retention.ms': 'The age kept on local disks of a tiered topic; -2 for retention.ms.',
  'max.compaction.lag.ms': 'A record is considered by compaction after this time at the latest.',
  'max.message.bytes': 'The largest record batch, after compression.',
  'message.timestamp.after.max.ms': "How far ahead of the broker's clock a record's own timestamp may be.",
  'message.timestamp.before.max.ms': "How far behind the broker's clock a record's own timestamp may be.",
  'message.timestamp.type': "CreateTime keeps the producer's timestamp, LogAppendTime replaces it by the broker's.",
  'min.cleanable.dirty.ratio': 'Compaction waits until this share of the log has not been compacted.',
  'min.compaction.lag.ms': 'A record is left alone by compaction for this time.',
  'min.insync.replicas': 'Writes with acks=all are refused while fewer replicas are in sync.',
  preallocate: 'Whether a new segment takes its whole size on the disk at once.',
  'remote.log.copy.disable': 'Of a tiered topic: nothing more is copied to the remote tier.',
  'remote.log.delete.on.disable': 'Of a tiered topic: remote segments go when tiering is switched off.',
  'remote.storage.enable': 'Tiered storage; it is not there, so only false is accepted.',
  'retention.bytes': 'The oldest segments of a partition go when it is larger than this; -1 for no limit.',
  'retention.ms': 'Segments go when their newest record is older than this; -1 for never.',
  'segment.bytes': 'A segment is closed, and a new one begun, before it is larger than this.',
  'segment.index.bytes': "The largest size of a segment's offset index.",
  'segment.jitter.ms': 'A random time up to this is taken off segment.ms, so that segments do not all roll at once.',
  'segment.ms': 'A segment is closed after this time even when it is small.',
  'unclean.leader.election.enable':
    'Whether a replica that was not in sync may lead when no other is left; records may be lost.',
  'write.caching':
    'Whether a batch counts as replicated before it is synced to the disk: faster, and what was acknowledged may be lost when machines lose power.',
}

const BROKER: Sentences = {
  'advertised.listeners': 'The addresses that clients are told to connect to, where they differ from listeners.',
  'auto.create.topics.enable': 'Whether a topic that a client asks for is created.',
  'broker.id': 'The older name of node.id.',
  'broker.rack': 'The rack, or zone, of this broker: replicas are spread over racks.',
  'connections.max.idle.ms': 'A connection without requests is closed after this time; negative for never.',
  'default.replication.factor': 'The replicas of a topic whose creator did not say how many.',
  'delete.topic.enable': 'Whether topics can be deleted.',
  'fetch.max.bytes': 'The most that one fetch is answered with, except for a single larger batch.',
  'inter.broker.listener.name': 'The listener by which other brokers come.',
  'listener.security.protocol.map': 'The protocol of each listener name.',
  listeners: 'Where the broker listens: NAME://host:port, an empty host for all interfaces.',
  'log.dir': 'The data directory, where log.dirs is not set.',
  'log.dirs': 'The data directories.',
  'log.retention.check.interval.ms': 'How often it is looked for segments that may go.',
  'log.write.caching': 'The write.caching of topics that do not set it.',
  'max.connections': 'The most connections at a time.',
  'max.connections.per.ip': 'The most connections at a time of one address.',
  'max.connections.per.ip.overrides': 'Other limits for some addresses: address:limit.',
  'max.incremental.fetch.session.cache.slots': 'The most fetch sessions that are kept.',
  'max.request.partition.size.limit': 'The most partitions in one answer of DescribeTopicPartitions.',
  'metadata.store':
    'Where cluster metadata is kept: "embedded" in this broker\'s data directory, or etcd://host:port,host:port/prefix.',
  'node.id':
    'The number of this broker in its cluster. Where it is left out: the one in the data directory, else 1 for a broker alone and the next free one in a cluster.',
  'num.partitions': 'The partitions of a topic whose creator did not say how many.',
  'offsets.topic.num.partitions': 'The partitions of __consumer_offsets; not to be changed once it exists.',
  'offsets.topic.replication.factor': 'The replicas of __consumer_offsets.',
  'process.roles': 'broker,controller: here both live in one process.',
  'producer.id.expiration.ms': 'What is known of an idempotent producer is forgotten after this time without records.',
  'queued.max.request.bytes': 'The most bytes of requests that wait to be served.',
  'socket.listen.backlog.size': 'The most connections that wait to be accepted.',
  'socket.request.max.bytes': 'The largest request.',
}

const TABLES: { readonly [kind: string]: Sentences } = { topic: TOPIC, broker: BROKER }
