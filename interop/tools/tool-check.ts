/** What a check of Kafka's tools is: a name by which it is asked for, and what it does. */
import type { ToolSession } from './tool-session.ts'

interface Runnable {
  /** The tool's name, and after a colon what of it where a tool has several checks. */
  readonly name: string
  /** Throws where a promise is broken. */
  readonly run: (session: ToolSession) => Promise<void>
}

/** Listed, so that what is missing is seen. */
interface Waiting {
  readonly name: string
  readonly waitsFor: string
}

export type ToolCheck = Runnable | Waiting
