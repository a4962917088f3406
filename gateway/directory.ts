import type { Account } from '../model/account.ts'
import type { Campaign } from '../model/bid.ts'
import type { BookChange } from '../model/book.ts'
import type { AccountId, CampaignId, NumberId, TargetId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import type { DialledNumber, Target } from '../model/trunk.ts'

/** The part of the book a call looks things up in by name: accounts, campaigns, dialled numbers, targets. */
export class Directory {
  readonly #accounts = new Map<AccountId, Account>()
  readonly #numbers = new Map<PhoneNumber, DialledNumber>()
  readonly #numbersOf = new Map<AccountId, Set<PhoneNumber>>()
  readonly #numbersById = new Map<NumberId, DialledNumber>()
  readonly #campaigns = new Map<CampaignId, Campaign>()
  readonly #targets = new Map<TargetId, Target>()

  apply(change: BookChange): void {
    if (change.kind === 'account') put(this.#accounts, change.id, change.value)
    else if (change.kind === 'campaign') put(this.#campaigns, change.id, change.value)
    else if (change.kind === 'target') put(this.#targets, change.id, change.value)
    else if (change.kind === 'number') {
      const before = this.#numbersById.get(change.id)
      if (before) {
        this.#numbers.delete(before.number)
        this.#numbersOf.get(before.accountId)?.delete(before.number)
      }
      put(this.#numbersById, change.id, change.value)
      if (change.value) {
        const { accountId, number } = change.value
        this.#numbers.set(number, change.value)
        const others = this.#numbersOf.get(accountId)
        if (others) others.add(number)
        else this.#numbersOf.set(accountId, new Set([number]))
      }
    }
  }

  account(id: AccountId): Account | undefined {
    return this.#accounts.get(id)
  }
  *activeBuyers(): Generator<AccountId> {
    for (const { id, type, status } of this.#accounts.values()) if (type === 'buyer' && status === 'active') yield id
  }
  campaign(id: CampaignId): Campaign | undefined {
    return this.#campaigns.get(id)
  }
  number(number: PhoneNumber): DialledNumber | undefined {
    return this.#numbers.get(number)
  }
  /** The number of an account that has but one. */
  onlyNumberOf(id: AccountId): PhoneNumber | null {
    const numbers = this.#numbersOf.get(id)
    return numbers?.size === 1 ? numbers.values().next().value! : null
  }
  numberById(id: NumberId): DialledNumber | undefined {
    return this.#numbersById.get(id)
  }
  target(id: TargetId): Target | undefined {
    return this.#targets.get(id)
  }
}

function put<K, V>(map: Map<K, V>, key: K, value: V | null): void {
  if (value === null) map.delete(key)
  else map.set(key, value)
}
