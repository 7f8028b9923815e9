/** Owns `ottla cluster`: who is there. */
import { describeCluster } from '@ottla/client/admin.ts'
import { type BrokerOptions, type CommandContext, print } from '../context.ts'
import { fields, json, table } from '../output.ts'

export async function describe(context: CommandContext, options: BrokerOptions & { json?: boolean }): Promise<void> {
  await using client = await context.openClient(options.bootstrap)
  const { clusterId, controllerId, brokers } = await describeCluster(client, { signal: context.signal })
  if (options.json === true) return await print(context, json({ clusterId, controllerId, brokers }))
  const head = fields([
    ['cluster', clusterId],
    ['controller', controllerId < 0 ? null : controllerId],
  ])
  const rows = brokers.map(({ nodeId, host, port, rack }) => [nodeId, host, port, rack])
  await print(context, `${head}${table(['BROKER', 'HOST', 'PORT', 'RACK'], rows)}`)
}
