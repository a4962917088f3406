import type { PingAnswer } from '../../model/ping.ts'
import type { Answer } from '../endpoint.ts'

/** What a publisher's platform sends, as it names it: query and body together, all of it text. */
export type Params = Readonly<Record<string, string>>

/** A ping in words that are still to be checked: numbers as they were written. */
export interface ReadPing {
  readonly caller: string | null
  /** Null: the seller's only number. */
  readonly number: string | null
  readonly zip: string | null
  readonly vertical: string | null
  readonly tags: Readonly<Record<string, string>>
}

/** Why a ping did not become a question at all. */
export type FaultCode =
  'no_such_key' | 'bad_caller' | 'bad_number' | 'bad_zip' | 'bad_vertical' | 'bad_tag' | 'unknown_ping'

export interface Fault {
  readonly code: FaultCode
  readonly detail: string
}

/**
 * A publisher's way of pinging, as another market has it: pure functions of what came and what was decided. Keys, HTTP and the
 * decision are `dialects.ts`'s. What of each market was verified, and where, is in docs/ping-post.md.
 */
export interface Dialect {
  readPing(params: Params): ReadPing | Fault
  printAnswer(answer: PingAnswer, params: Params): Answer
  printFault(fault: Fault): Answer
}

/** The first of these parameters that is there and not empty, however it is capitalised. */
export function given(params: Params, ...names: readonly string[]): string | null {
  for (const name of names)
    for (const [key, value] of Object.entries(params)) if (value !== '' && key.toLowerCase() === name) return value
  return null
}

/** The parameters the dialect does not know by name: what a platform calls tags. */
export function others(params: Params, known: ReadonlySet<string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).filter(([name, value]) => value !== '' && !known.has(name.toLowerCase())),
  )
}

/** `sip:user@host` as platforms print addresses: without its scheme. */
export function addressOf(sipUri: string): string {
  return sipUri.replace(/^sips?:/, '')
}
