/**
 * What a real etcd does under a large cluster, by hand: `scripts/node26 interop/etcd/scale.ts [--brokers 20] [--partitions
 * 10000] [--heavy 2000]`. The brokers are whole ones, in this one process, with logs in memory and a connection to etcd
 * each; they share one core, so what is measured of them is worse than on machines of their own. Prints a table.
 */
import { parseArgs } from 'node:util'
import { ScaleCluster } from './scale-cluster.ts'
import { PhaseTable } from './scale-table.ts'

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '20' },
    partitions: { type: 'string', default: '10000' },
    heavy: { type: 'string', default: '2000' },
  },
})
const [brokers, partitions, heavy] = [values.brokers, values.partitions, values.heavy].map(Number) as [
  number,
  number,
  number,
]

await using cluster = await ScaleCluster.start(brokers)
const table = new PhaseTable(cluster)
const first = brokers
await table.phase(`${brokers} brokers register`, () => cluster.startAll())
await table.phase(`${partitions} partitions of three replicas are created`, () =>
  cluster.createPartitions({ partitions, heavy: { id: first, partitions: heavy } }),
)
await table.phase('rest of ten seconds', () => cluster.rest(10_000))
const leads = cluster.ledBy(first)
await table.phase(`fail-over: the session of a broker that leads ${leads} ends`, () => cluster.failOver(first))
await table.phase('it comes back, until all are in sync', () => cluster.comeBack(first))
await table.phase('fail-over of the controller', () => cluster.failOverController())
await table.phase('all brokers stop and start', () => cluster.restartAll())
table.print()
// The etcd clients of brokers that were killed here live on.
process.exit()
