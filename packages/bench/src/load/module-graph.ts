/**
 * Starts a broker on the directory that is its argument, stops it, and prints one line of JSON: every import that this
 * took, as pairs of importing and imported URL in the order in which they were met.
 *
 * Imports nothing of ours itself: what is loaded before the hook stands goes unseen.
 */
import { registerHooks } from 'node:module'

const imports: (readonly [from: string, to: string])[] = []

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    imports.push([context.parentURL ?? '', resolved.url])
    return resolved
  },
})

const { Broker } = await import('@ottla/broker/broker.ts')
const broker = await Broker.start({ dataDirectory: process.argv[2]!, port: 0 })
await broker[Symbol.asyncDispose]()
process.stdout.write(`${JSON.stringify({ imports })}\n`)
