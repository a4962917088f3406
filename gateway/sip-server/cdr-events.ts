import type { ApplicationRouter } from './application.ts'
import type { SipMessage } from './message.ts'

/** What we were in a call that began: towards its caller, towards its callee, and either as a proxy. */
export type CdrRole = 'uas' | 'uac' | 'proxy-uas' | 'proxy-uac'

/** Why a leg is over. */
export type CdrStopReason =
  /** Answered with a failure. */
  | 'call-rejected'
  /** Given up before it was answered. */
  | 'call-canceled'
  /** Somebody hung up. */
  | 'normal-release'
  /** Nobody refreshed the session, or it reached its greatest age. */
  | 'session-expired'
  /** The server hung up: no ACK came, or a CANCEL crossed the answer. */
  | 'system-initiated-termination'
  /** The server hung up for want of an application. */
  | 'system-error-initiated-termination'

/** Whose message it is: `network`, one that arrived; `application`, one we sent. */
type CdrSource = 'network' | 'application'

/**
 * The drachtio protocol's call detail events, one set for each leg: an attempt, a start when it is answered, a stop when it is
 * refused or over. They go to an application that asked for them (`route|cdr:start`), in turn where several did; to nobody, and
 * for next to nothing, when none did.
 */
export class CdrEvents {
  readonly #router: ApplicationRouter

  constructor(router: ApplicationRouter) {
    this.#router = router
  }

  attempt(source: CdrSource, invite: SipMessage): void {
    this.#router.route('cdr:attempt')?.tellCdr('attempt', source, '', invite)
  }

  start(source: CdrSource, role: CdrRole, answer: SipMessage): void {
    this.#router.route('cdr:start')?.tellCdr('start', source, role, answer)
  }

  /** `message`: the BYE, the CANCEL or the final answer. */
  stop(source: CdrSource, reason: CdrStopReason, message: SipMessage): void {
    this.#router.route('cdr:stop')?.tellCdr('stop', source, reason, message)
  }
}
