import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import type { Role } from '../model/account.ts'
import type { AccountId, UserId } from '../model/ids.ts'

/** Who is asking: a person with an access token, or a program with an API key. */
export interface Caller {
  readonly accountId: AccountId
  readonly role: Role
  /** Null for an API key. */
  readonly userId: UserId | null
  /** By an API key that is good for pings and nothing else. */
  readonly isForPings?: true
  /** The access token's id (`jti`) and end, for logging out; null for an API key. */
  readonly token: { readonly id: string; readonly expiresAtMs: number } | null
}

export interface Answer {
  readonly status: number
  /** Absent: no content. */
  readonly body?: unknown
  /** In place of a body in JSON. */
  readonly content?: { readonly type: string; readonly bytes: string | Uint8Array }
  /** In place of either: so many bytes, as they come; `length` null: nobody knows yet how many. */
  readonly stream?: {
    readonly type: string
    readonly length: number | null
    readonly chunks: AsyncIterable<Uint8Array>
  }
  /** The version of the thing answered with: its ETag. */
  readonly version?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Kept for a repeat of the same Idempotency-Key in place of `body`, when that holds a secret. */
  readonly bodyForRepeats?: unknown
}

export interface ApiRequest<Body = unknown, Query = unknown> {
  /** Asserted present: the pipeline has let nobody else through (anonymous endpoints do not look). */
  readonly caller: Caller
  /** Path parameters; those named `id` or ending in `_id` are canonical UUIDs. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Query
  readonly body: Body
  readonly source: string
  readonly ifMatch: string | null
  /** The untouched request: for bodies that are read as they come. */
  readonly raw: IncomingMessage
}

export type Method = 'get' | 'post' | 'patch' | 'delete'

/** One promise of the API: what it is called, who may, what it takes and gives. Served and documented from this alone. */
export interface Endpoint {
  readonly method: Method
  /** Under `/api/v1`; parameters in braces: `/accounts/{id}`. */
  readonly path: string
  /** Also reachable without `/api/v1`, where the contract says so. */
  readonly bare?: boolean
  /** Only without `/api/v1`. */
  readonly rootOnly?: boolean
  readonly tag: string
  readonly summary: string
  readonly who: 'anyone' | readonly Role[]
  /** Asked by programs, many times a second: answered ahead of Express (`front-door.ts`). */
  readonly isBusy?: true
  /** An API key for pings is enough. */
  readonly takesPingKeys?: true
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  /** The handler reads the body itself, in one of these types. */
  readonly streams?: readonly string[]
  /** The body may be left out. */
  readonly bodyOptional?: boolean
  /** Counted against `loginPerMinute` per source address. */
  readonly guarded?: boolean
  readonly answers: Readonly<Record<number, z.ZodType | string>>
  /** What the 200 may also be, besides JSON. */
  readonly otherTypes?: readonly string[]
  readonly handle: (request: ApiRequest) => Promise<Answer> | Answer
}

interface Typed<B extends z.ZodType, Q extends z.ZodType> extends Omit<Endpoint, 'body' | 'query' | 'handle'> {
  readonly body?: B
  readonly query?: Q
  readonly handle: (request: ApiRequest<z.output<B>, z.output<Q>>) => Promise<Answer> | Answer
}

/** Declares an endpoint, its handler typed by its schemas. */
export function endpoint<B extends z.ZodType = z.ZodUnknown, Q extends z.ZodType = z.ZodUnknown>(
  declared: Typed<B, Q>,
): Endpoint {
  return declared as unknown as Endpoint
}

export const EVERYONE: readonly Role[] = ['admin', 'buyer', 'seller']
export const ADMIN: readonly Role[] = ['admin']
export const BUYERS: readonly Role[] = ['admin', 'buyer']
export const SELLERS: readonly Role[] = ['admin', 'seller']
