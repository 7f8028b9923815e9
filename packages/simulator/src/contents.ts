/** What clients find in a topic's first partition, from its beginning to its end at this moment. */
import type { Client } from '@ottla/client/client.ts'
import { AssignedConsumer } from '@ottla/client/consumer/assigned-consumer.ts'

export async function contents(client: Client, topic: string): Promise<string[]> {
  const assignments = [{ topic, partition: 0, from: 'beginning', until: 'end' } as const]
  await using consumer = await AssignedConsumer.open(client, { assignments })
  const values: string[] = []
  for await (const batch of consumer.batches()) for (const { value } of batch.records()) values.push(String(value))
  return values
}
