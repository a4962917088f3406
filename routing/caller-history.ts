import type { Frequency } from '../model/bid.ts'
import type { ContactThen } from '../model/decision.ts'
import type { CampaignId, TargetId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'

const HOUR_MS = 3_600_000
/** Before this many callers are known, nobody looks for the forgotten. */
const FIRST_SWEEP = 1024
/** Most callers remembered of one buyer: past it, the one who has called least lately is forgotten. */
const MOST_CALLERS = 1_000_000

const NO_CONTACTS: readonly ContactThen[] = []

/** One call that a buyer was sold, for as long as a rule may ask of it. */
export interface Contact {
  readonly atMs: number
  readonly campaignId: CampaignId
  readonly targetId: TargetId | null
  /** It has been billed. */
  isConverted: boolean
}

/** Which calls came to a buyer from each caller, for the frequency rules of its campaigns; nothing is kept while there is none. */
export class CallerHistory {
  readonly #contacts = new Map<PhoneNumber, Contact[]>()
  readonly #mostCallers: number
  #keepMs = 0
  #sweepAt = FIRST_SWEEP

  constructor(mostCallers = MOST_CALLERS) {
    this.#mostCallers = mostCallers
  }

  /** How long any rule looks back, ms; 0 without one. */
  get keptMs(): number {
    return this.#keepMs
  }

  /** Some rule looks back so far: what comes from now on is kept as long. */
  keep(hours: number): void {
    this.#keepMs = Math.max(this.#keepMs, hours * HOUR_MS)
  }

  /** Whether the caller has had its share by this rule of the campaign, were it to ring this target now. */
  isExhausted(ani: PhoneNumber, rule: Frequency, campaignId: CampaignId, targetId: TargetId, atMs: number): boolean {
    const contacts = this.#contacts.get(ani)
    if (contacts === undefined) return false
    const since = atMs - rule.hours * HOUR_MS
    let count = 0
    for (const contact of contacts) {
      if (contact.atMs <= since) continue
      if (rule.after === 'converted' && !contact.isConverted) continue
      if (
        rule.per === 'target'
          ? contact.targetId !== targetId
          : rule.per !== 'buyer' && contact.campaignId !== campaignId
      )
        continue
      if (++count >= rule.calls) return true
    }
    return false
  }

  add(ani: PhoneNumber, contact: Contact): void {
    if (this.#keepMs === 0) return
    const since = contact.atMs - this.#keepMs
    const kept = this.#contacts.get(ani)?.filter(({ atMs }) => atMs > since) ?? []
    kept.push(contact)
    this.#contacts.delete(ani) // So that whoever called least lately comes first.
    this.#contacts.set(ani, kept)
    if (this.#contacts.size >= this.#sweepAt) this.#sweep(since)
    if (this.#contacts.size > this.#mostCallers) this.#contacts.delete(this.#contacts.keys().next().value!)
  }

  remove(ani: PhoneNumber, contact: Contact): void {
    const contacts = this.#contacts.get(ani)
    const index = contacts?.indexOf(contact) ?? -1
    if (contacts === undefined || index < 0) return
    contacts.splice(index, 1)
    if (contacts.length === 0) this.#contacts.delete(ani)
  }

  /** What is remembered of one caller, as copies. */
  contactsOf(ani: PhoneNumber): readonly ContactThen[] {
    return this.#contacts.get(ani)?.map((contact) => ({ ...contact })) ?? NO_CONTACTS
  }

  /** Remembers what `contactsOf` has told, whatever rules there are. */
  putBack(ani: PhoneNumber, contacts: readonly ContactThen[]): void {
    if (contacts.length > 0)
      this.#contacts.set(
        ani,
        contacts.map((contact) => ({ ...contact })),
      )
  }

  get size(): number {
    return this.#contacts.size
  }

  #sweep(since: number): void {
    for (const [ani, contacts] of this.#contacts) {
      if (contacts.every(({ atMs }) => atMs <= since)) this.#contacts.delete(ani)
    }
    this.#sweepAt = Math.max(FIRST_SWEEP, this.#contacts.size * 2)
  }
}
