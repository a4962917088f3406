import { networkInterfaces } from 'node:os'

/** Where media engines take their orders, by port. */
const places = new Map<number, Set<string>>()

/** Nobody's audio is to be sent here from now on: whoever can send here commands an engine, whose protocol asks for no password. */
export function keepAudioFrom(address: string, port: number): void {
  const addresses = places.get(port) ?? new Set()
  places.set(port, addresses.add(plain(address)))
}

/**
 * Whether a description names such a place for its audio. RTP is relayed as it came, and rtpengine would read orders in it after the
 * first space; what it answers would be relayed, too.
 */
export function isControlPlace(address: string, port: number): boolean {
  const addresses = places.get(port)
  if (addresses === undefined) return false
  return addresses.has(plain(address)) || (isOurs(address) && [...addresses].some(isOurs))
}

/** Of this machine, whichever of its addresses it is. */
function isOurs(address: string): boolean {
  const wanted = plain(address)
  if (wanted === '::1' || wanted.startsWith('127.')) return true
  return Object.values(networkInterfaces()).some((each) => each?.some((own) => own.address === wanted))
}

/** IPv4, though written as IPv6. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}
