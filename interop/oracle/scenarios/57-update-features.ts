/** UpdateFeatures (57). Each scenario leaves the levels as it found them. */
import { UpdateFeatures } from '@ottla/protocol/apis/57-update-features.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'

const UPGRADE = 1
const SAFE_DOWNGRADE = 2
const UNSAFE_DOWNGRADE = 3

type Level = readonly [feature: string, level: number, upgradeType?: number]

/** Version 0 has other words for a downgrade, and cannot be asked to check only. */
const set = (levels: readonly Level[], { validateOnly = false } = {}): AskStep =>
  ask(UpdateFeatures, ({ version }) => ({
    timeoutMs: 5000,
    featureUpdates: levels.map(([feature, maxVersionLevel, upgradeType = UPGRADE]) => ({
      ...{ feature, maxVersionLevel },
      ...(version === 0 ? { allowDowngrade: upgradeType !== UPGRADE } : { upgradeType }),
    })),
    ...(version === 0 ? {} : { validateOnly }),
  }))

export const UPDATE_FEATURES: readonly Scenario[] = [
  scenario(UpdateFeatures, 'levels that are as they are', {
    covers: ['15.8'],
    steps: [
      set([['group.version', 1]]),
      set([
        ['group.version', 1],
        ['metadata.version', 29],
        ['eligible.leader.replicas.version', 1],
      ]),
      set([]),
    ],
  }),
  scenario(UpdateFeatures, 'levels that cannot be', {
    covers: ['15.8'],
    steps: [
      set([['no.such.feature', 1]]),
      set([['no.such.feature', 0, SAFE_DOWNGRADE]]),
      set([['', 1]]),
      set([['group.version', 2]]),
      set([['group.version', -1]]),
      set([['group.version', -1, SAFE_DOWNGRADE]]),
      set([['metadata.version', 30]]),
      set([['metadata.version', 6, SAFE_DOWNGRADE]]),
      set([['metadata.version', 0, UNSAFE_DOWNGRADE]]),
    ],
  }),
  scenario(UpdateFeatures, 'downgrades that are not allowed', {
    covers: ['15.8'],
    steps: [
      set([['group.version', 0]]),
      set([['eligible.leader.replicas.version', 0]]),
      set([['metadata.version', 28]]),
      set([['metadata.version', 22, SAFE_DOWNGRADE]]),
      set([['metadata.version', 22, UNSAFE_DOWNGRADE]]),
      set([['metadata.version', 7, UNSAFE_DOWNGRADE]]),
    ],
  }),
  scenario(UpdateFeatures, 'one that is refused refuses all', {
    covers: ['15.8'],
    steps: [
      set([
        ['group.version', 0, SAFE_DOWNGRADE],
        ['no.such.feature', 1],
      ]),
      set([['group.version', 1, SAFE_DOWNGRADE]]),
      set([['group.version', 1]]),
    ],
  }),
  scenario(UpdateFeatures, 'types of upgrades', {
    covers: ['15.8'],
    versions: [1, 2],
    steps: [
      ...[0, 4, -1, 127].map((type) => set([['group.version', 1, type]])),
      ...[SAFE_DOWNGRADE, UNSAFE_DOWNGRADE].map((type) => set([['group.version', 1, type]])),
    ],
  }),
  scenario(UpdateFeatures, 'a feature is switched off and on again', {
    covers: ['15.8'],
    versions: [1, 2],
    steps: [
      set([['group.version', 0, SAFE_DOWNGRADE]]),
      set([['group.version', 0]]),
      set([['group.version', 1, SAFE_DOWNGRADE]]),
      set([['group.version', 1, UNSAFE_DOWNGRADE]]),
      set([['group.version', 1]]),
      set([['group.version', 0, UNSAFE_DOWNGRADE]]),
      set([['group.version', 1]]),
      set([['metadata.version', 23, SAFE_DOWNGRADE]]),
      set([['metadata.version', 29]]),
    ],
  }),
  scenario(UpdateFeatures, 'only checked', {
    covers: ['15.8'],
    versions: [1, 2],
    steps: [
      set([['group.version', 0, SAFE_DOWNGRADE]], { validateOnly: true }),
      set([['group.version', 0]], { validateOnly: true }),
      set([['group.version', 2]], { validateOnly: true }),
      set([['group.version', 1, SAFE_DOWNGRADE]]),
    ],
  }),
  scenario(UpdateFeatures, 'a feature twice', {
    covers: ['15.8'],
    steps: [
      set([
        ['group.version', 5],
        ['group.version', 1],
      ]),
      set([
        ['group.version', 1],
        ['group.version', 5],
      ]),
    ],
  }),
]
