import type { CheckRecord } from '../../model/cdr.ts'
import type { Arrival } from './arrival.ts'
import { Until, type Contribution, type Evidence } from './evidence.ts'

/** How the asking of one piece of evidence ended; `given_up`: the caller had gone. */
export type EvidenceResult = 'answered' | 'late' | 'failed' | 'full' | 'given_up'

export interface GatheringNeeds {
  /** Calls and pings that may wait at a time; the evidence of more counts as failed. */
  readonly maxWaiting: number
  /** `seconds`: since it was begun. */
  readonly onEnded: (evidence: Evidence, result: EvidenceResult, seconds: number) => void
  readonly onError: (evidence: Evidence, error: unknown) => void
  readonly monotonicMs: () => number
}

export interface Gathered {
  readonly evidence: Evidence
  readonly contribution: Contribution
}

/** What some of it is still to be waited for. */
export interface Waiting {
  /** What is known already. */
  readonly known: readonly Gathered[]
  readonly pending: readonly Evidence[]
  /** All of it, never rejected. */
  readonly found: Promise<readonly Gathered[]>
}

export const NOTHING: readonly Gathered[] = []

/** All that calls wait for. Each wait ends: by the answer, its deadline, or the caller's going. */
export class Gatherings {
  readonly #needs: GatheringNeeds
  #waiting = 0

  constructor(needs: GatheringNeeds) {
    this.#needs = needs
  }

  /** Calls and pings that wait at this moment. */
  get waiting(): number {
    return this.#waiting
  }

  /**
   * Asks every piece of evidence at once. Answers at once where all is known; else all is found when all have answered, their time is over,
   * or the caller has gone. What is found is in the order of `evidence`, whoever was first.
   */
  gather(evidence: readonly Evidence[], arrival: Arrival, gone: AbortSignal | null): readonly Gathered[] | Waiting {
    let found: (Gathered | Promise<Gathered | null>)[] | null = null
    let pending: Evidence[] | null = null
    for (const each of evidence) {
      const until = new Until()
      const answer = this.#ask(each, arrival, until)
      if (answer === null) continue
      found ??= []
      if (!(answer instanceof Promise)) found.push({ evidence: each, contribution: answer })
      else if (this.#waiting >= this.#needs.maxWaiting) found.push(this.#full(each, arrival, answer, until))
      else {
        ;(pending ??= []).push(each)
        found.push(this.#wait(each, arrival, answer, until, gone))
      }
    }
    if (found === null) return NOTHING
    const known = found.filter((each): each is Gathered => !(each instanceof Promise))
    return pending === null ? known : { known, pending, found: this.#all(found) }
  }

  async #all(found: readonly (Gathered | Promise<Gathered | null>)[]): Promise<readonly Gathered[]> {
    this.#waiting++
    const all = await Promise.all(found.map((each) => Promise.resolve(each)))
    this.#waiting--
    return all.filter((each) => each !== null)
  }

  #ask(evidence: Evidence, arrival: Arrival, until: Until): ReturnType<Evidence['gather']> {
    try {
      return evidence.gather(arrival, until)
    } catch (error) {
      this.#needs.onError(evidence, error)
      this.#needs.onEnded(evidence, 'failed', 0)
      return failure(evidence, arrival, 'it could not be asked')
    }
  }

  #full(evidence: Evidence, arrival: Arrival, answer: Promise<unknown>, until: Until): Gathered {
    answer.catch(() => {}) // It hears that nobody waits.
    until.over()
    this.#needs.onEnded(evidence, 'full', 0)
    return { evidence, contribution: failure(evidence, arrival, 'too many calls are waiting for answers') }
  }

  #wait(
    evidence: Evidence,
    arrival: Arrival,
    answer: Promise<Contribution | null>,
    until: Until,
    gone: AbortSignal | null,
  ): Promise<Gathered | null> {
    const { onEnded, onError, monotonicMs } = this.#needs
    const begunMs = monotonicMs()
    return new Promise((resolve) => {
      let isOver = false
      const end = (result: EvidenceResult, contribution: Contribution | null): void => {
        if (isOver) return
        isOver = true
        clearTimeout(deadline)
        gone?.removeEventListener('abort', giveUp)
        until.over()
        const tookMs = monotonicMs() - begunMs
        onEnded(evidence, result, tookMs / 1000)
        resolve(contribution && { evidence, contribution: timed(contribution, Math.round(tookMs)) })
      }
      const giveUp = (): void => end('given_up', givenUp(evidence))
      const { deadlineMs } = evidence
      const deadline = setTimeout(
        () => end('late', failure(evidence, arrival, `no answer within ${deadlineMs} ms`)),
        deadlineMs,
      )
      answer.then(
        (contribution) => end('answered', contribution),
        (error: unknown) => {
          if (!isOver) onError(evidence, error)
          end('failed', failure(evidence, arrival, 'the look-up failed'))
        },
      )
      if (gone?.aborted) giveUp()
      else gone?.addEventListener('abort', giveUp, { once: true })
    })
  }
}

function timed(said: Contribution, tookMs: number): Contribution {
  return said.checks ? { ...said, checks: said.checks.map((check) => ({ ...check, tookMs })) } : said
}

/** For the record of a call that nobody waits for any more. */
function givenUp({ name }: Evidence): Contribution {
  const detail = 'the caller hung up before the answer'
  return { checks: [{ check: name, effect: 'advisory', rule: `${name}:given-up`, source: 'the call itself', detail }] }
}

/** What no answer means: the operator's policy says so, and the record. */
function failure(evidence: Evidence, arrival: Arrival, detail: string): Contribution {
  if (evidence.failed) return evidence.failed(arrival, detail)
  const { name, onFailure } = evidence
  const effect: CheckRecord['effect'] = onFailure === 'block' ? 'block' : 'advisory'
  return { checks: [{ check: name, effect, rule: `${name}:unavailable`, source: 'fail policy', detail }] }
}
