import { Resolver } from 'node:dns/promises'
import type { NaptrRecord, SrvRecord } from 'node:dns'

/** An address and for how many seconds it may be believed. */
export interface AddressRecord {
  readonly address: string
  readonly ttl: number
}

/** The questions asked of the DNS. Each answers `[]` when there is no such record, and rejects when nobody could say. */
export interface Dns {
  addresses(name: string, family: 4 | 6): Promise<readonly AddressRecord[]>
  /** Node gives no time to live for these two. */
  services(name: string): Promise<readonly SrvRecord[]>
  pointers(name: string): Promise<readonly NaptrRecord[]>
}

/** Answers that mean: there is no such record. Anything else (no server, a time-out, SERVFAIL) means: nobody knows. */
const NONE = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME'])

interface DnsOptions {
  /** `address` or `address:port`; empty: those of the machine. */
  readonly servers: readonly string[]
  /** How long one server may take to answer one question; it is asked twice. */
  readonly timeoutMs: number
}

/** Why the configured DNS servers cannot be used: one of them is no address. */
export class DnsServersError extends Error {
  constructor(servers: readonly string[], cause: unknown) {
    super(`dns servers: each must be an IP address, with or without a port; got ${servers.join(', ')}`, { cause })
    this.name = 'DnsServersError'
  }
}

/** The DNS as the machine's resolver, or the servers given, know it. Throws a `DnsServersError`. */
export function openDns({ servers, timeoutMs }: DnsOptions): Dns {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 })
  if (servers.length > 0) {
    try {
      resolver.setServers(servers)
    } catch (error) {
      throw new DnsServersError(servers, error)
    }
  }
  return {
    addresses(name, family) {
      // `localhost` is in no DNS (RFC 6761 §6.3).
      if (name === 'localhost') return Promise.resolve([{ address: family === 4 ? '127.0.0.1' : '::1', ttl: 86_400 }])
      return orNone(family === 4 ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true }))
    },
    services: (name) => orNone(resolver.resolveSrv(name)),
    pointers: (name) => orNone(resolver.resolveNaptr(name)),
  }
}

async function orNone<T>(answer: Promise<T[]>): Promise<T[]> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof Error && 'code' in error && NONE.has(String(error.code))) return []
    throw error
  }
}
