import { digestSecret } from '../../accounts/credentials.ts'
import type { BookChange } from '../../model/book.ts'
import type { SipUserId, TrunkId } from '../../model/ids.ts'
import type { DigestSecret, SipUser } from '../../model/sip-user.ts'
import type { Trunk } from '../../model/trunk.ts'
import type { ClickCredential, ClickTokens } from './click-tokens.ts'

/** A username with a password, and what it is good for: calls of a trunk, a user's registrations and calls, or one call by click. */
export type Credential = StandingCredential | ClickCredential

type StandingCredential =
  | { readonly kind: 'trunk'; readonly id: TrunkId; readonly username: string; readonly secret: DigestSecret }
  | {
      readonly kind: 'user'
      readonly id: SipUserId
      readonly username: string
      readonly secret: DigestSecret
      readonly user: SipUser
    }

/** Sellers choose their trunks' usernames by themselves: the same one may be chosen so often, and each is tried. */
export const MAX_SAME_USERNAME = 16

/** The usernames that a request may authenticate as: of inbound trunks and of active SIP users. */
export class SipCredentials {
  readonly #realm: string
  readonly #clickTokens: ClickTokens | null
  readonly #byId = new Map<string, StandingCredential>()
  readonly #byUsername = new Map<string, readonly StandingCredential[]>()
  #calling = 0

  constructor(realm: string, clickTokens: ClickTokens | null = null) {
    this.#realm = realm
    this.#clickTokens = clickTokens
  }

  apply(change: BookChange): void {
    if (change.kind === 'trunk') this.#set(change.id, change.value && this.#ofTrunk(change.value))
    else if (change.kind === 'sip-user') this.#set(change.id, change.value && this.#ofUser(change.value))
  }

  /** Those with this username, the oldest first, at most MAX_SAME_USERNAME. */
  ofUsername(username: string): readonly Credential[] {
    const click = this.#clickTokens?.find(username)
    if (click) return [click]
    return (this.#byUsername.get(username) ?? []).slice(0, MAX_SAME_USERNAME)
  }

  /** Whether anybody has a password at all: a phone may want to register. */
  get isEmpty(): boolean {
    return this.#byId.size === 0
  }

  /** Whether anybody may call by password: only then an unknown source is asked for one. */
  get mayCall(): boolean {
    return this.#calling > 0 || (this.#clickTokens !== null && this.#clickTokens.size > 0)
  }

  #ofTrunk({ id, direction, username, password, digest }: Trunk): StandingCredential | null {
    if (direction !== 'inbound' || username === null) return null
    // Written before only hashes were kept.
    const secret = digest ?? (password === null ? null : digestSecret(username, this.#realm, password))
    return secret && { kind: 'trunk', id, username, secret }
  }

  #ofUser(user: SipUser): StandingCredential | null {
    if (user.status !== 'active') return null
    return { kind: 'user', id: user.id, username: user.username, secret: user.digest, user }
  }

  #set(id: string, credential: StandingCredential | null): void {
    const before = this.#byId.get(id)
    if (before) this.#takeOut(before)
    // A secret of another realm fits no challenge of ours: the password must be set anew.
    if (credential === null || credential.secret.realm !== this.#realm) return
    this.#byId.set(id, credential)
    if (mayCall(credential)) this.#calling++
    const same = [...(this.#byUsername.get(credential.username) ?? []), credential]
    same.sort((a, b) => (a.id < b.id ? -1 : 1))
    this.#byUsername.set(credential.username, same)
  }

  #takeOut(credential: StandingCredential): void {
    this.#byId.delete(credential.id)
    if (mayCall(credential)) this.#calling--
    const left = this.#byUsername.get(credential.username)!.filter(({ id }) => id !== credential.id)
    if (left.length === 0) this.#byUsername.delete(credential.username)
    else this.#byUsername.set(credential.username, left)
  }
}

function mayCall(credential: StandingCredential): boolean {
  return credential.kind === 'trunk' || credential.user.trunkId !== null
}
