import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What is done about a recording: it is made as it is; after an announcement to both sides; after a beep to both that comes again while
 * it goes on; not at all; of the buyer's side alone, whose caller is not in it.
 */
export const RECORDING_ACTIONS = ['record', 'announce', 'beep', 'no_record', 'buyer_leg'] as const
export type RecordingAction = (typeof RECORDING_ACTIONS)[number]

/** What the operator does where the law asks for one party's consent, for all parties', or nobody knows which law it is. */
export interface RecordingPolicy {
  /** compliance.recording.one_party */
  readonly oneParty: RecordingAction
  /** compliance.recording.all_party */
  readonly allParty: RecordingAction
  /** compliance.recording.unknown */
  readonly unknown: RecordingAction
}

export interface RecordingDecision {
  readonly action: RecordingAction
  /** `recording-law:CA`, `recording-law:unknown`, or `recording-law:US` where one party's consent is enough. */
  readonly rule: string
  readonly source: string
  /** The day the rule's row was last looked at. */
  readonly version: string
  readonly detail: string
}

interface Row {
  readonly consent: 'one' | 'all'
  readonly source: string
  readonly verified_on: string
}

interface File {
  readonly federal: Row
  readonly states: Readonly<Record<string, Row>>
}

const PATH = join(import.meta.dirname, '../config/reference/recording-law.json')

/** Who must consent to a recording: the law of both ends, of which the stricter holds. */
export class RecordingLaw {
  readonly #policy: RecordingPolicy
  readonly #federal: Row
  readonly #states: ReadonlyMap<string, Row>

  /** Throws when config/reference/recording-law.json cannot be read. */
  constructor(policy: RecordingPolicy, path: string = PATH) {
    const { federal, states } = JSON.parse(readFileSync(path, 'utf8')) as File
    for (const [state, row] of Object.entries({ US: federal, ...states })) {
      assert(/^[A-Z]{2}$/.test(state), `recording law: "${state}" is no state`)
      assert(
        row.consent === 'one' || row.consent === 'all',
        `recording law of ${state}: consent is neither one nor all`,
      )
      assert(row.source && /^\d{4}-\d\d-\d\d$/.test(row.verified_on), `recording law of ${state}: no source, or no day`)
    }
    this.#policy = policy
    this.#federal = federal
    this.#states = new Map(Object.entries(states))
  }

  /** `caller`, `buyer`: every state each may be in; empty: nobody knows. Of all of them the strictest law decides. */
  judge(caller: readonly string[], buyer: readonly string[]): RecordingDecision {
    for (const state of [...caller, ...buyer]) {
      const law = this.#states.get(state)
      if (law?.consent === 'all')
        return this.#decide(this.#policy.allParty, state, law, `${state} asks for the consent of all parties`)
    }
    if (caller.length === 0 || buyer.length === 0) {
      const who = caller.length > 0 ? 'the buyer' : buyer.length > 0 ? 'the caller' : 'either side'
      return this.#decide(this.#policy.unknown, 'unknown', this.#federal, `nobody knows where ${who} is`)
    }
    return this.#decide(this.#policy.oneParty, 'US', this.#federal, 'one party’s consent is enough at both ends')
  }

  #decide(
    action: RecordingAction,
    name: string,
    { source, verified_on: version }: Row,
    why: string,
  ): RecordingDecision {
    return { action, rule: `recording-law:${name}`, source, version, detail: `${why}: ${action.replace('_', ' ')}` }
  }
}
