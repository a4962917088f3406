import { isIPv4, isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Settings } from '../../config/settings.ts'
import type { ListenOptions } from '../sip-server/start.ts'

type Telephony = Settings['telephony']

/** What SIP listens on: every transport whose port is not `off`, on every host. */
export function sipAddresses(telephony: Telephony): ListenOptions[] {
  const { host, sipPort, tlsPort, wsPort, wssPort } = telephony
  const ports = { udp: sipPort, tcp: sipPort, tls: tlsPort, ws: wsPort, wss: wssPort } as const
  const listen: ListenOptions[] = []
  for (const transport of ['udp', 'tcp', 'tls', 'ws', 'wss'] as const) {
    const port = ports[transport]
    if (port !== 'off') for (const each of host) listen.push({ transport, host: each, port })
  }
  return listen
}

/** What others are told, one address for each family we listen on: the one configured, the one bound, or this machine's first. */
export function publicAddresses({ host, publicAddress }: Pick<Telephony, 'host' | 'publicAddress'>): string[] {
  const told: string[] = []
  for (const isOfFamily of [isIPv4, isIPv6]) {
    const bound = host.find((each) => isOfFamily(each))
    const configured = publicAddress?.find((each) => isOfFamily(each))
    // A public address of a family we do not listen on is a mistake, or NAT between families: it is still what peers can reach.
    if (bound !== undefined) told.push(configured ?? reachable(bound))
  }
  return told
}

/** Where RTP is bound and what descriptions name: IPv4 first, and IPv6 beside it where we listen on both. */
export function mediaAddresses(telephony: Pick<Telephony, 'host' | 'publicAddress'>) {
  const { host } = telephony
  const [told, told6] = publicAddresses(telephony)
  const v4 = host.find((each) => isIPv4(each))
  const v6 = host.find((each) => isIPv6(each))
  if (v4 === undefined || v6 === undefined) return { address: (v4 ?? v6)!, publicAddress: told! }
  return { address: v4, publicAddress: told!, address6: v6, publicAddress6: told6! }
}

/** The address others reach us at when we listen on `host`: itself, or for a wildcard the first that is not loopback. */
function reachable(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host
  const family = host === '::' ? 'IPv6' : 'IPv4'
  for (const addresses of Object.values(networkInterfaces()))
    for (const { address, internal, family: of } of addresses ?? []) if (!internal && of === family) return address
  return family === 'IPv6' ? '::1' : '127.0.0.1'
}
