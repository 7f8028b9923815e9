/** For tests: the metadata of a broker that is alone, on a store in memory, with everything real but the store. */
import assert from 'node:assert/strict'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { type BrokerConfig, dynamicOverrides, loadConfig } from '../config.ts'
import { Controller } from './controller.ts'
import { type ControllerClient, localControllerClient, type RegisterBroker } from './controller-client.ts'
import { SUPPORTED_FEATURES } from './features.ts'
import { MetadataFollower } from './follower.ts'
import type { MetadataImage } from './image.ts'
import { type MemoryFaults, MemoryStore } from './memory-store.ts'
import { newUuid } from './new-uuid.ts'
import { Registration } from './registration.ts'

export interface OneBroker extends AsyncDisposable {
  readonly brokerId: number
  readonly store: MemoryStore
  readonly faults: MemoryFaults
  readonly follower: MetadataFollower
  readonly controller: Controller
  readonly client: ControllerClient
  /** In order of their ids, broker 1's first. */
  readonly registrations: readonly Registration[]
  /** How often the session of one of them ended for good. */
  readonly lapses: { readonly count: number }
  readonly timers: FakeTime
  image(): MetadataImage
  config(): BrokerConfig
}

export const plaintext = (id: number): RegisterBroker => ({
  id,
  incarnation: `incarnation-of-${id}`,
  rack: null,
  listeners: [{ name: 'PLAINTEXT', host: `host-${id}`, port: 9092, securityProtocol: 'PLAINTEXT' }],
  directories: [`directory-of-${id}`],
  features: SUPPORTED_FEATURES,
})

const fail = (error: unknown): void => assert.fail(String(error))

/** Broker 1 is elected and registered; `others` are registered beside it. */
export async function oneBroker(
  options: { store?: MemoryStore; settings?: { [key: string]: string }; others?: readonly RegisterBroker[] } = {},
): Promise<OneBroker> {
  const faults: MemoryFaults = {}
  const store = options.store ?? new MemoryStore({ faults })
  const written = loadConfig({ overrides: options.settings ?? {} }).config
  const follower = await MetadataFollower.open({ store, onImage: () => undefined, onFailure: fail })
  const config = () => written.withDynamic(dynamicOverrides(follower.image, 1))
  const random = seededRandom('one broker')
  const timers = new FakeTime()
  const logger = new MemoryLogger()
  const controller = new Controller({
    store,
    follower,
    brokerId: 1,
    features: SUPPORTED_FEATURES,
    config,
    random,
    timers,
    logger,
    onFailure: fail,
  })
  await controller.elected()
  const registrations: Registration[] = []
  const lapses = { count: 0 }
  for (const broker of [plaintext(1), ...(options.others ?? [])]) {
    const registration = await Registration.register({
      ...{ store, follower, timers, logger, broker, onLapse: () => void lapses.count++, onFailure: fail },
      ...{ sessionMs: 9000, newClusterId: () => newUuid(random) },
    })
    await registration.serve()
    registrations.push(registration)
  }
  return {
    ...{ brokerId: 1, store, faults, follower, controller, config, client: localControllerClient(controller) },
    ...{ registrations, lapses, timers },
    image: () => follower.image,
    async [Symbol.asyncDispose]() {
      for (const registration of registrations) await registration[Symbol.asyncDispose]()
      await controller[Symbol.asyncDispose]()
      await follower[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}
