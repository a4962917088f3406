import { isIPv6 } from 'node:net'
import type { Settings } from '../../config/settings.ts'
import { publicAddresses } from '../start/addresses.ts'

/** What needs no port in a URI (RFC 3261 §19.1.2). */
const DEFAULT_PORT: Readonly<Record<string, number>> = { udp: 5060, tcp: 5060, tls: 5061 }

/**
 * Where the SIP URIs of answered pings lead: what the operator says, or this gateway's public address at the port it listens
 * on. `listening` is asked when the first URI is made; it is empty where the SIP server is not ours.
 */
export function pingHost(
  { ping, telephony }: Pick<Settings, 'ping' | 'telephony'>,
  listening: () => readonly { readonly transport: string; readonly port: number }[],
): () => string {
  let host = ping.sipHost
  return () => (host ??= publicHost(telephony, listening()))
}

function publicHost(
  telephony: Settings['telephony'],
  listening: readonly { readonly transport: string; readonly port: number }[],
): string {
  const address = publicAddresses(telephony)[0] ?? '127.0.0.1'
  const host = isIPv6(address) ? `[${address}]` : address
  const transport = ['udp', 'tcp', 'tls'].find((name) => listening.some((each) => each.transport === name)) ?? 'udp'
  const { sipPort } = telephony
  const port =
    listening.find((each) => each.transport === transport)?.port ?? (typeof sipPort === 'number' ? sipPort : 5060)
  const parameter = transport === 'udp' ? '' : `;transport=${transport}`
  return `${host}${port === 0 || port === DEFAULT_PORT[transport] ? '' : `:${port}`}${parameter}`
}
