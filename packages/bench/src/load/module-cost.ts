/**
 * Imports the modules that its first argument lists (JSON), one after another, then starts a broker on the directory that
 * is its second, and prints one line of JSON: what each step cost. Dependencies have to come before those that import
 * them: then each module pays for itself alone.
 */
import { systemClock } from '@ottla/base/clock.ts'

const urls = JSON.parse(process.argv[2]!) as string[]
const bareBytes = process.memoryUsage.rss()
const modules: { url: string; ms: number; bytes: number }[] = []

async function measure<T>(url: string, step: () => Promise<T>): Promise<T> {
  const bytes = process.memoryUsage.rss()
  const startedMs = systemClock.monotonicMs()
  const result = await step()
  modules.push({ url, ms: systemClock.monotonicMs() - startedMs, bytes: process.memoryUsage.rss() - bytes })
  return result
}

for (const url of urls) await measure(url, () => import(url))
const { Broker } = await import('@ottla/broker/broker.ts')
const broker = await measure('Broker.start', () => Broker.start({ dataDirectory: process.argv[3]!, port: 0 }))
const residentBytes = process.memoryUsage.rss()
await broker[Symbol.asyncDispose]()
process.stdout.write(`${JSON.stringify({ bareBytes, modules, residentBytes })}\n`)
