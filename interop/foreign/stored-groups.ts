/** Owns looking at what a foreign program's groups have left behind: their kind, that all members left, their offsets. */
import assert from 'node:assert/strict'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { ListGroups } from '@ottla/protocol/apis/16-list-groups.ts'
import { committedOffsets } from '../groups/group-view.ts'
import type { GroupProtocol } from './clients.ts'

/** The first version of ListGroups that tells the type. */
const TYPES_MIN = 5

export interface StoredGroup {
  readonly topic: string
  readonly protocol: GroupProtocol
  readonly records: number
}

/** Throws where something is not as it should be. */
export async function checkGroup(connection: BrokerConnection, stored: StoredGroup): Promise<void> {
  const { topic, protocol, records } = stored
  const name = `${topic}-${protocol}`
  const request = { statesFilter: [], typesFilter: [] }
  const { groups } = await connection.request(ListGroups, request, { versionMin: TYPES_MIN })
  const { groupState, groupType } = groups.find(({ groupId }) => groupId === name)!
  assert.equal(groupType, protocol, `Group "${name}" is of its protocol`)
  assert.equal(groupState, 'Empty', `All members of group "${name}" have left`)
  const offsets = await committedOffsets(connection, name)
  const sum = [...offsets.values()].reduce((total, offset) => total + offset, 0)
  assert.equal(sum, records, `Group "${name}" has committed all its offsets`)
}
