import type { Caps } from './caps.ts'
import type { AccountId, ApiKeyId, UserId } from './ids.ts'
import type { Currency, Micros } from './money.ts'

/** `operator` is the house; `external` is the world money comes from and goes to: it has a ledger, nobody logs in as it. */
export type AccountType = 'buyer' | 'seller' | 'operator' | 'external'
export type AccountStatus = 'active' | 'suspended' | 'closed'
export type Role = 'admin' | 'buyer' | 'seller'

/** Fields every stored thing has. `version` grows by one with each change and is the API's ETag. */
export interface Stored {
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

export interface Account extends Stored {
  readonly id: AccountId
  readonly type: AccountType
  readonly name: string
  readonly email: string | null
  readonly status: AccountStatus
  readonly currency: Currency
  /** IANA zone. */
  readonly timezone: string
  readonly creditLimitMicros: Micros
  /** On the calls a buyer buys, or a seller sells, whatever their campaign or number. */
  readonly caps?: Caps | null
  /** The least a seller takes for any of its calls; a number may ask for more. */
  readonly reservePriceMicros?: Micros | null
  /** A buyer that has less than this, credit included, is told. */
  readonly lowBalanceMicros?: Micros | null
}

export interface User extends Stored {
  readonly id: UserId
  readonly accountId: AccountId
  readonly email: string
  readonly role: Role
  readonly passwordHash: string
}

/** `ping`: it asks what calls would bring, and nothing else; that kind stands in URLs. */
export type ApiKeyScope = 'all' | 'ping'

export interface ApiKey {
  readonly id: ApiKeyId
  readonly accountId: AccountId
  readonly name: string
  readonly scope: ApiKeyScope
  /** SHA-256 of the secret, hex: the secret itself is random, shown once and never kept. */
  readonly secretHash: string
  readonly createdAt: Date
}
