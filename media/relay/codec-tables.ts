import { impairmentOf, type Impairment } from '../e-model.ts'
import { payloadOf } from './both-laws.ts'
import type { Law } from './g711.ts'
import { soundOf } from './one-way.ts'
import { NO_FORMATS } from './party-formats.ts'
import type { CodecTerms } from './relay-messages.ts'
import type { PartyFormats } from './tool-messages.ts'

/** Clock rates by payload type before any description: telephony's. */
const DEFAULT_CLOCK_RATE = 8000
/** Texts remembered; beyond, somebody makes them up, and all are read anew. */
export const TABLES_LIMIT = 500

/** What a leg asks of each packet's payload type, by that type. */
export interface CodecTables {
  readonly clockRates: Int32Array
  readonly sounds: Uint8Array
  readonly impairments: ReadonlyMap<number, Impairment>
  /** The law that the other party has not, and its payload type; -1: whatever comes is passed on as it is. */
  readonly translated: Law | null
  readonly translatedPayload: number
  readonly formats: PartyFormats
}

/** Of a party that has said nothing yet. */
export const NO_TABLES = tablesOf({ clockRates: [], codecNames: [], translated: null, formats: NO_FORMATS })

const known = new Map<string, CodecTables>()

/** The tables of CodecTerms as JSON: all legs that say the same share them. */
export function readTables(codecs: string): CodecTables {
  let tables = known.get(codecs)
  if (tables === undefined) {
    if (known.size >= TABLES_LIMIT) known.clear()
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- remote-party.ts, the only one to write it, gives it this type.
    known.set(codecs, (tables = tablesOf(JSON.parse(codecs) as CodecTerms)))
  }
  return tables
}

function tablesOf({ clockRates, codecNames, translated, formats }: CodecTerms): CodecTables {
  const clocks = new Int32Array(128).fill(DEFAULT_CLOCK_RATE)
  const sounds = new Uint8Array(128)
  const impairments = new Map<number, Impairment>()
  for (const [payload, hertz] of clockRates) clocks[payload] = hertz
  for (const [payload, name] of codecNames) {
    sounds[payload] = soundOf(name)
    impairments.set(payload, impairmentOf(name))
  }
  const translatedPayload = translated === null ? -1 : payloadOf(translated)
  return { clockRates: clocks, sounds, impairments, translated, translatedPayload, formats }
}
