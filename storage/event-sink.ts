/** An event on its way out. */
export interface SinkEvent {
  readonly id: string
  readonly type: string
  readonly version: string
  /** What has the same key stays in order: the call, or else the account it is about, or the event alone. */
  readonly key: string
  /** As the world reads it. */
  readonly json: string
}

/** An event that will never be taken. */
export interface Refused {
  readonly event: SinkEvent
  readonly attempts: number
  readonly error: string
}

export interface Published {
  /** How many, from the first on, need not be offered again: published, or refused. */
  readonly done: number
  readonly refused: readonly Refused[]
  /** Why the others could not be published now. */
  readonly error: Error | null
}

/** Where the outbox's events go. */
export interface EventSink {
  /** Publishes in order; does not reject. */
  publish(events: readonly SinkEvent[]): Promise<Published>
  close(): Promise<void>
}

/** Reads a line of the outbox. Throws when it is no event. */
export function sinkEventOf(json: string): SinkEvent {
  const { id, type, version, call_id: callId, account_id: accountId } = JSON.parse(json) as Record<string, unknown>
  if (typeof id !== 'string' || typeof type !== 'string') throw new Error('it has no id or no type')
  const key = [callId, accountId].find((each) => typeof each === 'string') ?? id
  return { id, type, version: String(version), key, json }
}
