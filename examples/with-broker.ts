/** Owns where an example's broker is: one that runs (`--bootstrap HOST:PORT`), or one in the example's own process. */
import { Broker } from '@ottla/broker/broker.ts'

export async function withBroker(
  bootstrap: string | undefined,
  use: (bootstrap: string) => Promise<void>,
): Promise<void> {
  if (bootstrap !== undefined) return await use(bootstrap)
  await using broker = await Broker.start({ storage: 'memory', port: 0, settings: QUICK_GROUPS })
  await use(broker.bootstrap)
}

/** A new group begins at once: by default it waits three seconds for more members. */
const QUICK_GROUPS = { 'group.initial.rebalance.delay.ms': '0' }
