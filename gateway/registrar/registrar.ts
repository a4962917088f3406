import type { BookChange } from '../../model/book.ts'
import type { AccountId, SipUserId, TargetId } from '../../model/ids.ts'
import type { SipBinding, SipUser } from '../../model/sip-user.ts'
import type { Target } from '../../model/trunk.ts'
import type { Authentication } from '../identity/authentication.ts'
import { updateBindings, type BindingLimits } from './bindings.ts'
import { Expiries } from './expiries.ts'
import { readRegister, registeredUser, type RegisterRequest } from './register-request.ts'
import { RequestRefused } from '../outside-calls/request-refused.ts'
import { uriOf } from '../headers/sip-fields.ts'
import { parseUri } from '../sip-server/uri.ts'
import type { SipRequest } from '../srf/srf-types.ts'
import { wayTo, type Way } from '../invitation/ways.ts'

/** What a REGISTER is answered with. */
export interface RegisterAnswer {
  readonly status: number
  readonly reason?: string
  readonly headers: Record<string, string>
}

export interface RegistrarOptions {
  readonly realm: string
  readonly limits: BindingLimits
  readonly authentication: Authentication
  /** A time that never steps, ms; what bindings are given in. */
  readonly now: () => number
  /** Whether a URI leads where calls are charged to the house. */
  readonly isCarrier: (uri: string) => boolean
  /** A user's bindings are other than they were; an empty list: it has none. */
  readonly onBindings: (id: SipUserId, bindings: readonly SipBinding[]) => void
  /** A target that is an address of record can be rung from now on, or no longer. */
  readonly onReachable: (id: TargetId, isReachable: boolean) => void
}

interface RegisteredUser {
  readonly user: SipUser
  bindings: readonly SipBinding[]
}

/**
 * The registrar and location service of our realm (RFC 3261 §10, with RFC 3327, RFC 5626 and RFC 5627's public GRUUs): who is
 * where, in memory. It answers at once, whatever the database does; `onBindings` lets somebody write it down.
 */
export class Registrar {
  readonly #options: RegistrarOptions
  readonly #users = new Map<SipUserId, RegisteredUser>()
  readonly #byName = new Map<string, RegisteredUser>()
  /** Targets that are addresses of record, by username. */
  readonly #targets = new Map<TargetId, { readonly username: string; readonly accountId: AccountId }>()
  readonly #targetsOf = new Map<string, Set<TargetId>>()

  readonly #expiries: Expiries<SipUserId>

  constructor(options: RegistrarOptions) {
    this.#options = options
    this.#expiries = new Expiries(options.now())
  }

  /** Bindings of all users, those that have just expired included until the next `expire`. */
  get size(): number {
    let count = 0
    for (const { bindings } of this.#users.values()) count += bindings.length
    return count
  }

  apply(change: BookChange): void {
    if (change.kind === 'sip-user') this.#applyUser(change.id, change.value)
    else if (change.kind === 'target') this.#applyTarget(change.id, change.value)
  }

  /** What an earlier process wrote down, once the users are known. */
  restore(id: SipUserId, bindings: readonly SipBinding[]): void {
    const known = this.#users.get(id)
    if (known?.user.status !== 'active') return
    known.bindings = this.#current(bindings)
    this.#noteExpiry(id, known.bindings)
    this.#tellTargets(known.user.username)
  }

  bindingsOf(id: SipUserId): readonly SipBinding[] {
    return this.#current(this.#users.get(id)?.bindings ?? [])
  }

  addressOf(username: string): string {
    return `sip:${username}@${this.#options.realm}`
  }

  /** Whether a phone of this user is registered from there. */
  isRegisteredFrom(username: string, host: string, port: number): boolean {
    const bindings = this.#current(this.#byName.get(username)?.bindings ?? [])
    return bindings.some(({ source }) => source.host === host && source.port === port)
  }

  /** Whose address of record this is; null when it is nobody's. */
  ownerOf(username: string): AccountId | null {
    return this.#byName.get(username)?.user.accountId ?? null
  }

  /** The username of a URI in our realm; null for every other URI. */
  usernameIn(uri: string): string | null {
    const parsed = parseUri(uri)
    return parsed !== null &&
      parsed.scheme !== 'tel' &&
      parsed.host.toLowerCase() === this.#options.realm &&
      parsed.user
      ? parsed.user
      : null
  }

  /**
   * The ways to ring a target that is an address of record: groups to be rung one after the other, by falling q, the ways of
   * a group together (RFC 3261 §16.6). Empty: nobody is registered. Null: the target is something else.
   */
  waysTo(target: Target): readonly (readonly Way[])[] | null {
    const aor = this.#targets.get(target.id)
    if (aor === undefined || this.usernameIn(target.uri) !== aor.username) return null // A bidder may have named another place.
    return this.waysToUser(aor.username, target.accountId, parseUri(target.uri)?.params.get('gr'))
  }

  /** The same for a user of this account, or for one device of that user (RFC 5627); empty for anybody else's. */
  waysToUser(username: string, accountId: AccountId, instance?: string): readonly (readonly Way[])[] {
    const known = this.#byName.get(username)
    if (known?.user.accountId !== accountId) return []
    const bindings = this.#current(known.bindings).filter((each) => !instance || each.instance === instance)
    const groups = Map.groupBy(devicesOf(bindings), ({ q }) => q)
    return [...groups].toSorted(([a], [b]) => b - a).map(([, group]) => group.map(({ way }) => way))
  }

  /** Forgets what has expired. Called about every second: a target nobody answers for any more must not win calls. */
  expire(): void {
    for (const id of this.#expiries.take(this.#options.now())) {
      const known = this.#users.get(id)
      if (known === undefined) continue
      const current = this.#current(known.bindings)
      if (current.length < known.bindings.length) this.#set(id, known, current)
      else this.#noteExpiry(id, current)
    }
  }

  /** Answers a REGISTER (RFC 3261 §10.3). Every change is in force when this returns. */
  register(req: SipRequest): RegisterAnswer {
    try {
      const username = registeredUser(req)
      const said = this.#options.authentication.identify(req)
      if (said.kind === 'malformed') throw new RequestRefused(400, said.detail)
      if (said.kind === 'challenge') return { status: 401, headers: said.headers }
      if (said.kind === 'anonymous')
        return { status: 401, headers: this.#options.authentication.challenge(req).headers }
      // RFC 3261 §10.3 step 4: nobody moves another's phone.
      const user = said.credentials.find((each) => each.kind === 'user' && each.username === username)
      const known = user?.kind === 'user' ? this.#users.get(user.id) : undefined
      if (known === undefined) throw new RequestRefused(403, 'Forbidden')
      const request = readRegister(req)
      this.#refuseOwnAddress(request)
      this.#refuseCarriers(request)
      const bindings = updateBindings(known.bindings, request, this.#options.limits, this.#options.now())
      if (request.contacts.length > 0) this.#set(known.user.id, known, bindings)
      return { status: 200, headers: this.#answerHeaders(known.user, request, bindings) }
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error
      return { status: error.status, reason: error.message, headers: { ...error.headers } }
    }
  }

  /** A contact in our own realm would ring itself for ever (RFC 5627 §5.1). */
  #refuseOwnAddress({ contacts }: RegisterRequest): void {
    if (contacts !== 'all' && contacts.some(({ contact }) => this.usernameIn(contact) !== null))
      throw new RequestRefused(403, 'a contact is a place, not an address of record')
  }

  /** A phone is where its user is; whoever registers a carrier as his phone would have us call there at our expense. */
  #refuseCarriers({ contacts, path }: RegisterRequest): void {
    const places = [...path.map(uriOf), ...(contacts === 'all' ? [] : contacts.map(({ contact }) => contact))]
    if (places.some((uri) => this.#options.isCarrier(uri))) throw new RequestRefused(403, 'that is no phone')
  }

  #answerHeaders(user: SipUser, request: RegisterRequest, bindings: readonly SipBinding[]): Record<string, string> {
    const headers: Record<string, string> = { Supported: 'path, outbound, gruu' }
    if (bindings.length > 0)
      headers['Contact'] = bindings.map((binding) => this.#contactOf(user, binding, request.wantsGruu)).join(', ')
    if (request.path.length > 0) headers['Path'] = request.path.join(', ')
    const usesFlow = request.contacts !== 'all' && request.contacts.some(({ regId }) => regId !== null)
    if (usesFlow) headers['Require'] = 'outbound' // RFC 5626 §6
    return headers
  }

  #contactOf(user: SipUser, binding: SipBinding, wantsGruu: boolean): string {
    const left = Math.max(1, Math.ceil((binding.expiresAtMs - this.#options.now()) / 1000))
    const parts = [`<${binding.contact}>`, `expires=${left}`]
    if (binding.q !== 1000) parts.push(`q=${binding.q / 1000}`)
    if (binding.instance !== null) parts.push(`+sip.instance="<${binding.instance}>"`)
    if (binding.regId !== null) parts.push(`reg-id=${binding.regId}`)
    if (wantsGruu && binding.instance !== null)
      parts.push(`pub-gruu="sip:${user.username}@${this.#options.realm};gr=${binding.instance}"`)
    return parts.join(';')
  }

  #applyUser(id: SipUserId, user: SipUser | null): void {
    const before = this.#users.get(id)
    if (before) this.#byName.delete(before.user.username)
    if (user === null) {
      this.#users.delete(id)
      this.#expiries.forget(id)
    } else {
      const known = { user, bindings: user.status === 'active' ? (before?.bindings ?? []) : [] }
      this.#noteExpiry(id, known.bindings)
      this.#users.set(id, known)
      this.#byName.set(user.username, known)
      if (before && before.bindings.length > known.bindings.length) this.#options.onBindings(id, [])
    }
    const username = user?.username ?? before?.user.username
    if (username !== undefined) this.#tellTargets(username)
  }

  #applyTarget(id: TargetId, target: Target | null): void {
    const before = this.#targets.get(id)
    if (before) {
      const others = this.#targetsOf.get(before.username)!
      others.delete(id)
      if (others.size === 0) this.#targetsOf.delete(before.username)
    }
    this.#targets.delete(id)
    const username = target && this.usernameIn(target.uri)
    if (!target || username === null) {
      if (before && target) this.#options.onReachable(id, true) // It is no address of record any more.
      return
    }
    this.#targets.set(id, { username, accountId: target.accountId })
    const targets = this.#targetsOf.get(username) ?? new Set()
    this.#targetsOf.set(username, targets.add(id))
    this.#options.onReachable(id, this.#isReachable(id))
  }

  #set(id: SipUserId, known: RegisteredUser, bindings: readonly SipBinding[]): void {
    const wasReachable = known.bindings.length > 0
    known.bindings = bindings
    this.#noteExpiry(id, bindings)
    this.#options.onBindings(id, bindings)
    if (wasReachable !== bindings.length > 0) this.#tellTargets(known.user.username)
  }

  #noteExpiry(id: SipUserId, bindings: readonly SipBinding[]): void {
    if (bindings.length === 0) this.#expiries.forget(id)
    else this.#expiries.note(id, Math.min(...bindings.map(({ expiresAtMs }) => expiresAtMs)))
  }

  #tellTargets(username: string): void {
    for (const id of this.#targetsOf.get(username) ?? []) this.#options.onReachable(id, this.#isReachable(id))
  }

  #isReachable(id: TargetId): boolean {
    const { username, accountId } = this.#targets.get(id)!
    const known = this.#byName.get(username)
    return known?.user.accountId === accountId && this.#current(known.bindings).length > 0
  }

  #current(bindings: readonly SipBinding[]): readonly SipBinding[] {
    const now = this.#options.now()
    return bindings.every(({ expiresAtMs }) => expiresAtMs > now)
      ? bindings
      : bindings.filter(({ expiresAtMs }) => expiresAtMs > now)
  }
}

/** The ways to each device, with its preference, the newest first. RFC 5626 §5.3: of a device's flows only one is rung, the others when it is gone. */
function devicesOf(bindings: readonly SipBinding[]): { readonly q: number; readonly way: Way }[] {
  const newestFirst = bindings.toSorted((a, b) => b.registeredAtMs - a.registeredAtMs)
  const devices = Map.groupBy(newestFirst, (each) => (each.regId === null ? each : each.instance!))
  return [...devices.values()].map((flows) => {
    const way = flows.map(wayTo).reduceRight((fallback, each) => ({ ...each, fallback }))
    return { q: flows[0]!.q, way }
  })
}
