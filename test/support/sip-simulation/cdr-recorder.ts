import type { Application } from '../../../gateway/sip-server/application.ts'
import type { SipMessage } from '../../../gateway/sip-server/message.ts'

/** What one leg's call detail events have told. */
interface Leg {
  /** Of an attempt whose INVITE came from the network, we are the UAS; else the UAC. */
  readonly role: 'uas' | 'uac'
  started: number
  stopped: number
}

/**
 * An application that asks for nothing but call detail events, and never goes away: it knows what they must come to when all is over
 * (an attempt for every INVITE of a new call, a start when it is answered, and always one stop).
 */
export class CdrRecorder implements Application {
  readonly isOpen = true
  readonly identity = 'records'
  /** Every leg of this server, by its Call-ID. */
  readonly #legs = new Map<string, Leg>()
  /** New calls that an application has made, or been shown. */
  readonly #begun = new Map<string, 'uas' | 'uac'>()
  /** Those whose 2xx it has been told of, or has sent. */
  readonly #answered = new Set<string>()
  readonly #faults: string[] = []
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  /** An application has sent the INVITE of a new call, or been shown one. */
  begun(callId: string, role: 'uas' | 'uac'): void {
    this.#begun.set(callId, role)
  }

  /** Its application knows it to be answered with a 2xx. */
  answered(callId: string): void {
    this.#answered.add(callId)
  }

  tellCdr(event: 'attempt' | 'start' | 'stop', source: string, detail: string, { callId }: SipMessage): void {
    const leg = this.#legs.get(callId)
    if (event === 'attempt') {
      if (leg !== undefined) this.#fault(`a second cdr:attempt of ${callId}`)
      else this.#legs.set(callId, { role: source === 'network' ? 'uas' : 'uac', started: 0, stopped: 0 })
      return
    }
    if (leg === undefined) return this.#fault(`cdr:${event} of ${callId}, which was never attempted`)
    if (leg.stopped > 0) this.#fault(`cdr:${event} (${detail}) of ${callId} after its stop`)
    if (event === 'stop') leg.stopped++
    else {
      if (detail !== leg.role) this.#fault(`cdr:start as ${detail} of a leg that began as ${leg.role}`)
      leg.started++
    }
  }

  #fault(text: string): void {
    this.#faults.push(`${this.#name}: ${text}`)
  }

  /** All that is wrong, now that everything is over. `accepted`: the Call-IDs of INVITEs that had a 2xx on the wire. */
  faults(accepted: ReadonlySet<string>): string[] {
    for (const [callId, role] of this.#begun)
      if (this.#legs.get(callId)?.role !== role) this.#fault(`no cdr:attempt as ${role} of ${callId}`)
    for (const [callId, { started, stopped }] of this.#legs) {
      // Whose application has died was answered, or not, without its knowing.
      if (started > 1 || (started === 0 && this.#answered.has(callId)) || (started === 1 && !accepted.has(callId)))
        this.#fault(`${started} cdr:start of ${callId}, which had ${accepted.has(callId) ? 'a' : 'no'} 2xx`)
      if (stopped !== 1) this.#fault(`${stopped} cdr:stop of ${callId}`)
    }
    return this.#faults
  }

  show(): number {
    return 0
  }

  echo(): number {
    return 0
  }

  refuse(): void {}

  tellProxied(): void {}

  finishProxied(): void {}
}
