/** Owns where the bench finds the programs that it runs. */
import { fileURLToPath } from 'node:url'

export const loadDirectory = fileURLToPath(new URL('load/', import.meta.url))
/** Replaces itself with the pinned Node. */
export const nodeLauncher = fileURLToPath(new URL('../../../scripts/node26', import.meta.url))
export const ottlaLauncher = fileURLToPath(new URL('../../cli/bin/ottla', import.meta.url))

export function sourceFile(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}
