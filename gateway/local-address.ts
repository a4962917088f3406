import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

/** The address others reach us at when we listen on `host`: itself, or for a wildcard the first that is not loopback. */
export function localAddress(host: string): string {
  if (host !== '0.0.0.0' && host !== '::' && isIP(host) !== 0) return host
  const family = host === '::' ? 'IPv6' : 'IPv4'
  for (const addresses of Object.values(networkInterfaces()))
    for (const { address, internal, family: of } of addresses ?? []) if (!internal && of === family) return address
  return family === 'IPv6' ? '::1' : '127.0.0.1'
}
