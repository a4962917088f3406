import type { Telemetry } from '../../config/telemetry.ts'
import type { Announcements } from '../announcements.ts'
import type { SipCredentials } from './sip-credentials.ts'
import type { Ban, GuardNotice, SipServerHandle } from '../sip-server/start.ts'
import type { Trunks } from './trunks.ts'

interface SipGuardParts {
  readonly trunks: Trunks
  readonly credentials: SipCredentials
  readonly announcements: Announcements
  readonly telemetry: Telemetry
  readonly log: { warn(details: object, message: string): void; info(details: object, message: string): void }
  /** What a source that is no trunk's gets: an answer, or silence. */
  readonly unknownSource: 'refuse' | 'drop'
}

/**
 * Between the book and the embedded SIP server's guard: tells it whose addresses the trunks' are, hears whom it has banned or
 * limited, and has its bans read and lifted.
 */
export class SipGuard {
  readonly #parts: SipGuardParts
  #server: SipServerHandle | null = null
  #isScheduled = false

  constructor(parts: SipGuardParts) {
    this.#parts = parts
  }

  /** The server is up: from now on it is told of changes. */
  attach(server: SipServerHandle): void {
    this.#server = server
    this.bookChanged()
  }

  /** Tells the server who is trusted, once for all the changes of this moment. */
  bookChanged(): void {
    if (this.#isScheduled || this.#server === null) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      const { trunks, log } = this.#parts
      const admission = { trusted: trunks.sources, strangersMay: this.#strangersMay() }
      const server = this.#server!
      Promise.all([server.ask('setAdmission', admission), server.ask('setParties', trunks.parties)]).catch(
        (error: unknown) => {
          // A closed server has nobody to trust; any other failure must be seen.
          log.warn(
            { error: error instanceof Error ? error.message : error },
            'the SIP server was not told of its trunks',
          )
        },
      )
    })
  }

  /** With what somebody unknown may begin to prove who he is; null: with anything, and the application says no. */
  #strangersMay(): string[] | null {
    const { unknownSource, credentials, trunks } = this.#parts
    if (unknownSource === 'refuse') return null
    const methods = credentials.isEmpty ? [] : ['REGISTER']
    if (!credentials.isEmpty || trunks.takesCertificates) methods.push('MESSAGE', 'SUBSCRIBE')
    if (credentials.mayCall || trunks.takesCertificates) methods.push('INVITE')
    return methods
  }

  noticed(notice: GuardNotice): void {
    const { log, telemetry, trunks, announcements } = this.#parts
    if (notice.kind === 'banned') {
      const { address, offence, forMs, untold } = notice
      log.info({ part: 'sip-server', address, offence, seconds: forMs / 1000, untold }, 'source banned')
      return
    }
    const { host, offence } = notice
    const limited = trunks.ofSource(host)
    log.warn(
      { part: 'sip-server', source: host, limit: offence, trunks: limited.map(({ id }) => id) },
      'source limited',
    )
    telemetry.sourcesLimited.inc({ limit: offence })
    for (const trunk of limited) announcements.trunkFlooded(trunk.id, offence)
  }

  /** The sources nobody listens to for now, the latest first. */
  async bans(): Promise<readonly Ban[]> {
    return (await this.#server?.ask('bans')) ?? []
  }

  /** False: there is no such ban. */
  async lift(address: string): Promise<boolean> {
    return (await this.#server?.ask('liftBan', address)) ?? false
  }
}
