import type { OutboxFigures } from '../model/outbox-figures.ts'
import type { KafkaOptions } from './kafka-sink.ts'
import type { ConnectionOptions } from './postgres.ts'

/** What the publishing thread is given. */
export interface PublisherSetup {
  readonly connection: ConnectionOptions
  readonly kafka: KafkaOptions
  readonly maxEvents: number
}

/** What it is told. */
export type PublisherOrder = 'wake' | 'close'

/** What it says. */
export type PublisherWord =
  | { readonly kind: 'figures'; readonly figures: OutboxFigures }
  | {
      readonly kind: 'log'
      readonly level: 'debug' | 'info' | 'warn' | 'error'
      readonly fields: object
      readonly message: string
    }
