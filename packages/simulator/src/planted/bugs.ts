/**
 * Known bugs of replicated logs, as edits of our own source text: what the simulator has to find. Each edit names one
 * place by text that occurs there and nowhere else in its file; a test says when one does not fit any more. Who changes
 * such a place changes the edit with it, so that it is the same bug still. Pure data.
 */

export interface Edit {
  /** Below packages/. */
  readonly file: string
  readonly from: string
  readonly to: string
}

export interface PlantedBug {
  readonly name: string
  /** What the broker does wrong, in a sentence. */
  readonly what: string
  readonly edits: readonly Edit[]
}

const FOLLOWER_ROLE = 'broker/src/partition/follower-role.ts'
const REPLICAS = 'broker/src/partition/replicas.ts'
const LOG = 'broker/src/log/log.ts'
const PARTITION = 'broker/src/partition/partition.ts'
const FETCH = 'broker/src/handlers/fetch-operation.ts'
const ISR_PLANS = 'broker/src/metadata/isr-plans.ts'
const LIVENESS = 'broker/src/metadata/liveness-plans.ts'

const DIVERGENCE_BY_OFFSET_ALONE: Edit = {
  file: FETCH,
  from: 'if (end === null || (end.epoch === asked.lastFetchedEpoch && end.endOffset >= asked.fetchOffset)) return null',
  to: 'if (end === null || end.endOffset >= asked.fetchOffset) return null',
}

const CUT_WITHOUT_OWN_EPOCHS: Edit = {
  file: FOLLOWER_ROLE,
  from: 'own?.endOffset ?? this.#host.highWatermark, log.logEndOffset)',
  to: 'log.logEndOffset)',
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'truncation-to-high-watermark',
    what: 'KIP-101: a new follower cuts its log at its own high watermark, which lags, and compares no leader epochs',
    edits: [
      {
        file: FOLLOWER_ROLE,
        from: 'return (log.settings.writeCaching ? log.writtenOffset : log.syncedOffset) === log.logEndOffset',
        to: 'return this.cut === true && log.syncedOffset === log.logEndOffset',
      },
      {
        file: FOLLOWER_ROLE,
        from: '  settled(): Promise<void> {\n    const { log } = this.#host',
        to: `  cut = false
  async settled(): Promise<void> {
    const { log } = this.#host
    await log.synced()
    if (!this.cut) await this.#truncateTo(this.#host.highWatermark)
    this.cut = true`,
      },
      {
        file: FOLLOWER_ROLE,
        from: 'return { fetchOffset, lastFetchedEpoch, logStartOffset',
        to: 'return { fetchOffset, lastFetchedEpoch: -1, logStartOffset',
      },
    ],
  },
  {
    name: 'truncation-by-last-epoch-alone',
    what: 'KIP-279: leader and follower compare where the follower’s last epoch ends, not which epoch both of them have',
    edits: [DIVERGENCE_BY_OFFSET_ALONE, CUT_WITHOUT_OWN_EPOCHS],
  },
  {
    name: 'epoch-unknown-to-the-leader',
    what: 'KIP-279: a follower whose last epoch its leader does not have keeps what it wrote in it',
    edits: [
      {
        file: FETCH,
        from: '  if (end === null || (end.epoch === asked.lastFetchedEpoch &&',
        to: '  if (end === null || end.epoch !== asked.lastFetchedEpoch || (end.epoch === asked.lastFetchedEpoch &&',
      },
    ],
  },
  {
    name: 'stale-replica-joins',
    what: 'KIP-903: the controller takes a replica into the in-sync set that has been started anew since it was in sync',
    edits: [
      {
        file: ISR_PLANS,
        from: ' || (brokerEpoch !== -1 && image.brokers.get(id)!.epoch !== brokerEpoch)',
        to: '',
      },
    ],
  },
  {
    name: 'high-watermark-below-min-isr',
    what: 'KIP-966: what the last replica in sync has alone counts as committed',
    edits: [
      {
        file: REPLICAS,
        from: 'if (this.isUnderMinIsr(minInSyncReplicas)) return -1\n    // Nobody',
        to: '// Nobody',
      },
    ],
  },
  {
    name: 'last-replica-without-its-data',
    what: 'KIP-966: the last replica in sync comes back with an empty disk and is elected all the same',
    edits: [
      {
        file: LIVENESS,
        from: 'const gone = partition.replicas.length > 1 ? lost : []',
        to: 'const gone: number[] = []',
      },
    ],
  },
  {
    name: 'acknowledged-before-sync',
    what: 'The leader counts what it has written as safe before it is synced',
    edits: [
      {
        file: REPLICAS,
        from: 'return Math.max(syncedOffset, Math.min(writtenOffset, unsyncedAllFrom))',
        to: 'return writtenOffset',
      },
      {
        file: REPLICAS,
        from: 'own.syncedOffset < this.#epochStartOffset ? own.syncedOffset : countedEnd(own)',
        to: 'countedEnd(own)',
      },
    ],
  },
  {
    name: 'follower-claims-before-sync',
    what: 'A follower tells its leader that it has what it has not synced',
    edits: [
      {
        file: FOLLOWER_ROLE,
        from: 'return (log.settings.writeCaching ? log.writtenOffset : log.syncedOffset) === log.logEndOffset',
        to: 'return true',
      },
      {
        file: FOLLOWER_ROLE,
        from: 'return log.settings.writeCaching ? log.written() : log.synced()',
        to: 'return log.written()',
      },
    ],
  },
  {
    name: 'high-watermark-ahead',
    what: 'A new leader takes the silence of a follower that has not fetched from it yet for having everything',
    edits: [
      {
        file: REPLICAS,
        from: 'Number.POSITIVE_INFINITY : (this.#followers.get(id)?.syncedOffset ?? -1)',
        to: 'Infinity : (this.#followers.get(id)?.syncedOffset === -1 ? Infinity : this.#followers.get(id)!.syncedOffset)',
      },
    ],
  },
  {
    name: 'smaller-set-counts-at-once',
    what: 'A leader that has proposed to drop followers does not wait for the controller: it commits without them',
    edits: [
      {
        file: REPLICAS,
        from: 'for (const id of this.#set.isr) end = Math.min(end, this.#countedEndOf(id))',
        to: 'for (const id of this.#proposal?.isr.map((one) => one.id) ?? this.#set.isr) end = Math.min(end, this.#countedEndOf(id))',
      },
    ],
  },
  {
    name: 'joins-before-it-has-caught-up',
    what: 'A follower enters the in-sync set with less than what is committed',
    edits: [
      {
        file: REPLICAS,
        from: 'const isThere = follower.syncedOffset >= Math.max(highWatermark, this.#epochStartOffset)',
        to: 'const isThere = follower.syncedOffset >= highWatermark - 3',
      },
    ],
  },
  {
    name: 'deposed-leader-acknowledges',
    what: 'A deposed leader acknowledges by the high watermark of its successor what it alone has had',
    edits: [
      {
        file: PARTITION,
        from: "this.#unsyncedAll.length = 0\n      this.#producers?.fail(new ProtocolError('NOT_LEADER_OR_FOLLOWER'))",
        to: 'this.#unsyncedAll.length = 0',
      },
    ],
  },
  {
    name: 'stale-partition-epoch',
    what: 'The controller takes a change of an in-sync set that was proposed on an older state of it',
    edits: [
      {
        file: ISR_PLANS,
        from: "if (wanted.partitionEpoch < partition.partitionEpoch) return 'INVALID_UPDATE_VERSION'",
        to: '',
      },
    ],
  },
  {
    name: 'fetch-skips-in-mid-batch',
    what: 'A fetch from the middle of a batch begins with the batch behind it',
    edits: [
      {
        file: 'broker/src/log/tail.ts',
        from: 'let batch = batchHolding(this.#chunks[index]!, offset)',
        to: `let batch = batchHolding(this.#chunks[index]!, offset)
    if (this.#chunks[index]!.baseOffsets[batch]! < offset) batch++`,
      },
    ],
  },
  {
    name: 'sequences-lost-at-fail-over',
    what: 'Followers take no note of idempotent producers: a new leader writes their retries once more',
    edits: [
      {
        file: LOG,
        from: 'this.#publish(this.#put(source, at, place), place)',
        to: 'this.#publish(this.#put(source, at, place), { ...place, isFetched: true })',
      },
      {
        file: LOG,
        from: 'this.producers.applied(chunk.buffer, from, nowMs)',
        to: 'if (!arguments[1].isFetched) this.producers.applied(chunk.buffer, from, nowMs)',
      },
    ],
  },
  {
    name: 'retry-answered-with-another-offset',
    what: 'A producer’s retry is answered with the end of the log instead of where the first copy is',
    edits: [{ file: PARTITION, from: 'baseOffset: batch.baseOffset,', to: 'baseOffset: this.#lastBaseOffset,' }],
  },
  {
    name: 'retry-acknowledged-at-once',
    what: 'A producer’s retry is acknowledged before the first copy is committed',
    edits: [
      {
        file: PARTITION,
        from: 'done: request.acks === -1 ? this.#whenDurable(batch.lastOffset, request.timeoutMs) : null,',
        to: 'done: null,',
      },
    ],
  },
  {
    name: 'same-epoch-after-return',
    what: 'A leader that comes back and has lost what it had not synced goes on in the epoch in which it wrote it',
    edits: [
      {
        file: LIVENESS,
        from: "isLeader ? { leader: 'renewed' } : {}",
        to: '{}',
      },
    ],
  },
  {
    name: 'committed-offset-lost-at-fail-over',
    what: 'A new coordinator reads its log up to the high watermark that it knows, which lags, not to the end',
    edits: [
      {
        file: 'broker/src/coordinator/replay.ts',
        from: 'const endOffset = partition.logEndOffset',
        to: 'const endOffset = Math.max(partition.highWatermark, partition.logStartOffset)',
      },
    ],
  },
  {
    name: 'offset-commit-answered-early',
    what: 'A commit of offsets is answered before its record is committed',
    edits: [
      {
        file: 'broker/src/coordinator/shard.ts',
        from: 'if (this.#partition.highWatermark >= this.#stateEndOffset) for',
        to: 'for',
      },
      {
        file: 'broker/src/coordinator/shard.ts',
        from: 'else this.#parked.park(answers, this.#stateEndOffset, this.#options.settings().commitTimeoutMs)',
        to: '',
      },
    ],
  },
  {
    name: 'consumers-read-uncommitted',
    what: 'Consumers get records above the high watermark',
    edits: [
      {
        file: PARTITION,
        from: "reader === 'follower' ? this.#log.logEndOffset : this.#highWatermark",
        to: 'this.#log.logEndOffset',
      },
      {
        file: FETCH,
        from: 'follower === null ? found.highWatermark : found.logEndOffset',
        to: 'found.logEndOffset',
      },
    ],
  },
]
