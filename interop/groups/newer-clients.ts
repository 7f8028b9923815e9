/** Owns fetching the clients that neither Debian nor npm brings. */
import { kafkaJars } from '../apache-kafka.ts'
import { pythonProgram } from '../foreign/toolchains.ts'
import { type GroupClient, newerClients } from './clients.ts'

/** Apache Kafka's Java client and a librdkafka that knows KIP-848. Throws where something that they need is missing. */
export async function fetchNewerClients(): Promise<GroupClient[]> {
  const [python] = await pythonProgram('confluent.py', [])
  return newerClients({ python, jars: await kafkaJars() })
}
